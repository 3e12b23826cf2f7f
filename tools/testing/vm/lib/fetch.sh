# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
#
# What comes from outside: Debian packages of the host, and the sources of Linux
# and QEMU with a few tools, downloaded with an apt state of our own (the host's
# package lists are never touched).

LINUX_WANTED=7.3	# the version that patches/linux is written for
SOURCE_SUITE=trixie	# where QEMU, UEFI, Meson and busybox come from (Linux: its backports)

BUILD_PACKAGES=(gcc libc6-dev make bc bison flex libelf-dev libssl-dev xz-utils bzip2
	cpio patch python3 python3-venv ninja-build pkg-config libglib2.0-dev libfdt-dev
	gcc-aarch64-linux-gnu libc6-dev-arm64-cross debian-archive-keyring)
# libclang-rt-dev: libFuzzer and the sanitizers of clang's, which only recommends it
CHECK_PACKAGES=(libcmocka-dev libfdt-dev device-tree-compiler g++ shellcheck sparse git perl jq
	gnuplot-nox clang libclang-rt-dev)
BENCH_PACKAGES=(gnuplot-nox)

# The x86 machine: Debian's QEMU does, as it has no model of ours
X86_PACKAGES=(qemu-system-x86)
[[ $(uname -m) == x86_64 ]] || X86_PACKAGES+=(gcc-x86-64-linux-gnu libc6-dev-amd64-cross)

# host_packages NAME...: install those that are missing
host_packages()
{
	local missing=() name as_root=()
	for name; do
		[[ $(dpkg-query -W -f '${db:Status-Status}' "$name" 2>/dev/null) == installed ]] ||
			missing+=("$name")
	done
	((${#missing[@]})) || return 0
	working
	say "      installing: ${missing[*]}"
	if ((EUID != 0)); then
		command -v sudo >/dev/null ||
			die "as root, install: ${missing[*]} (there is no sudo to do it with)"
		as_root=(sudo)
		sudo -v || die "sudo refused; as root, install: ${missing[*]}"
	fi
	local log=$LOGS/packages.log
	mkdir -p "$LOGS"
	if ! { "${as_root[@]}" apt-get -q update &&
		"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
			apt-get -q install -y --no-install-recommends "${missing[@]}"; } \
		>"$log" 2>&1 </dev/null 9>&-; then
		tail -n 5 "$log" >&2
		die "cannot install ${missing[*]}: see $log, or install them by hand"
	fi
}

# The archive that the host itself uses, or the one the user names.
archive_address()
{
	if [[ ${IOMMUFD_MEM_MIRROR:-} ]]; then
		printf '%s\n' "$IOMMUFD_MEM_MIRROR"
		return
	fi
	# shellcheck disable=SC2016 # the dollars are apt's
	apt-get indextargets --no-release-info --format '$(CREATED_BY) $(COMPONENT) $(RELEASE) $(REPO_URI)' |
		awk -v host="$(host_release)" '$1 == "Packages" && $2 == "main" &&
			($3 == host || $3 ~ /^(oldstable|stable|testing|unstable|sid)$/) { print $4; exit }'
}

host_release() { sed -n 's/^VERSION_CODENAME=//p' /etc/os-release; }

# apt_state: write the configuration and read the lists, once per run
APT_READY=''
apt_state()
{
	[[ $APT_READY ]] && return
	local apt=$CACHE/apt native archive key=/usr/share/keyrings/debian-archive-keyring.gpg suite
	native=$(dpkg --print-architecture)
	archive=$(archive_address)
	[[ $archive ]] || die "no Debian archive in apt's configuration; set IOMMUFD_MEM_MIRROR to the address of one"
	mkdir -p "$apt/lists/partial" "$apt/cache/archives/partial"
	cat >"$apt/apt.conf" <<-CONF
		Dir::Etc::sourcelist "$apt/sources.list";
		Dir::Etc::sourceparts "/dev/null";
		Dir::State::lists "$apt/lists";
		Dir::Cache "$apt/cache";
		APT::Architectures { "$native"; "arm64"; };
		APT::Sandbox::User "";
		Acquire::Languages "none";
		Acquire::Retries "3";
	CONF
	for suite in $SOURCE_SUITE $SOURCE_SUITE-backports $(host_release); do
		echo "deb [signed-by=$key] $archive $suite main"
	done | awk '!seen[$0]++' >"$apt/sources.list"
	echo "deb-src [signed-by=$key] $archive $SOURCE_SUITE main" >>"$apt/sources.list"
	export APT_CONFIG=$apt/apt.conf
	PROGRESS_UNIT='package lists' run_logged apt-update '^Get:|^Hit:' apt-get update --error-on=any
	APT_READY=1
}

have() { compgen -G "$1" >/dev/null; }

# download PATTERN COMMAND...: COMMAND leaves files in the current directory; they
# move to dl/ when all are there.
download()
{
	local pattern=$1 tmp
	shift
	have "$DL/$pattern" && return
	working
	apt_state
	scratch tmp "$DL"
	PROGRESS_UNIT=files run_logged "download-${pattern%%_*}" '^Get:' env -C "$tmp" "$@"
	have "$tmp/$pattern" || die "${*} brought no $pattern: see $LOGS/download-${pattern%%_*}.log"
	mv -- "$tmp"/* "$DL/"
}

newest() { compgen -G "$1" | sort -V | tail -n 1; }

# Versions of linux-source on offer, the nearest to the wanted one first.
linux_versions()
{
	apt_state
	apt-cache pkgnames linux-source- | sed -nE 's/^linux-source-([0-9]+\.[0-9]+)$/\1/p' |
		awk -F. -v want="$LINUX_WANTED" '{ split(want, w); d = ($1 - w[1]) * 100 + $2 - w[2]
			print (d < 0 ? -d : d), $0 }' | sort -n | cut -d' ' -f2
}

unpack_linux()
{
	set -euo pipefail
	dpkg-deb --fsys-tarfile "$1" | tar -xO --wildcards './usr/src/linux-source-*.tar.xz' |
		tar -xJ --strip-components=1 -C "$2"
}

unpack_qemu()
{
	set -euo pipefail
	tar -xJf "$1" --strip-components=1 -C "$2"
	# Debian leaves the UEFI images out; empty ones satisfy QEMU's build.
	local name
	sed -n "s/^ *'\(edk2-.*\.fd\)',/\1/p" "$2/pc-bios/meson.build" | while read -r name; do
		[[ -e $2/pc-bios/$name.bz2 ]] || bzip2 </dev/null >"$2/pc-bios/$name.bz2"
	done
}

copy_tree()
{
	set -euo pipefail
	find "$1" -mindepth 1 -maxdepth 1 ! -name .git ! -name build \
		-exec cp -a --reflink=auto -t "$2" {} +
	if [[ -e $2/Kbuild && ( -e $2/.config || -d $2/include/config ) ]]; then
		make -C "$2" mrproper
	fi
}

# forget_tree NAME: another source is asked for; its objects are of no use
forget_tree()
{
	[[ ! -d $SRC/$1 ]] || say "      $1 comes from another source than before: its objects are built anew"
	rm -rf "${SRC:?}/$1" "$SRC/$1.orig" "$SRC/$1.overlay" "$SRC/$1.from" "$SRC/$1-upstream"*
	rm -rf "${BUILD:?}/$1" "$BUILD/$1"-*
}

# tree_is NAME FROM [DIR]: the tree is there, made from FROM and no older than DIR
tree_is()
{
	[[ -d $SRC/$1 && -f $SRC/$1.from && $(<"$SRC/$1.from") == "$2" ]] || return
	[[ -z ${3:-} || -z $(find "$3" -name .git -prune -o -type f -newer "$SRC/$1.from" -print -quit) ]]
}

# place_tree NAME FROM TMP: the unpacked tree becomes the working tree
place_tree()
{
	mv -- "$3" "$SRC/$1" && chmod 755 "$SRC/$1" && stamp "$SRC/$1.from" "$2"
}

# user_tree NAME DIR: the working tree from a tree that the user has
user_tree()
{
	local tmp from="dir $2"
	[[ -d $2 ]] || die "$2 is not a directory (${1^^}_SRC)"
	tree_is "$1" "$from" "$2" && return
	working
	[[ -f $SRC/$1.from && $(<"$SRC/$1.from") == "$from" ]] || forget_tree "$1"
	need_space "$CACHE" 2500 "a copy of $2"
	scratch tmp "$SRC"
	run_logged "copy-$1" '' copy_tree "$2" "$tmp"
	rm -rf "${SRC:?}/$1" "$SRC/$1.orig" "$SRC/$1.overlay" "$SRC/$1-upstream"*
	place_tree "$1" "$from" "$tmp"
}

fetch_linux()
{
	local version deb tmp versions=("$LINUX_WANTED")
	if [[ ${LINUX_SRC:-} ]]; then
		user_tree linux "$LINUX_SRC"
		return
	fi
	[[ -d $SRC/linux && $(cat "$SRC/linux.from" 2>/dev/null) == linux-source-* ]] && return
	working
	forget_tree linux
	need_space "$CACHE" 2500 "the Linux source"
	if ! have "$DL/linux-source-${LINUX_WANTED}_*.deb"; then
		mapfile -t versions < <(linux_versions)
		((${#versions[@]})) || die "the archive offers no linux-source package; set LINUX_SRC to a Linux $LINUX_WANTED tree"
	fi
	for version in "${versions[@]}"; do
		download "linux-source-${version}_*.deb" apt-get download "linux-source-$version"
		deb=$(newest "$DL/linux-source-${version}_*.deb")
		scratch tmp "$SRC"
		run_logged unpack-linux '' unpack_linux "$deb" "$tmp"
		if ! patches_apply "$tmp" "$REPO/patches/linux"; then
			say "      patches/linux do not apply to Linux $version"
			rm -rf "$tmp"
			continue
		fi
		[[ $version == "$LINUX_WANTED" ]] ||
			say "      Linux $LINUX_WANTED is not offered: $version is the nearest on which patches/linux apply"
		place_tree linux "linux-source-$version" "$tmp"
		return
	done
	die "patches/linux apply to none of Linux ${versions[*]}; set LINUX_SRC to a Linux $LINUX_WANTED tree"
}

fetch_qemu()
{
	local tmp
	if [[ ${QEMU_SRC:-} ]]; then
		user_tree qemu "$QEMU_SRC"
		return
	fi
	[[ -d $SRC/qemu && $(cat "$SRC/qemu.from" 2>/dev/null) == qemu_* ]] && return
	working
	forget_tree qemu
	need_space "$CACHE" 600 "the QEMU source"
	download 'qemu_*.orig.tar.xz' apt-get source --download-only --tar-only "qemu/$SOURCE_SUITE"
	scratch tmp "$SRC"
	run_logged unpack-qemu '' unpack_qemu "$(newest "$DL/qemu_*.orig.tar.xz")" "$tmp"
	place_tree qemu "$(basename "$(newest "$DL/qemu_*.orig.tar.xz")")" "$tmp"
}

# unpack_debs DIR DEB...: packages unpacked side by side, not installed
unpack_debs()
{
	local dir=$1 tmp deb
	shift
	fresh "$dir/.stamp" "$*" && return
	working
	scratch tmp "$CACHE"
	for deb; do
		dpkg-deb -x "$deb" "$tmp" || die "cannot unpack $deb: remove it and run again"
	done
	stamp "$tmp/.stamp" "$*"
	rm -rf "$dir"
	mv -- "$tmp" "$dir" && chmod 755 "$dir"
}

fetch_tools()
{
	download 'meson_*.deb' apt-get download "meson/$SOURCE_SUITE"
	download 'python3-pycotap_*.deb' apt-get download "python3-pycotap/$SOURCE_SUITE"
	download 'busybox-static_*_arm64.deb' apt-get download "busybox-static:arm64/$SOURCE_SUITE"
	download 'qemu-efi-aarch64_*.deb' apt-get download "qemu-efi-aarch64/$SOURCE_SUITE"
	unpack_debs "$TOOLS" "$(newest "$DL/meson_*.deb")" "$(newest "$DL/python3-pycotap_*.deb")" \
		"$(newest "$DL/busybox-static_*_arm64.deb")" "$(newest "$DL/qemu-efi-aarch64_*.deb")"
	# One image of 64 MiB is enough
	find "$TOOLS/usr/share/AAVMF" -type f ! -samefile "$(readlink -f "$UEFI")" -delete
}

# Static arm64 libraries that the sample VMM and the kernel's selftests link with.
# They are of the host's own release: a newer one's want a newer glibc than the cross
# compiler has.
SYSROOT=$CACHE/sysroot

fetch_sysroot()
{
	local release name debs=()
	release=$(host_release)
	for name in libcap-dev libfdt-dev libseccomp-dev liburing-dev uuid-dev; do
		download "${name}_*_arm64.deb" apt-get download "$name:arm64/$release"
		debs+=("$(newest "$DL/${name}_*_arm64.deb")")
	done
	unpack_debs "$SYSROOT" "${debs[@]}"
}

# libraries_of DEB DIR: the packages that those a program of DEB loads are in, into DIR.
# From DEB's own dependencies, as its other ones have QEMU's modules and data. apt is to
# think that nothing is installed, but for what brings no library and half of Debian.
libraries_of()
{
	local deb=$1 dir=$2 needs name
	apt_state
	mkdir -p "$dir/partial"
	needs=$(dpkg-deb -f "$deb" Depends | tr , '\n' | grep -v ' *qemu-' | paste -sd,)
	for name in adduser openssl-provider-legacy; do
		printf '%s\n' "Package: $name" 'Status: install ok installed' 'Version: 99:1' \
			'Architecture: arm64' 'Multi-Arch: foreign' 'Maintainer: -' 'Description: -' ''
	done >"$dir/status"
	PROGRESS_UNIT=files run_logged download-qemu-arm64 '^Get:' apt-get satisfy -y --download-only \
		--no-install-recommends -t "$SOURCE_SUITE" -o APT::Architecture=arm64 \
		-o Dir::State::status="$dir/status" -o Dir::Cache::archives="$dir" "$needs"
}

# take_closure ROOT DIR PROGRAM: it and all that it loads, from ROOT to DIR
take_closure()
{
	local root=$1 dir=$2 name file wanted=("$3")
	while ((${#wanted[@]})); do
		name=${wanted[-1]}
		unset 'wanted[-1]'
		[[ -e $dir/$name ]] && continue
		file=$(find "$root"/{usr/,}{bin,lib} -name "$name" -print -quit 2>/dev/null)
		[[ $file ]] || die "no package of Debian's $SOURCE_SUITE brought $name, which $3 needs"
		cp -L -- "$file" "$dir/" || die "cannot write $dir"
		mapfile -t -O "${#wanted[@]}" wanted < <("${CROSS}readelf" -d "$dir/$name" |
			sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p')
	done
}

# Debian's own QEMU for arm64, to run inside the machine: the program and the libraries
# that it loads, side by side. Of what was downloaded for it only the program's package
# is kept.
fetch_qemu_arm64()
{
	local deb from tmp root libraries=$DL/qemu-arm64
	download 'qemu-system-arm_*_arm64.deb' apt-get download "qemu-system-arm:arm64/$SOURCE_SUITE"
	from=$(newest "$DL/qemu-system-arm_*_arm64.deb")
	fresh "$QEMU_ARM64/.stamp" "$from" && return
	working
	need_space "$CACHE" 300 "Debian's QEMU"
	libraries_of "$from" "$libraries"
	scratch root "$CACHE"
	scratch tmp "$CACHE"
	for deb in "$from" "$libraries"/*.deb; do
		dpkg-deb -x "$deb" "$root" || die "cannot unpack $deb: remove it and run again"
	done
	take_closure "$root" "$tmp" qemu-system-aarch64
	stamp "$tmp/.stamp" "$from"
	rm -rf "$QEMU_ARM64" "$root" "$libraries"
	mv -- "$tmp" "$QEMU_ARM64" && chmod 755 "$QEMU_ARM64"
}
