# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash disable=SC2154 # guest.sh leaves $stage, $deb, $guest_arch
#
# The whole product for another architecture, with Debian's cross compiler and that architecture's own -dev packages, which
# are unpacked beside the build: nothing foreign is installed. Sourced after guest.sh, whose fetching it uses.
#
#	cross_build arm64		leaves the build folder in $cross, and its libraries in $GUEST_LIBRARIES
#	cross_compile out source...	one more program against it

# What the build and the tests need, with the libraries behind the -dev packages.
CROSS_PACKAGES=(libevent-dev libevent-2.1-7 libevent-core-2.1-7 libevent-extra-2.1-7 libevent-pthreads-2.1-7
	libevent-openssl-2.1-7 libprotobuf-c-dev libprotobuf-c1 libsystemd-dev libsystemd0 libcap2 libgcrypt20
	libgpg-error0 liblz4-1 liblzma5 libzstd1 libconfuse-dev libconfuse2 libbsd-dev libbsd0 libmd-dev libmd0
	libjson-c-dev libjson-c5 uthash-dev check libsubunit-dev libsubunit0
	libnanopb-dev libseccomp-dev libseccomp2)

# cross_sysroot ARCH: leaves the folder in $sysroot. What changes there is the list of packages only.
cross_sysroot() {
	local package deb

	sysroot=$GUEST_CACHE/$1/sysroot
	[[ $(cat "$sysroot.packages" 2>/dev/null) != "${CROSS_PACKAGES[*]}" ]] || return 0
	rm -rf "$sysroot"
	mkdir -p "$sysroot"
	for package in "${CROSS_PACKAGES[@]}"; do
		guest_fetch "$1" "$package"
		dpkg-deb --extract "$deb" "$sysroot" || guest_die "$deb cannot be unpacked"
	done
	echo "${CROSS_PACKAGES[*]}" >"$sysroot.packages"
}

# cross_triplet ARCH
cross_triplet() {
	case $1 in
	arm64) echo aarch64-linux-gnu ;;
	*) guest_die "no cross compiler for $1 is known" ;;
	esac
}

# cross_build ARCH: configures when that has changed, and makes everything and the tests' programs.
cross_build() {
	local triplet flags stamp

	triplet=$(cross_triplet "$1") || exit
	cross_sysroot "$1"
	cross=$GUEST_CACHE/$1/build
	GUEST_LIBRARIES=$sysroot/usr/lib/$triplet:$sysroot/lib/$triplet
	cross_cflags="-I$sysroot/usr/include -I$sysroot/usr/include/$triplet"
	cross_ldflags="-L$sysroot/usr/lib/$triplet -Wl,-rpath-link,$GUEST_LIBRARIES"
	flags="--host=$triplet --prefix=/usr --sysconfdir=/etc --localstatedir=/var --enable-werror"
	mkdir -p "$cross"
	stamp="$flags $cross_ldflags $(cat "$VCM_SRCDIR"/{configure.ac,m4/vcm.m4,Makefile.am} | sha256sum)"
	if [[ ! -f $cross/Makefile || $(cat "$cross/.configured" 2>/dev/null) != "$stamp" ]]; then
		# shellcheck disable=SC2086
		(cd "$cross" && PKG_CONFIG_LIBDIR=$sysroot/usr/lib/$triplet/pkgconfig:$sysroot/usr/share/pkgconfig \
			PKG_CONFIG_SYSROOT_DIR=$sysroot CC="${CROSS_CC:-$triplet-gcc}" CPPFLAGS=$cross_cflags LDFLAGS=$cross_ldflags \
			"$VCM_SRCDIR/configure" -q $flags) >"$cross.configure.log" 2>&1 </dev/null ||
			{ tail -n 40 "$cross.configure.log" >&2; guest_die "the build for $1 cannot be configured"; }
		echo "$stamp" >"$cross/.configured"
	fi
	cross_make all
}

# cross_make TARGET...
cross_make() {
	make -C "$cross" -j"${JOBS:-$(nproc)}" "$@" >"$cross.make.log" 2>&1 </dev/null ||
		{ tail -n 40 "$cross.make.log" >&2; guest_die "the build for ${cross%/build} fails"; }
}

# cross_object SOURCE OBJECT: compiled as the product is, whatever folder it is in.
cross_object() {
	local flags

	flags=$(make -s -C "$cross" print-cppflags | tail -n 1)
	# shellcheck disable=SC2086
	eval "${CROSS_CC:-$(cross_triplet "$guest_arch")-gcc}" -std=gnu11 -O2 -fPIC $flags "-I'$VCM_SRCDIR'" "-I'$VCM_SRCDIR/include'" \
		"-I'$cross'" -c -o "'$2'" "'$1'" || guest_die "$1 does not compile"
}

# cross_daemon PROGRAM OBJECT: vcmd with an object in place of one of its own.
cross_daemon() {
	local program=$cross/vcmd/vcmd

	mv "$program" "$program.kept"
	# What is named first is taken, and the member of the library that has the same names is not looked for.
	make -C "$cross" vcmd/vcmd "vcmd_vcmd_LDADD=$2 \$(BROKER_LIBS)" vcmd_vcmd_DEPENDENCIES= >"$cross.make.log" 2>&1 </dev/null ||
		{ mv "$program.kept" "$program"; tail -n 20 "$cross.make.log" >&2; guest_die "vcmd does not link with $2"; }
	mkdir -p "${1%/*}"
	mv "$program" "$1"
	mv "$program.kept" "$program"
	guest_libraries "$1"
}

# cross_client SOURCE PROGRAM [SOURCE...]: a program of the public API, against what is installed in the guest.
cross_client() {
	local source=$1 program=$2

	shift 2
	"$(cross_triplet "$guest_arch")-gcc" -std=gnu11 -Wall -Wextra -O2 -pthread -I"$VCM_SRCDIR" -I"$VCM_SRCDIR/include" -o "$program" "$source" "$@" \
		-L"$stage/usr/lib" -Wl,-rpath-link,"$stage/usr/lib:$GUEST_LIBRARIES" -lvcmclient || guest_die "$source does not compile"
}
