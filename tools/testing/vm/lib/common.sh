# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
#
# What every part of the tool uses: where things are, how it speaks, how a long
# step runs (log, progress, interruption), the lock on the cache.
#
# Everything said goes to stderr: stdout belongs to the command in the machine.

REPO=$(cd "${BASH_SOURCE[0]%/*}/../../../.." && pwd)
VM=$REPO/tools/testing/vm
CACHE=${XDG_CACHE_HOME:-$HOME/.cache}/iommufd-mem
DL=$CACHE/dl
SRC=$CACHE/src
TOOLS=$CACHE/tools
UEFI=$TOOLS/usr/share/AAVMF/AAVMF_CODE.fd	# firmware; Debian has it as a link
QEMU_ARM64=$CACHE/qemu-arm64	# Debian's, to run inside the machine
BUILD=$CACHE/build
LOGS=$CACHE/log
JOBS=$(nproc)
CROSS=aarch64-linux-gnu-
X86_CROSS=x86_64-linux-gnu-

# Exit statuses of the tool itself; any other is the command's.
EXIT_TIMEOUT=124
EXIT_TOOL=125
EXIT_SPLAT=126

export LC_ALL=C
unset MAKEFLAGS MAKELEVEL MFLAGS

say() { printf '%s\n' "$*" >&2; }

die()
{
	progress_end
	say "vm: $*"
	exit "$EXIT_TOOL"
}

elapsed() { printf '%d:%02d' $(((SECONDS - $1) / 60)) $(((SECONDS - $1) % 60)); }

# Steps: "[3/7] title ...". plan N sets the total; a step is announced when its
# work begins, so that a run with nothing to do stays quiet unless VERBOSE is set.
STEP=0 STEPS=0 STEP_TITLE='' STEP_SHOWN='' STEP_START=0 VERBOSE=${VERBOSE:-}

plan() { STEPS=$1; }

step()
{
	STEP=$((STEP + 1)) STEP_TITLE=$1 STEP_SHOWN='' STEP_START=$SECONDS
}

step_label()
{
	((STEPS)) && printf '[%d/%d] ' "$STEP" "$STEPS"
	printf '%s' "$STEP_TITLE"
}

working()
{
	[[ $STEP_SHOWN ]] || say "$(step_label) ..."
	STEP_SHOWN=1
}

step_done()
{
	progress_end
	if [[ $STEP_SHOWN ]]; then
		say "$(step_label): done in $(elapsed "$STEP_START")"
	elif [[ $VERBOSE ]]; then
		say "$(step_label): up to date"
	fi
}

# One updating line on a terminal, a line now and then elsewhere.
PROGRESS_NEXT=0 PROGRESS_OPEN=''

progress()
{
	if [[ -t 2 ]]; then
		printf '\r\033[K      %s' "$*" >&2
		PROGRESS_OPEN=1
	elif ((SECONDS >= PROGRESS_NEXT)); then
		say "      $*"
		PROGRESS_NEXT=$((SECONDS + 20))
	fi
}

progress_end()
{
	[[ $PROGRESS_OPEN ]] && printf '\r\033[K' >&2
	PROGRESS_OPEN=''
}

# Children run in process groups of their own, so that an interrupt ends a whole
# make or QEMU and not just its first process.
CHILD='' QEMU_PID='' TTY_STATE='' CLEANUP=()

cleanup()
{
	local status=$? dir
	trap - EXIT INT TERM HUP
	if [[ $CHILD ]]; then
		kill -TERM -- "-$CHILD" 2>/dev/null
		wait "$CHILD" 2>/dev/null
	fi
	if [[ $QEMU_PID ]]; then
		kill -TERM "$QEMU_PID" 2>/dev/null
		wait "$QEMU_PID" 2>/dev/null
	fi
	[[ $TTY_STATE ]] && stty "$TTY_STATE"
	progress_end
	for dir in "${CLEANUP[@]}"; do
		rm -rf -- "$dir"
	done
	exit "$status"
}

arm_traps()
{
	trap cleanup EXIT
	trap 'exit 129' HUP
	trap 'exit 130' INT
	trap 'exit 143' TERM
}

# scratch VAR DIR: a temporary directory below DIR that goes when the tool ends.
# What a killed run left there goes now.
scratch()
{
	local -n scratch_dir=$1
	local old pid
	mkdir -p "$2"
	for old in "$2"/.tmp.*; do
		pid=${old##*/.tmp.}
		[[ -d $old ]] && ! kill -0 "${pid%%.*}" 2>/dev/null && rm -rf -- "$old"
	done
	scratch_dir=$(mktemp -d "$2/.tmp.$$.XXXXXX") || die "cannot write to $2"
	CLEANUP+=("$scratch_dir")
}

# run_logged LOG COUNT COMMAND...: COMMAND with its output in log/LOG.log. COUNT is
# a pattern; the lines of the log that match it are the progress shown ('' for none).
run_logged()
{
	local log=$LOGS/$1.log count=$2 start=$SECONDS status=0 n
	shift 2
	mkdir -p "$LOGS"
	set -m
	"$@" >"$log" 2>&1 </dev/null 9>&- &
	CHILD=$!
	set +m
	while kill -0 "$CHILD" 2>/dev/null; do
		sleep 0.2
		((SECONDS - start < 3)) && continue
		n=''
		[[ $count ]] && n="$(grep -cE -- "$count" "$log") ${PROGRESS_UNIT:-steps}, "
		progress "${log##*/}: $n$(elapsed "$start")"
	done
	wait "$CHILD" || status=$?
	CHILD=''
	progress_end
	((status == 0)) && return
	tail -n 15 "$log" >&2
	die "$STEP_TITLE failed (status $status), the whole output is in $log"
}

# lock: one run at a time in the cache (fd 9, released when the tool ends)
lock()
{
	mkdir -p "$CACHE" || die "cannot make the cache $CACHE; set XDG_CACHE_HOME to a place you can write to"
	exec 9>"$CACHE/lock"
	flock -n 9 && return
	say "vm: waiting for another run that is building in $CACHE"
	flock 9 || die "cannot lock $CACHE/lock"
}

unlock() { exec 9>&-; }

# need_space DIR MIB WHAT
need_space()
{
	local free
	free=$(df -Pm "$1" | awk 'NR == 2 { print $4 }')
	((free >= $2)) || die "$3 needs $2 MiB in $1 and $free MiB are free; free some or set XDG_CACHE_HOME"
}

# A stamp is a file with the hash of all that went into a step, written last.
fresh() { [[ -f $1 && $(<"$1") == "$2" ]]; }

stamp() { printf '%s\n' "$2" >"$1.new" && mv "$1.new" "$1"; }

hash_of() { sha256sum | cut -c1-64; }

# hash_files FILE...: of names and contents
hash_files() { sha256sum -- "$@" | hash_of; }
