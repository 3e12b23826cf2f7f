# shellcheck shell=dash
# SPDX-License-Identifier: GPL-2.0
#
# For tests of the sample VMM, in the machine (busybox): starting it, waiting for what
# its guest says, TAP.
#
# A test is a function whose name is the claim; it returns 0 if that holds. What it prints
# is shown if it does not.

VF0=0000:01:00.4
VF1=0000:01:00.5
OUT=/tmp/vmm
GUEST_RAM=0x40000000
# Bytes
PAGE=$(($(sed -n '/^KernelPageSize/{s/[^0-9]//gp;q}' /proc/self/smaps) * 1024))
mkdir -p $OUT

# start NAME JOB [OPTION]...: a VMM in the background, its PID in VMM. Its guest's console
# is $OUT/NAME; what the guest reads there is what tell writes. JOB is the guest's command
# line after guest.job=
start()
{
	name=$1
	job=$2
	shift 2
	: >"$OUT/$name"
	rm -f "$OUT/$name.in"
	mkfifo "$OUT/$name.in"
	/vmm --kernel /Image --initrd /guest.cpio --append "console=ttyAMA0 quiet guest.job=$job" \
		"$@" <>"$OUT/$name.in" >"$OUT/$name" 2>&1 &
	VMM=$!
}

# tell NAME TEXT: a line for the guest, on its console
tell() { echo "$2" >"$OUT/$1.in"; }

# base REGION: where it is in physical memory
base() { sed -n "s/^\([0-9a-f]*\)-.* : $1$/0x\1/p" /proc/iomem; }

# pieces REGION: where in it memory is that somebody has
pieces() { sed -n 's/ [0-9]* used$//p' "/sys/kernel/debug/iommufd_mem/$1/extents"; }

# host_physical REGION ADDRESS [PIECE]: where that guest-physical address is. One VM must
# have memory of the region, as one piece, beside who has PIECE
host_physical()
{
	echo $(($(base "$1") + $(pieces "$1" | grep -vx "${3:-none}") + $2 - GUEST_RAM))
}

hex() { printf '%#x\n' "$1"; }

# address NAME OF: what the guest's program said is the guest-physical address of OF
address() { sed -n "s/^guest: .*$2 at \(0x[0-9a-f]*\).*/\1/p" "$OUT/$1"; }

# says NAME PATTERN SECONDS: wait until a line of its console matches
says()
{
	tries=$(($3 * 10))
	until grep -q "$2" "$OUT/$1"; do
		tries=$((tries - 1))
		if [ $tries = 0 ]; then
			echo "$1 did not say \"$2\" within $3 s:"
			tail -n 30 "$OUT/$1"
			return 1
		fi
		sleep 0.1
	done
}

# ends PID STATUS NAME: wait for a VMM, which must end with this status
ends()
{
	status=0
	wait "$1" || status=$?
	[ $status = "$2" ] && return
	echo "$3 ended with status $status, not $2:"
	tail -n 30 "$OUT/$3"
	return 1
}

# guest JOB [OPTION]...: from boot to power-off
guest()
{
	job=$1
	shift
	start guest "$job" "$@"
	ends $VMM 0 guest && says guest "guest: ${job%% *}: ok" 1
}

# run TEST...: all of them, as TAP
run()
{
	echo "1..$#"
	number=0
	failed=0
	for test; do
		number=$((number + 1))
		if $test >$OUT/log 2>&1; then
			echo "ok $number - $test"
		else
			sed 's/^/# /' $OUT/log
			echo "not ok $number - $test"
			failed=1
		fi
	done
	return $failed
}
