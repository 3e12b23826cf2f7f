#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# What nvgrace-egm makes of firmware's properties where pages are of 64 KiB: retired
# pages are as large as the kernel's, and some memory that is of whole pages elsewhere
# is not.

set -uo pipefail

VM=${VM:-$(dirname "$(readlink -f "$0")")/../../vm}
# shellcheck source=tools/testing/vm/tests/firmware-lib.sh
. "$(dirname "$(readlink -f "$0")")/../firmware-lib.sh"

echo TAP version 13
echo 1..5
# shellcheck disable=SC2034 # for firmware-lib.sh
MACHINE_ARGS=(--flavour 64k)
GPU0=0000:01:00.0
good 'honest firmware gives a region' 10000000000-1000fffffff "$GOOD"
bad 'a base in the middle of a page' nvidia,egm-base-pa $GPU0 \
	"$GOOD,x-egm-fw-base=0x10000001000"
bad 'a size that is not of whole pages' nvidia,egm-size $GPU0 "$GOOD,x-egm-fw-size=0x8001000"
retired 'retired pages are never handed out' 0x50000:3 \
	egm-retired=10000:20000:40000:3ff0000:10000:fff0000
retired 'an entry in the middle of a page retires that page' 0x30000:3 \
	egm-retired=10000:17008:5fff8:97000
exit "$failed"
