#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# nvgrace-egm on a machine that boots as real ones do: UEFI firmware, the properties in
# _DSD, sockets in SRAT. firmware.sh has all the ways in which properties can be bad;
# here are those that show that they come the same way.

set -uo pipefail

VM=${VM:-$(dirname "$(readlink -f "$0")")/../vm}
# shellcheck source=tools/testing/vm/tests/firmware-lib.sh
. "$(dirname "$(readlink -f "$0")")/firmware-lib.sh"

GPU0=0000:01:00.0
GPU1=0000:02:00.0

# Proximity domain 1 has CPU 0: Linux counts nodes as it meets them, so the node is
# never the number of the domain.
# shellcheck disable=SC2054 # the commas are QEMU's
TWO_SOCKETS=(-smp 2,sockets=2
	-object memory-backend-ram,id=ram0,size=1536M
	-object memory-backend-ram,id=ram1,size=1536M
	-numa node,nodeid=0,cpus=1,memdev=ram0
	-numa node,nodeid=1,cpus=0,memdev=ram1)

# in_machine NAME OPTION... -- COMMAND: a case that COMMAND decides
in_machine()
{
	local name=$1 out
	shift
	if out=$("$VM" run --no-build --acpi --log "$LOG" "$@"); then
		result "$(grep -c '^ok.*SKIP' <<<"$out")" "$name" "tests were skipped"
	else
		result 1 "$name" "$out"
	fi
}

# sockets NAME PXM COMMAND [OPTION...]: two GPUs, the second of domain PXM
sockets()
{
	local name=$1 pxm=$2 command=$3 arg args=()
	shift 3
	for arg in "${TWO_SOCKETS[@]}"; do
		args+=(--qemu-arg "$arg")
	done
	in_machine "$name" "${args[@]}" --vfs 1 --gpu "vfs=8,$GOOD" \
		--gpu "vfs=8,$GOOD,egm-base=0x20000000000,egm-pxm=$pxm" "$@" -- sh -c "$command"
}

echo TAP version 13
echo 1..8
# shellcheck disable=SC2034 # for firmware-lib.sh
MACHINE_ARGS=(--acpi)
# The model has told the device tree the same: make sure that nobody reads it
in_machine 'functions have their properties from ACPI' --vfs 0 --gpu "$GOOD" -- \
	sh -c "cd /sys/bus/pci/devices/$GPU0; readlink -f firmware_node | grep LNXSYSTM &&
		[ ! -e of_node ]"
good 'two functions that agree share one region' 10000000000-1000fffffff \
	"$GOOD" "$GOOD,egm-ram=off"
bad 'a missing egm-base-pa' nvidia,egm-base-pa $GPU0 "$GOOD,x-egm-fw-omit=nvidia,,egm-base-pa"
bad 'functions that disagree on the size' nvidia,egm-size $GPU1 \
	"$GOOD" "$GOOD,egm-ram=off,x-egm-fw-size=0x20000000"
bad 'an impossible proximity domain' nvidia,egm-pxm $GPU0 \
	"$GOOD,x-egm-fw-pxm=0xffffffffffffffff"
# shellcheck disable=SC2016 # for the shell in the machine
{
	sockets 'the node of a region is that of its proximity domain' 1 \
		'cd /sys/class/iommufd_mem; grep -H . egm?/node
		node() { cd /sys/devices/system/cpu/cpu$1; echo node*; }
		[ "node$(cat egm0/node)" = "$(node 1)" ] && [ "node$(cat egm1/node)" = "$(node 0)" ]'
	sockets 'there is none for a domain that SRAT does not know' 5 \
		'cd /sys/class/iommufd_mem; grep -H . egm?/node; [ "$(cat egm1/node)" = -1 ]'
}
sockets 'each socket has its own memory, for its own devices' 1 /mem_sockets \
	--add "$SELFTESTS/mem_sockets"
exit "$failed"
