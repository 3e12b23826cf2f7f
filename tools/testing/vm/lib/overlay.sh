# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
#
# Our files and patches laid over a source tree. Only files whose content differs
# are written, so that make rebuilds what depends on them and nothing else. What
# an earlier overlay touched and this one does not is put back as it was:
#
#   src/NAME.orig/     pristine copies of the files that an overlay replaced
#   src/NAME.overlay   the manifest: checksum and path of every file laid over

# patch_files TREE DIR: the patches for TREE: those in DIR, and those for its version
# in DIR/VERSION (Linux: the first two numbers)
patch_files()
{
	local version
	version=$(sed -nE 's/^(VERSION|PATCHLEVEL) = ([0-9]+)$/\2/p' "$1/Makefile" 2>/dev/null | paste -sd.)
	find "$2" ${version:+"$2/$version"} -maxdepth 1 -name '*.patch' 2>/dev/null | sort -u
}

# patch_targets TREE DIR: the files that the patches touch
patch_targets()
{
	patch_files "$1" "$2" | xargs -r -d '\n' sed -nE 's,^(---|\+\+\+) [ab]/([^	]*).*,\2,p' | sort -u
}

# apply_patches STAGING TREE DIR LOG: into STAGING, which has the pristine targets
apply_patches()
{
	local file
	while read -r file; do
		if ! patch -d "$1" -p1 --fuzz=0 --forward --batch --no-backup-if-mismatch --reject-file=- <"$file" >"$4" 2>&1; then
			APPLY_FAILED=$file
			return 1
		fi
	done < <(patch_files "$2" "$3")
}

# patches_apply TREE DIR: a dry run on a pristine tree
patches_apply()
{
	local tmp path
	scratch tmp "$CACHE"
	while read -r path; do
		[[ -f $1/$path ]] && install -D -m 644 "$1/$path" "$tmp/$path"
	done < <(patch_targets "$1" "$2")
	apply_patches "$tmp" "$1" "$2" /dev/null
}

# patches_apply_to VERSION: a dry run on Debian's linux-source-VERSION, of which only the
# files that the patches touch are unpacked
patches_apply_to()
{
	local tree deb path paths=()
	download "linux-source-${1}_*.deb" apt-get download "linux-source-$1"
	deb=$(newest "$DL/linux-source-${1}_*.deb")
	scratch tree "$SRC"
	while read -r path; do paths+=("*/$path"); done < <(
		find "$REPO/patches/linux" -name '*.patch' -exec sed -nE 's,^--- a/([^\t]*).*,\1,p' {} + | sort -u)
	dpkg-deb --fsys-tarfile "$deb" | tar -xO --wildcards './usr/src/linux-source-*.tar.xz' |
		tar -xJ --strip-components=1 -C "$tree" --wildcards --no-wildcards-match-slash \
			'linux-source-*/Makefile' --wildcards-match-slash "${paths[@]}" 2>/dev/null
	patches_apply "$tree" "$REPO/patches/linux" && return
	say "vm: ${APPLY_FAILED##*/} does not apply to Linux $1"
	return 1
}

# Our files as "path-in-the-repository<TAB>path-in-the-tree".
linux_files()
{
	(cd "$REPO" && find include/uapi/linux include/linux drivers -type f \
		! -name '.*' ! -name '*~' ! -name '*.orig' ! -name '*.rej' -printf '%p\t%p\n' 2>/dev/null)
}

qemu_files()
{
	(cd "$REPO/tools/testing/qemu" && {
		find hw configs -type f ! -name '.*' ! -name '*~' -printf 'tools/testing/qemu/%p\t%p\n' 2>/dev/null
		find include -name '*.h' -printf 'tools/testing/qemu/%p\tinclude/hw/misc/%P\n' 2>/dev/null
	})
}

# put FILE DEST: by rename, and only if the content differs
put()
{
	cmp -s "$1" "$2" && return
	working
	{ mkdir -p "${2%/*}" && cp -- "$1" "$2.overlay-tmp" && mv -- "$2.overlay-tmp" "$2"; } ||
		die "cannot write $2"
}

# pristine NAME PATH: the file as it was unpacked. One that is newer than the
# unpacking was edited in the working tree, so it is taken from the source again.
pristine()
{
	local tree=$SRC/$1 from
	from=$(<"$SRC/$1.from")
	if [[ ! $tree/$2 -nt $SRC/$1.from ]]; then
		cat -- "$tree/$2"
		return
	fi
	say "      $tree/$2 was edited by hand; its original comes from $from"
	case $from in
	dir\ *) cat -- "${from#dir }/$2" ;;
	linux-source-*)
		dpkg-deb --fsys-tarfile "$(newest "$DL/${from}_*.deb")" |
			tar -xO --wildcards './usr/src/linux-source-*.tar.xz' |
			tar -xJO --wildcards --strip-components=1 "*/$2"
		;;
	*) tar -xJOf "$DL/$from" --wildcards --strip-components=1 "*/$2" ;;
	esac
}

# upstream_tree: src/linux-upstream, the tree as it was unpacked. Files are shared with
# src/linux, where none is ever written in place
upstream_tree()
{
	local tree=$SRC/linux-upstream path
	fresh "$SRC/linux-upstream.stamp" "$(<"$SRC/linux.from")" && return
	working
	rm -rf "$tree" "$tree.new"
	cp -al "$SRC/linux" "$tree.new" || die "cannot copy $SRC/linux"
	while read -r _ path; do rm -f "$tree.new/$path"; done <"$SRC/linux.overlay"
	cp -a --remove-destination "$SRC/linux.orig/." "$tree.new/" || die "cannot restore $tree.new"
	mv -- "$tree.new" "$tree"
	stamp "$SRC/linux-upstream.stamp" "$(<"$SRC/linux.from")"
}

# overlay NAME: lay our files and patches/NAME over src/NAME
overlay()
{
	local name=$1 tree=$SRC/$1 orig=$SRC/$1.orig manifest=$SRC/$1.overlay staging from path
	local -A known=()
	scratch staging "$SRC"
	mkdir -p "$staging/new" "$orig"
	if [[ -f $manifest ]]; then
		while read -r _ path; do known[$path]=1; done <"$manifest"
	fi

	# Save what is about to be replaced for the first time.
	while read -r path; do
		if [[ -f $tree/$path && ! -f $orig/$path && ! ${known[$path]:-} ]]; then
			mkdir -p "$orig/${path%/*}"
			{ pristine "$name" "$path" >"$staging/save" && mv -- "$staging/save" "$orig/$path"; } ||
				die "cannot save $tree/$path"
		fi
	done < <(patch_targets "$tree" "$REPO/patches/$name"; "${name}_files" | cut -f2)

	while read -r path; do
		[[ -f $orig/$path ]] && install -D -m 644 "$orig/$path" "$staging/new/$path"
	done < <(patch_targets "$tree" "$REPO/patches/$name")
	mkdir -p "$LOGS"
	apply_patches "$staging/new" "$tree" "$REPO/patches/$name" "$LOGS/patch-$name.log" || {
		grep -E 'FAILED|ignored|find file|Reversed' "$LOGS/patch-$name.log" >&2
		die "$APPLY_FAILED does not apply to $tree: see $LOGS/patch-$name.log"
	}
	while IFS=$'\t' read -r from path; do
		install -D -m 644 "$REPO/$from" "$staging/new/$path" || die "cannot read $from"
	done < <("${name}_files")

	# The manifest names old and new files until all are in place, so that an
	# interrupted overlay is still known.
	(cd "$staging/new" && find . -type f -printf '%P\0' | sort -z | xargs -0r sha256sum) >"$staging/manifest"
	cat "$manifest" "$staging/manifest" 2>/dev/null >"$staging/both"
	mv -- "$staging/both" "$manifest"
	while read -r _ path; do
		unset "known[$path]"
		put "$staging/new/$path" "$tree/$path"
	done <"$staging/manifest"
	for path in "${!known[@]}"; do
		if [[ -f $orig/$path ]]; then
			put "$orig/$path" "$tree/$path"
		else
			rm -f -- "$tree/$path"
		fi
	done
	mv -- "$staging/manifest" "$manifest"
	rm -rf "$staging"
}
