#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# What nvgrace-egm makes of firmware's properties, honest and bad: one boot a case.
# Bad ones get one warning, which names the function and the property; there is no
# region, and the machine goes on. Retired pages: mem_retired, in the machine.

set -uo pipefail

VM=${VM:-$(dirname "$(readlink -f "$0")")/../vm}
# shellcheck source=tools/testing/vm/tests/firmware-lib.sh
. "$(dirname "$(readlink -f "$0")")/firmware-lib.sh"

RAM=0x40000000		# where the machine's System RAM begins

echo TAP version 13
echo 1..18
GPU0=0000:01:00.0
GPU1=0000:02:00.0
good 'honest firmware gives a region' 10000000000-1000fffffff "$GOOD"
good 'a GPU without EGM gives none, and no warning' '' egm-size=0
good 'two functions that agree share one region' 10000000000-1000fffffff \
	"$GOOD" "$GOOD,egm-ram=off"
good 'two sockets have a region each' \
	10000000000-1000fffffff20000000000-2000fffffff \
	"$GOOD" "$GOOD,egm-base=0x20000000000,egm-pxm=1"
good 'no table of retired pages means none are' 10000000000-1000fffffff \
	"$GOOD,x-egm-fw-omit=nvidia,,egm-retired-pages-data-base"
for property in egm-base-pa egm-size egm-pxm; do
	bad "a missing $property" "nvidia,$property" $GPU0 \
		"$GOOD,x-egm-fw-omit=nvidia,,$property"
done
bad 'a base of 0' nvidia,egm-base-pa $GPU0 "$GOOD,x-egm-fw-base=0"
bad 'a size of 0' nvidia,egm-size $GPU0 "$GOOD,x-egm-fw-size=0"
bad 'a size that is not of whole pages' nvidia,egm-size $GPU0 \
	"$GOOD,x-egm-fw-size=0x1001"
bad 'memory that is System RAM' nvidia,egm-base-pa $GPU0 "$GOOD,x-egm-fw-base=$RAM"
bad 'memory beyond all addresses' nvidia,egm-base-pa $GPU0 \
	"$GOOD,x-egm-fw-base=0xfffffffffffff000"
bad 'an impossible proximity domain' nvidia,egm-pxm $GPU0 \
	"$GOOD,x-egm-fw-pxm=0xffffffffffffffff"
bad 'functions that disagree on the size' nvidia,egm-size $GPU1 \
	"$GOOD" "$GOOD,egm-ram=off,x-egm-fw-size=0x20000000"
bad 'a table of retired pages that cannot be there' \
	nvidia,egm-retired-pages-data-base $GPU0 "$GOOD,x-egm-fw-retired=0x3"
retired 'retired pages are never handed out' 0x50000:3 \
	egm-retired=10000:20000:40000:3ff0000:10000:fff0000
retired 'a table that claims too much is read to its maximum' 0x10000:1 \
	egm-retired=50000,x-egm-fw-retired-count=0xffffffffffffffff
exit "$failed"
