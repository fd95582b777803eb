# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash disable=SC2154 # guest.sh leaves $release and $deb
#
# Modules that Debian's kernel has the source of and not the binary. Sourced after guest.sh and cross.sh.
#
#	module_build arm64 drivers/uio/uio_pdrv_genirq.c	leaves its file in $module: for guest_module
#
# Its kernel's headers, the tools they need (which run here) and the one file of the source are fetched and kept. The source
# package is large: it goes when its file has been taken out.

# module_headers ARCH: leaves the folder to build in, in $headers: headers that name each other by absolute paths are told
# where they are.
module_headers() {
	local flavour=linux-headers-$release common series package

	series=$(sed -E 's/^([0-9]+\.[0-9]+).*/\1/' <<<"$release")
	headers=$GUEST_CACHE/$1/headers/usr/src/$flavour
	[[ ! -f $headers/.ready ]] || return 0
	rm -rf "$GUEST_CACHE/$1/headers"
	common=linux-headers-${release%-*}-common
	for package in "$1/$flavour" "$1/$common" "$(dpkg --print-architecture)/linux-kbuild-$series"; do
		guest_fetch "${package%/*}" "${package#*/}"
		dpkg-deb --extract "$deb" "$GUEST_CACHE/$1/headers" || guest_die "$deb cannot be unpacked"
	done
	sed -i "s|/usr/src/|$GUEST_CACHE/$1/headers/usr/src/|; s|/usr/lib/linux-kbuild|$GUEST_CACHE/$1/headers/usr/lib/linux-kbuild|" \
		"$headers/Makefile"
	# It asks dpkg for the architecture only where it is not told.
	sed -i 's|^ifneq .*|ifeq (1,1)|' "$headers/.kernelvariables"
	touch "$headers/.ready"
}

# module_source ARCH FILE: leaves it in $source.
module_source() {
	local series deb

	source=$GUEST_CACHE/$1/source/$2
	[[ ! -s $source ]] || return 0
	series=$(sed -E 's/^([0-9]+\.[0-9]+).*/\1/' <<<"$release")
	guest_fetch "$1" "linux-source-$series"
	mkdir -p "${source%/*}"
	dpkg-deb --fsys-tarfile "$deb" | tar -xO "./usr/src/linux-source-$series.tar.xz" |
		tar -xJO "linux-source-$series/$2" >"$source.new" || guest_die "linux-source-$series has no $2"
	mv "$source.new" "$source"
	rm "$deb"
}

# module_build ARCH FILE
module_build() {
	local name folder log source headers triplet

	name=$(basename "$2" .c)
	folder=$GUEST_CACHE/$1/modules-$release/$name
	module=$folder/$name.ko
	[[ ! -s $module ]] || return 0
	log=$GUEST_CACHE/$1/module.log
	triplet=$(cross_triplet "$1") || exit
	module_headers "$1"
	module_source "$1" "$2"
	mkdir -p "$folder"
	cp "$source" "$folder/"
	echo "obj-m := $name.o" >"$folder/Makefile"
	make -C "$headers" M="$folder" ARCH="$1" CROSS_COMPILE="$triplet-" DEB_HOST_GNU_TYPE="$triplet" modules \
		>"$log" 2>&1 </dev/null || { tail -n 40 "$log" >&2; guest_die "the module $name cannot be built"; }
}
