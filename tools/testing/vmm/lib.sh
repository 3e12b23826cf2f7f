# shellcheck shell=dash disable=SC2034 # some are for who includes it
# SPDX-License-Identifier: GPL-2.0
#
# For tests of the sample VMM, in the machine (busybox): starting it, waiting for what
# its guest says, what it leaves in the host, TAP.
#
# A test is a function whose name is the claim; it returns 0 if that holds. What it prints
# is shown if it does not.

VF0=0000:01:00.4
VF1=0000:01:00.5
OUT=/tmp/vmm
REGION=$(echo /sys/class/iommufd_mem/egm*)
FREE=$(cat "$REGION/free") # while nothing runs: all that there is
KERNEL=/Image
LAUNCH=        # what starts the VMM, see launched()
VMM=           # process ID of the one last started
GUEST_RAM=0x40000000
# Bytes
PAGE=$(($(sed -n '/^KernelPageSize/{s/[^0-9]//gp;q}' /proc/self/smaps) * 1024))
mkdir -p $OUT

# start NAME JOB [OPTION]...: a VMM in the background. Its guest's console is $OUT/NAME; what
# the guest reads there is what tell writes. JOB is the guest's command line after
# guest.job=
start()
{
	local name=$1 job=$2
	shift 2
	: >"$OUT/$name"
	rm -f "$OUT/$name.in"
	mkfifo "$OUT/$name.in"
	$LAUNCH /vmm --kernel "$KERNEL" --initrd /guest.cpio \
		--append "console=ttyAMA0 quiet guest.job=$job" "$@" \
		<>"$OUT/$name.in" >"$OUT/$name" 2>&1 &
	VMM=$!
	echo $VMM >"$OUT/$name.pid"
}

# tell NAME TEXT: a line for the guest, on its console
tell() { echo "$2" >"$OUT/$1.in"; }

# launched COMMAND...: with VMMs that vmm-launch starts, as nobody, with both VFs and RAM
launched()
{
	local status=0
	LAUNCH="/vmm-launch --device $VF0 --device $VF1 --ram 128M --"
	"$@" || status=$?
	LAUNCH=
	return $status
}

now() { cut -d. -f1 /proc/uptime; }

# waits SECONDS COMMAND...: until it succeeds
waits()
{
	local end=$(($(now) + $1))
	shift
	until "$@"; do
		[ "$(now)" -le $end ] || return 1
		sleep 0.05
	done
}

has_ended() { ! kill -0 "$(cat "$OUT/$1.pid")" 2>/dev/null; }

said() { grep -q "$2" "$OUT/$1"; }

said_or_ended() { said "$@" || has_ended "$1"; }

# says NAME PATTERN SECONDS: wait until a line of its console matches
says()
{
	waits "$3" said_or_ended "$1" "$2"
	said "$1" "$2" && return
	echo "$1 did not say \"$2\" $(has_ended "$1" && echo 'before it ended' || echo "within $3 s"):"
	tail -n 30 "$OUT/$1"
	return 1
}

# ends PID STATUS NAME: wait for a VMM, which must end with this status
ends()
{
	local status=0
	wait "$1" || status=$?
	[ $status = "$2" ] && return
	echo "$3 ended with status $status, not $2:"
	tail -n 30 "$OUT/$3"
	return 1
}

# guest JOB [OPTION]...: from boot to power-off. Its SMMU has nothing to complain of
guest()
{
	local job=$1
	start guest "$@"
	ends $VMM 0 guest && says guest "guest: ${job%% *}: ok" 1 || return
	! grep 'arm-smmu.*\(error\|timeout\)' $OUT/guest
}

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

# A VM of KVM's, or a pattern
vms()
{
	set -- /sys/kernel/debug/kvm/*-*
	echo "$1"
}

# No VM, no memory object, all of the region free and zeroed
nothing_is_left()
{
	read -r owners <"$REGION/owners"
	read -r free <"$REGION/free"
	read -r dirty <"$REGION/dirty"
	[ "$owners $free $dirty" = "0 $FREE 0" ] && [ ! -e "$(vms)" ]
}

host_is_clean()
{
	waits 60 nothing_is_left && return
	echo "in the host: VM $(vms), $owners owners of memory, $free bytes free of $FREE"
	echo "$dirty not zeroed"
	return 1
}

# Of all the region, which is given out for that and is to be zeroed once more
memory_is_zero()
{
	/mem_zero -t the_first_owner_finds_zeros >$OUT/zero 2>&1 && grep -q '^ok 1 ' $OUT/zero &&
		return
	cat $OUT/zero
	return 1
}

# run TEST...: all of them, or those in ONLY, as TAP
run()
{
	local number=0 failed=0 test
	# shellcheck disable=SC2086 # a list
	[ -z "$ONLY" ] || set -- $ONLY
	echo "1..$#"
	for test; do
		number=$((number + 1))
		if $test >$OUT/log 2>&1; then
			echo "ok $number - $test"
		else
			sed 's/^/# /' $OUT/log
			echo "not ok $number - $test"
			failed=1
			# Not to be in the way of the next
			kill -9 $VMM 2>/dev/null
			wait
		fi
	done
	return $failed
}
