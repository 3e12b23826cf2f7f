# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
#
# The build steps: kernel (one object tree for each flavour), QEMU, the initrd's
# fixed part and our programs. Each step compares a hash of all that goes into it
# with its stamp, and is skipped if they are equal.

CONFIG=$VM/config
QEMU=$BUILD/qemu/qemu-system-aarch64
QEMU_FLAGS=(--python=/usr/bin/python3
	--target-list=aarch64-softmmu
	--without-default-features --without-default-devices --with-devices-aarch64=nvgrace
	--enable-tcg --enable-fdt=system --disable-debug-info
	--disable-docs --disable-tools --disable-guest-agent --disable-install-blobs)
USER_CFLAGS='-O2 -g -static -Wall -Wextra -Werror -pthread'

kernel_dir() { printf '%s\n' "$BUILD/linux-$1"; }

# kernel_image FLAVOUR: what QEMU boots, in kernel_dir
kernel_image() { [[ $1 == x86 ]] && echo arch/x86/boot/bzImage || echo arch/arm64/boot/Image; }

# cross_of FLAVOUR: prefix of its compiler and binutils
cross_of() { [[ $1 == x86 ]] && echo "$X86_CROSS" || echo "$CROSS"; }

# tree_of FLAVOUR: its source
tree_of() { [[ $1 == upstream ]] && echo "$SRC/linux-upstream" || echo "$SRC/linux"; }

kernel_make()
{
	local flavour=$1 arch=arm64
	shift
	[[ $flavour == x86 ]] && arch=x86_64
	make -C "$(tree_of "$flavour")" O="$(kernel_dir "$flavour")" ARCH=$arch \
		CROSS_COMPILE="$(cross_of "$flavour")" "$@"
}

# config_fragments FLAVOUR
config_fragments()
{
	case $1 in
	x86) cat "$CONFIG/x86.config" ;;
	# The debug flavour without us
	off | upstream)
		cat "$CONFIG"/{base,debug}.config |
			grep -vE '^CONFIG_(IOMMUFD_MEM|IOMMUFD_MEM_CARVEOUT|VFIO_PCI_MEM|NVGRACE_EGM|NVGRACE_VGPU|NVGRACE_VGPU_TEST)='
		;;
	*) cat "$CONFIG/base.config" "$CONFIG/$1.config" ;;
	esac
}

configure_kernel()
{
	local flavour=$1 dir line missing=()
	dir=$(kernel_dir "$1")
	mkdir -p "$dir"
	config_fragments "$flavour" >"$dir/.vm-seed"
	run_logged "linux-$flavour-config" '' \
		kernel_make "$flavour" KCONFIG_ALLCONFIG="$dir/.vm-seed" allnoconfig
	while read -r line; do
		grep -qxF -- "$line" "$dir/.config" || missing+=("$line")
	done < <(grep '^CONFIG_' "$dir/.vm-seed")
	((${#missing[@]} == 0)) ||
		die "the $flavour configuration lost: ${missing[*]} (their dependencies are not met, see $CONFIG)"
}

make_kernel()
{
	local image
	image=$(kernel_image "$1")
	kernel_make "$1" -j"$JOBS" "${image##*/}" modules && kernel_make "$1" headers
}

build_kernel()
{
	local flavour=$1 dir inputs config
	dir=$(kernel_dir "$1")
	config=$({
		config_fragments "$flavour"
		grep Kconfig "$SRC/linux.overlay"
		cat "$SRC/linux.from"
		"$(cross_of "$flavour")gcc" --version
	} | hash_of)
	inputs=$({ echo "$config"; cat "$SRC/linux.overlay"; } | hash_of)
	[[ -f $dir/$(kernel_image "$flavour") ]] && fresh "$dir/.vm-built" "$inputs" && return
	working
	if ! fresh "$dir/.vm-configured" "$config"; then
		[[ -f $dir/vmlinux ]] || need_space "$CACHE" 2000 "building the $flavour kernel"
		configure_kernel "$flavour"
		stamp "$dir/.vm-configured" "$config"
	fi
	PROGRESS_UNIT=files run_logged "linux-$flavour" '^  [A-Z]' make_kernel "$flavour"
	stamp "$dir/.vm-built" "$inputs"
}

with_tools()
{
	env PATH="$TOOLS/usr/bin:$PATH" PYTHONPATH="$TOOLS/usr/lib/python3/dist-packages" "$@"
}

build_qemu()
{
	local dir=$BUILD/qemu flags inputs
	flags=$({ printf '%s\n' "${QEMU_FLAGS[@]}"; cat "$SRC/qemu.from" "$TOOLS/.stamp"; } | hash_of)
	inputs=$({ echo "$flags"; cat "$SRC/qemu.overlay"; } | hash_of)
	[[ -x $QEMU ]] && fresh "$dir/.vm-built" "$inputs" && return
	working
	if ! fresh "$dir/.vm-configured" "$flags"; then
		need_space "$CACHE" 1000 "building QEMU"
		mkdir -p "$dir"
		run_logged qemu-configure '' with_tools env -C "$dir" "$SRC/qemu/configure" "${QEMU_FLAGS[@]}"
		stamp "$dir/.vm-configured" "$flags"
	fi
	PROGRESS_UNIT=files run_logged qemu '^\[[0-9]+/' \
		with_tools ninja -v -C "$dir" -j "$JOBS" qemu-system-aarch64
	stamp "$dir/.vm-built" "$inputs"
}

# modules_of FLAVOUR: our modules and what they need, in the order of loading
modules_of()
{
	local dir module dep name
	local -A path=() todo=() seen=()
	dir=$(kernel_dir "$1")
	while read -r module; do
		module=${module%.o}
		name=${module##*/}
		name=${name//-/_}
		path[${name%.ko}]=${module%.ko}.ko
		grep -qF -- "  ${module%/*}/" "$SRC/linux.overlay" && todo[${name%.ko}]=1
	done <"$dir/modules.order"
	while ((${#todo[@]})); do
		for name in "${!todo[@]}"; do
			unset "todo[$name]"
			[[ ${seen[$name]:-} ]] && continue
			seen[$name]=1
			echo "${path[$name]} ${path[$name]}"
			while read -r dep; do
				echo "${path[$dep]} ${path[$name]}"
				todo[$dep]=1
			done < <(module_needs "$dir/${path[$name]}" "$(cross_of "$1")")
		done
	done | tsort
}

# module_needs KO CROSS: names of the modules it depends on
module_needs()
{
	tr '\0' '\n' < <("$2objcopy" -O binary --only-section=.modinfo "$1" /dev/stdout) |
		sed -n 's/^depends=//p' | tr ',' '\n' | tr - _ | sed '/^$/d'
}

# busybox_file: where the package has it differs between releases
busybox_file()
{
	local busybox=$TOOLS/bin/busybox
	[[ -f $busybox ]] || busybox=$TOOLS/usr/bin/busybox
	printf '%s\n' "$busybox"
}

# build_initrd FLAVOUR: init, busybox and the firmware of the GPU's model (not on x86), and
# our modules. Modules that are tests are there, but not loaded
build_initrd()
{
	local flavour=$1 dir tmp cross module modules=() inputs busybox= firmware=
	dir=$(kernel_dir "$1")
	cross=$(cross_of "$1")
	if [[ $flavour != x86 ]]; then
		busybox=$(busybox_file)
		firmware=$REPO/tools/testing/qemu/firmware/make-firmware
	fi
	mapfile -t modules < <(modules_of "$flavour")
	inputs=$(hash_files "$VM/init.c" ${busybox:+"$busybox" "$firmware"} "${modules[@]/#/$dir/}")
	fresh "$BUILD/initrd-$flavour.stamp" "$inputs" && return
	working
	scratch tmp "$BUILD"
	mkdir -p "$tmp/bin" "$tmp/lib/modules"
	# shellcheck disable=SC2086 # a list of flags
	"${cross}gcc" $USER_CFLAGS -o "$tmp/init" "$VM/init.c" || die "cannot compile $VM/init.c"
	"${cross}strip" "$tmp/init"
	if [[ $busybox ]]; then
		cp "$busybox" "$tmp/bin/busybox"
		ln -s busybox "$tmp/bin/sh"
		OBJCOPY_COMMAND=${cross}objcopy run_logged firmware '' "$firmware" "$tmp/lib/firmware/nvgrace-vgpu/570.144"
	fi
	for module in "${modules[@]}"; do
		cp "$dir/$module" "$tmp/lib/modules/"
		[[ $module == */test/* || $module == lib/kunit/* ]] || echo "/lib/modules/${module##*/}"
	done >"$tmp/lib/modules/order"
	pack "$tmp" "$BUILD/initrd-$flavour.cpio.new"
	mv "$BUILD/initrd-$flavour.cpio.new" "$BUILD/initrd-$flavour.cpio"
	stamp "$BUILD/initrd-$flavour.stamp" "$inputs"
	rm -rf "$tmp"
}

# pack DIR FILE: a cpio archive as the kernel takes it
pack()
{
	(cd "$1" && find . -mindepth 1 | sort | cpio -o -H newc -R 0:0 --quiet) >"$2" ||
		die "cannot pack $2"
}

# build_programs FLAVOUR: the samples, the kselftests and the benchmark, into build/
# of the repository. They run in any flavour; this one's headers are up to date.
build_programs()
{
	local name dir khdr variables
	khdr=$(kernel_dir "$1")/usr/include
	for name in samples/{dma,vmm,vmm/guest} tools/testing/{selftests,bench,vmm}; do
		dir=$REPO/build
		[[ $name == tools/testing/selftests ]] && dir=$REPO/build/selftests
		mkdir -p "$dir"
		variables=(O="$dir" CROSS_COMPILE="$CROSS" KHDR="$khdr" SYSROOT="$SYSROOT")
		make -q -C "$REPO/$name" "${variables[@]}" >/dev/null 2>&1 && continue
		working
		PROGRESS_UNIT=files run_logged "${name##*/}" gcc make -j"$JOBS" -C "$REPO/$name" \
			"${variables[@]}"
	done
	build_guest
}

# build_guest: the initrd of the sample VMM's guest, whose kernel is the plain one
build_guest()
{
	local tmp inputs busybox program=$REPO/build/guest-init guest=$REPO/build/guest.cpio
	busybox=$(busybox_file)
	inputs=$(hash_files "$busybox" "$program")
	[[ -f $guest ]] && fresh "$guest.stamp" "$inputs" && return
	working
	scratch tmp "$BUILD"
	mkdir "$tmp/bin"
	cp "$busybox" "$tmp/bin/busybox"
	ln -s busybox "$tmp/bin/sh"
	"${CROSS}strip" -o "$tmp/init" "$program" || die "cannot strip $program"
	pack "$tmp" "$guest.new"
	mv "$guest.new" "$guest"
	stamp "$guest.stamp" "$inputs"
	rm -rf "$tmp"
}

# build_x86_programs: what can be tested without the GPU's model
build_x86_programs()
{
	local make=(make -C "$REPO/tools/testing/selftests" O="$REPO/build/x86" CROSS_COMPILE="$X86_CROSS"
		KHDR="$(kernel_dir x86)/usr/include" "$REPO/build/x86/mem_carveout")
	mkdir -p "$REPO/build/x86"
	"${make[@]}" -q >/dev/null 2>&1 && return
	working
	run_logged x86-programs gcc "${make[@]}"
}

# build_qemu_inside: the initrd of the guest in qemu-inside/
build_qemu_inside()
{
	local out=$BUILD/qemu-inside.cpio source=$VM/qemu-inside/guest.c tmp inputs
	local include=$REPO/tools/testing/qemu/include
	inputs=$(hash_files "$source" "$include/nvgrace-gpu-regs.h")
	fresh "$out.stamp" "$inputs" && return
	working
	scratch tmp "$BUILD"
	# shellcheck disable=SC2086 # a list of flags
	"${CROSS}gcc" $USER_CFLAGS -I"$include" -o "$tmp/init" "$source" || die "cannot compile $source"
	"${CROSS}strip" "$tmp/init"
	pack "$tmp" "$out.new"
	mv "$out.new" "$out"
	stamp "$out.stamp" "$inputs"
	rm -rf "$tmp"
}

# The kernel's own tests: those of iommufd, and those of VFIO that work with any device
KSELFTESTS=(iommufd iommufd_fail_nth vfio_dma_mapping_test vfio_dma_mapping_mmio_test
	vfio_iommufd_setup_test vfio_pci_device_test vfio_pci_device_init_perf_test)

# build_kselftests FLAVOUR: KSELFTESTS, from the tree of this flavour
build_kselftests()
{
	local dir=$BUILD/kselftests-$1 tree khdr source name subdir library inputs
	tree=$(tree_of "$1")
	khdr=$(kernel_dir "$1")/usr/include
	source=$tree/tools/testing/selftests
	inputs=$({ cat "$SRC/linux.overlay" "$SRC/linux.from"; find "$source"/{iommu,vfio} -name '*.[ch]' -exec cat {} +; } | hash_of)
	fresh "$dir/.stamp" "$inputs" && return
	working
	mkdir -p "$dir"
	for name in "${KSELFTESTS[@]}"; do
		library=() subdir=iommu
		[[ $name == vfio_* ]] && subdir=vfio && mapfile -t library < <(find "$source/vfio/lib" -name '*.c' \
			! -path '*/drivers/dsa/*' ! -path '*/drivers/ioat/*')
		run_logged "kselftest-$name" gcc ${CROSS}gcc -static -O2 -Wall -Wno-unused-function -pthread \
			-D_GNU_SOURCE= -isystem "$khdr" -I"$source" -I"$source/vfio/lib/include" \
			-I"$tree/tools/include" \
			-I"$SYSROOT/usr/include" -L"$SYSROOT/usr/lib/aarch64-linux-gnu" \
			-o "$dir/$name" "$source/${subdir}/$name.c" "${library[@]}" -lcap -luuid
	done
	stamp "$dir/.stamp" "$inputs"
}
