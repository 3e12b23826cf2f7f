# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
#
# For tests of what nvgrace-egm makes of firmware's properties, one boot a case: sourced
# by them with VM set, and printing TAP. They may set
#
#   MACHINE_ARGS   more options of "vm run"

SELFTESTS=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/../../../../build/selftests
LOG=$(mktemp) || exit 1
trap 'rm -f "$LOG"' EXIT

GOOD=egm-size=256M	# properties of a GPU with a sound region
MACHINE_ARGS=()
tests=0
failed=0

result()
{
	((++tests))
	if (($1 == 0)); then
		echo "ok $tests - $2"
	else
		echo "not ok $tests - $2: $3"
		failed=1
	fi
}

# boot GPU...: regions that the machine then has, a line each, as in /proc/iomem
boot()
{
	local gpu args=()
	for gpu; do
		args+=(--gpu "vfs=8,$gpu")
	done
	"$VM" run --no-build "${MACHINE_ARGS[@]}" --vfs 0 --log "$LOG" "${args[@]}" -- \
		sh -c 'sed -n "s/ : egm.*//p" /proc/iomem'
}

warnings() { tr -d '\r' <"$LOG" | grep -E 'EGM (ignored|refused)|nvidia,egm.*entries'; }

# good NAME REGIONS GPU...
good()
{
	local name=$1 want=$2 got
	shift 2
	if ! got=$(boot "$@"); then
		result 1 "$name" "the machine failed"
	elif [[ $(tr -d ' \r\n' <<<"$got") != "$want" ]]; then
		result 1 "$name" "regions: $got"
	elif [[ $(warnings) ]]; then
		result 1 "$name" "$(warnings)"
	else
		result 0 "$name"
	fi
}

# bad NAME PROPERTY FUNCTION GPU...
bad()
{
	local name=$1 property=$2 function=$3 got
	shift 3
	if ! got=$(boot "$@"); then
		result 1 "$name" "the machine failed"
	elif [[ $got ]]; then
		result 1 "$name" "there is a region: $got"
	elif (($(warnings | wc -l) != 1)); then
		result 1 "$name" "not one warning, but: $(warnings)"
	elif ! warnings | grep -q "$function: .*$property"; then
		result 1 "$name" "it does not name $function and $property: $(warnings)"
	else
		result 0 "$name"
	fi
}

# retired NAME BYTES:HOLES GPU...
retired()
{
	local name=$1 want=$2 out
	if out=$("$VM" run --no-build "${MACHINE_ARGS[@]}" --vfs 1 --log "$LOG" --gpu "vfs=8,$GOOD,$3" \
		--add "$SELFTESTS/mem_retired" --add "$SELFTESTS/mem_holes" -- \
		env MEM_REGION=0x10000000 MEM_RETIRED="$want" \
		sh -c '/mem_retired && /mem_holes'); then
		result "$(grep -c '^ok.*SKIP.*MEM_' <<<"$out")" "$name" "the tests were skipped"
	else
		result 1 "$name" "$out"
	fi
}
