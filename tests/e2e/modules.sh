# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash disable=SC2154 # guest.sh leaves $release and $deb
#
# Modules that Debian's kernel has the source of and not the binary. Sourced after guest.sh and cross.sh.
#
#	module_build arm64 drivers/uio/uio_pdrv_genirq.c	leaves its file in $module: for guest_module
#	module_build_vfio arm64					leaves those of VFIO without an IOMMU in ${vfio_modules[@]}
#
# Its kernel's headers, the tools they need (which run here) and the few files of the source are fetched and kept. The source
# package is large: it goes when they have been taken out.

module_sources=(drivers/uio/uio_pdrv_genirq.c drivers/vfio)

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

# module_source ARCH PATH: leaves it in $source.
module_source() {
	local series deb folder=$GUEST_CACHE/$1/source-$release

	source=$folder/$2
	[[ ! -e $source ]] || return 0
	series=$(sed -E 's/^([0-9]+\.[0-9]+).*/\1/' <<<"$release")
	guest_fetch "$1" "linux-source-$series"
	rm -rf "$folder" "$folder.new"
	mkdir -p "$folder.new"
	dpkg-deb --fsys-tarfile "$deb" | tar -xO "./usr/src/linux-source-$series.tar.xz" |
		tar -xJ -C "$folder.new" --strip-components=1 "${module_sources[@]/#/linux-source-$series/}" ||
		guest_die "linux-source-$series does not have ${module_sources[*]}"
	mv "$folder.new" "$folder"
	rm "$deb"
}

# module_make ARCH FOLDER
module_make() {
	local log=$GUEST_CACHE/$1/module.log headers triplet

	triplet=$(cross_triplet "$1") || exit
	module_headers "$1"
	make -C "$headers" M="$2" ARCH="$1" CROSS_COMPILE="$triplet-" DEB_HOST_GNU_TYPE="$triplet" modules \
		>"$log" 2>&1 </dev/null || { tail -n 40 "$log" >&2; guest_die "the modules in $2 cannot be built"; }
}

# module_build ARCH FILE
module_build() {
	local name folder source

	name=$(basename "$2" .c)
	folder=$GUEST_CACHE/$1/modules-$release/$name
	module=$folder/$name.ko
	[[ ! -s $module ]] || return 0
	module_source "$1" "$2"
	mkdir -p "$folder"
	cp "$source" "$folder/"
	echo "obj-m := $name.o" >"$folder/Makefile"
	module_make "$1" "$folder"
}

# module_build_vfio ARCH: Debian's kernel has neither devices of the platform in VFIO nor groups without an IOMMU. Of Linux 6.1
# a device that needs no reset is refused all the same, for want of one.
module_build_vfio() {
	local folder=$GUEST_CACHE/$1/modules-$release/vfio source

	vfio_modules=("$folder/vfio.ko" "$folder/vfio_virqfd.ko" "$folder/platform/vfio-platform-base.ko"
		"$folder/platform/vfio-platform.ko")
	[[ ! -s ${vfio_modules[3]} ]] || return 0
	module_source "$1" drivers/vfio
	rm -rf "$folder"
	mkdir -p "${folder%/*}"
	cp -r "$source" "$folder"
	cat >"$folder/Kbuild" <<-END
		ccflags-y := -DCONFIG_VFIO_NOIOMMU=1
		obj-m := vfio.o vfio_virqfd.o platform/
		vfio-y := vfio_main.o iova_bitmap.o container.o
		vfio_virqfd-y := virqfd.o
	END
	cat >"$folder/platform/Kbuild" <<-END
		ccflags-y := -DCONFIG_VFIO_NOIOMMU=1
		obj-m := vfio-platform-base.o vfio-platform.o
		vfio-platform-base-y := vfio_platform_common.o vfio_platform_irq.o
		vfio-platform-y := vfio_platform.o
	END
	rm -f "$folder/Makefile" "$folder/platform/Makefile"
	sed -i '/No reset function found/,/return ret/ s/return ret;/return vdev->reset_required ? ret : 0;/' \
		"$folder/platform/vfio_platform_common.c"
	module_make "$1" "$folder"
}
