# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash
#
# Virtual machines for the suites beside this file, which source it: a Debian kernel, an initramfs of busybox and the
# installed product, and QEMU without any help of the host's processor. Needs root for nothing.
#
#	. "$(dirname "$0")/guest.sh"
#	guest_new amd64 x86				$stage: what becomes the initramfs; $sysroot: its packages
#	guest_modules vfio-pci				with all that they need, loaded in this order
#	guest_install "$VCM_BUILDDIR"			`make install`, and the libraries of what was installed
#	guest_program build/tests/e2e/dma /usr/bin/dma	any program, with its libraries
#	guest_script tests/e2e/x86.guest		what /init runs: it sources /lib.sh (guest-lib.sh)
#	guest_boot x86 120 "${machine[@]}"		boots, and says what came of it
#
# What comes from Debian is fetched once into build/e2e/, for any architecture, by an apt that keeps its books there; the
# sources and their keys are those of the host. What a suite shows goes into a log beside it, and is counted by ./dev e2e.
#
# Deliberately without: disks, networks, KVM, and a second try of anything but a boot that shows no result at all.

: "${VCM_SRCDIR:?}" "${VCM_BUILDDIR:?}"
GUEST_CACHE=${GUEST_CACHE:-$VCM_BUILDDIR/e2e}

guest_die() {
	printf 'guest: %s\n' "$*" >&2
	exit 1
}

# --- packages ----------------------------------------------------------------------------------------------------

# guest_apt ARCH TOOL ARGUMENT...: apt-get or apt-cache for an architecture that the host need not know.
guest_apt() {
	local arch=$1 tool=$2 state=$GUEST_CACHE/$1/apt

	shift 2
	mkdir -p "$state/lists/partial" "$state/archives/partial"
	"$tool" -q -o APT::Architecture="$arch" -o APT::Architectures="$arch" -o Dir::State::status=/dev/null \
		-o Dir::State::Lists="$state/lists" -o Dir::Cache="$state" -o APT::Sandbox::User= "$@" </dev/null
}

# guest_index ARCH [again]: which packages there are; fetched when it is not known, or anew.
guest_index() {
	[[ ${2:-} != again && -n $(ls "$GUEST_CACHE/$1"/apt/lists/*_Packages* 2>/dev/null) ]] ||
		guest_apt "$1" apt-get update >"$GUEST_CACHE/$1/update.log" 2>&1 ||
		cat "$GUEST_CACHE/$1/update.log" >&2
}

# guest_fetch ARCH PACKAGE: leaves the package's file in $deb. An index that is too old names files that are gone.
guest_fetch() {
	local debs=$GUEST_CACHE/$1/debs log=$GUEST_CACHE/$1/download.log

	mkdir -p "$debs"
	deb=$(find "$debs" -name "$2_*.deb" | head -n 1)
	[[ -z $deb ]] || return 0
	guest_index "$1"
	(cd "$debs" && guest_apt "$1" apt-get download "$2" >"$log" 2>&1) ||
		{ guest_index "$1" again && (cd "$debs" && guest_apt "$1" apt-get download "$2" >"$log" 2>&1); } ||
		{ cat "$log" >&2; guest_die "$2 cannot be fetched for $1"; }
	deb=$(find "$debs" -name "$2_*.deb" | head -n 1)
	[[ -n $deb ]] || guest_die "$2 was fetched for $1, and is not there"
}

# guest_package ARCH PACKAGE: leaves the folder of its unpacked files in $package.
guest_package() {
	local deb

	package=$GUEST_CACHE/$1/packages/$2
	[[ ! -d $package ]] || return 0
	guest_fetch "$1" "$2"
	rm -rf "$package.new"
	mkdir -p "$package.new"
	{ dpkg-deb --extract "$deb" "$package.new" && mv "$package.new" "$package"; } ||
		guest_die "$deb cannot be unpacked"
}

# guest_depends ARCH PACKAGE PATTERN: what of that shape the package depends on, the first one.
guest_depends() {
	local known=$GUEST_CACHE/$1/depends-$2

	if [[ ! -s $known ]]; then
		mkdir -p "$GUEST_CACHE/$1"
		guest_index "$1"
		guest_apt "$1" apt-cache depends "$2" | sed -n 's/^ *|\?Depends: //p' >"$known"
	fi
	grep -m 1 -E "$3" "$known" || guest_die "$2 of $1 depends on nothing like $3"
}

# guest_kernel ARCH: Debian's kernel of today. Leaves $kernel (the image), $release, and $kernel_modules (a folder like /).
guest_kernel() {
	local name package

	name=$(guest_depends "$1" "linux-image-$1" '^linux-image-[0-9]') || exit
	guest_package "$1" "$name"
	release=${name#linux-image-}
	kernel=$package/boot/vmlinuz-$release
	kernel_modules=$package
	[[ -f $package/lib/modules/$release/modules.dep ]] || depmod -b "$package" "$release" ||
		guest_die "the modules of $name cannot be listed"
}

# --- what is in it -----------------------------------------------------------------------------------------------

# guest_new ARCH NAME: an empty guest with busybox as its programs, and /init. Leaves $stage, and what guest_kernel leaves.
guest_new() {
	guest_arch=$1
	stage=$GUEST_CACHE/$2.root
	guest_kernel "$1"
	guest_package "$1" busybox-static
	rm -rf "$stage"
	mkdir -p "$stage"/{bin,dev,etc,lib,proc,root,run,sys,tmp,usr/{bin,lib,sbin},var}
	cp "$package/bin/busybox" "$stage/bin/"
	cp "$VCM_SRCDIR/tests/e2e/guest-init" "$stage/init"
	cp "$VCM_SRCDIR/tests/e2e/guest-lib.sh" "$stage/lib.sh"
	chmod 755 "$stage" "$stage/init"
	printf 'root:x:0:0::/root:/bin/sh\nnobody:x:65534:65534::/:/bin/sh\n' >"$stage/etc/passwd"
	printf 'root:x:0:\nnogroup:x:65534:\n' >"$stage/etc/group"
	: >"$stage/modules.list"
}

# guest_modules NAME...: with what they depend on, in the order in which they are loaded at boot. One that is built into
# this kernel is passed over.
guest_modules() {
	local base=$kernel_modules/lib/modules/$release name file needs module

	for name in "$@"; do
		grep -qE "/${name//[-_]/[-_]}\.ko" "$base/modules.builtin" && continue
		file=$(grep -E "(^|/)${name//[-_]/[-_]}\.ko(\.xz)?:" "$base/modules.dep") ||
			guest_die "the kernel $release has no module $name"
		read -r -a needs <<<"${file#*:}"
		# Each needs what stands right of it.
		for module in $(printf '%s\n' "${file%%:*}" "${needs[@]}" | tac); do
			guest_module "$base/$module"
		done
	done
}

# guest_module FILE: one that is loaded after those before it; also one that the suite has built.
guest_module() {
	local name=${1##*/}

	name=${name%.xz}
	grep -qx "/modules/$name" "$stage/modules.list" && return
	mkdir -p "$stage/modules"
	if [[ $1 == *.xz ]]; then
		xz -dc "$1" >"$stage/modules/$name"
	else
		cp "$1" "$stage/modules/$name"
	fi || guest_die "$1 cannot be copied"
	echo "/modules/$name" >>"$stage/modules.list"
}

# guest_program FILE [PATH]: a program, at PATH in the guest (/usr/bin/NAME), and the libraries it needs.
guest_program() {
	local to=$stage${2:-/usr/bin/${1##*/}}

	mkdir -p "${to%/*}"
	cp -L "$1" "$to" || guest_die "there is no $1"
	chmod 755 "$to"
	guest_libraries "$to"
}

# Where libraries are looked for: the guest, what GUEST_LIBRARIES names, the host's of that architecture.
guest_library_folders() {
	local triplet

	case $guest_arch in
	amd64) triplet=x86_64-linux-gnu ;;
	arm64) triplet=aarch64-linux-gnu ;;
	*) guest_die "the libraries of $guest_arch are nowhere" ;;
	esac
	printf '%s\n' "$stage/usr/lib" "$stage/lib" ${GUEST_LIBRARIES:+"${GUEST_LIBRARIES//:/$'\n'}"} \
		"/usr/lib/$triplet" "/lib/$triplet" "/usr/$triplet/lib"
}

# guest_libraries FILE...: what they need, and what that needs: read from the files, so it serves foreign ones.
guest_libraries() {
	local file needed folder interpreter

	for file in "$@"; do
		interpreter=$(readelf -lW "$file" 2>/dev/null | sed -n 's/.*program interpreter: \(.*\)\]$/\1/p')
		for needed in $interpreter $(readelf -dW "$file" 2>/dev/null | sed -n 's/.*(NEEDED).*\[\(.*\)\]$/\1/p'); do
			# The loader is where the program says; libraries are where the loader looks.
			local to=/usr/lib/$needed
			[[ $needed != /* ]] || to=$needed
			[[ ! -e $stage$to ]] || continue
			while read -r folder; do
				[[ -e $folder/${needed##*/} ]] && break
			done < <(guest_library_folders)
			[[ -n $folder ]] || guest_die "$file needs $needed, which is nowhere"
			mkdir -p "$stage${to%/*}"
			cp -L "$folder/${needed##*/}" "$stage$to" || guest_die "$needed cannot be copied"
			guest_libraries "$stage$to"
		done
	done
}

# guest_install BUILDDIR: what `make install` of that build puts into /, but headers, manuals and documents.
guest_install() {
	local file

	make -C "$1" install DESTDIR="$stage" >"$GUEST_CACHE/install.log" 2>&1 </dev/null ||
		{ tail -n 40 "$GUEST_CACHE/install.log" >&2; guest_die "make install fails"; }
	rm -rf "$stage"/usr/{include,share/{man,doc},lib/pkgconfig,lib/*.a}
	for file in "$stage"/usr/{bin,sbin}/* "$stage"/usr/lib/*.so; do
		[[ ! -f $file ]] || guest_libraries "$file"
	done
}

# guest_script FILE: the suite's part in the guest, a busybox sh script.
guest_script() {
	install -m 755 "$1" "$stage/suite" || guest_die "there is no $1"
}

# --- boot --------------------------------------------------------------------------------------------------------

# guest_pack NAME: leaves the initramfs in $initramfs.
guest_pack() {
	initramfs=$GUEST_CACHE/$1.initramfs
	(cd "$stage" && find . -print0 | LC_ALL=C sort -z | cpio --quiet --null -o -H newc -R 0:0) |
		gzip -1 >"$initramfs" || guest_die "the initramfs of $1 cannot be packed"
}

guest_qemu() {
	case $guest_arch in
	amd64) echo qemu-system-x86_64 ;;
	arm64) echo qemu-system-aarch64 ;;
	esac
}

# guest_boot NAME SECONDS QEMU-ARGUMENT...: packs, boots, shows the suite's lines, and leaves the counts in $n_passed,
# $n_failed, $n_skipped (added up over several boots). $cmdline, if set, is the kernel's. A guest that shows no result is
# started once more: a console may lose its end. One that runs out of time, or says that it failed, is not.
guest_boot() {
	local name=$1 seconds=$2 log=$GUEST_CACHE/$1.console attempt status

	shift 2
	guest_pack "$name"
	for attempt in 1 2; do
		[[ $attempt == 1 ]] || echo "the guest showed no result: once more"
		timeout -k 5 "$seconds" "$(guest_qemu)" -accel tcg -nodefaults -display none -serial stdio -monitor none \
			-no-reboot -kernel "$kernel" -initrd "$initramfs" \
			-append "panic=-1 quiet ${cmdline:-}" "$@" </dev/null 2>"$GUEST_CACHE/$name.qemu" |
			tr -d '\r' >"$log"
		status=${PIPESTATUS[0]}
		grep -q '^RESULT ' "$log" && break
		tail -n 40 "$log" "$GUEST_CACHE/$name.qemu"
		((status != 124 && status != 137)) || { echo "FAIL the guest has not ended after $seconds s"; break; }
	done
	guest_count "$log"
}

# guest_count LOG: shows what the suite said, and adds its result.
guest_count() {
	local result p=0 f=1 s=0

	sed -n '/^SUITE$/,/^RESULT / { /^SUITE$/d; /^RESULT /d; p }' "$1"
	result=$(grep '^RESULT ' "$1" | tail -n 1)
	[[ -z $result ]] || read -r _ p f s <<<"$result"
	n_passed=$((${n_passed:-0} + p))
	n_failed=$((${n_failed:-0} + f))
	n_skipped=$((${n_skipped:-0} + s))
}

# The closing line of a suite, and whether it passed.
guest_end() {
	echo "${n_passed:-0} passed, ${n_failed:-0} failed, ${n_skipped:-0} skipped"
	((${n_failed:-0} == 0 && ${n_passed:-0} > 0))
}
