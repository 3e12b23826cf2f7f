# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
#
# The machine: QEMU's command line, the files added to the initrd, one boot with
# a time limit, and the judgement of the kernel's log.

# What must never appear in a kernel's log.
SPLAT='WARNING: |BUG: |BUG at |Oops|Kernel panic|Internal error:|Unable to handle kernel'
SPLAT+='|\[ cut here \]|UBSAN: |kernel BUG|INFO: (possible|inconsistent|suspicious|trying to register|rcu|task .* blocked)'
SPLAT+='|possible circular locking|possible recursive locking|inconsistent lock state|suspicious RCU usage'
SPLAT+='|sleeping function called|scheduling while atomic|rcu: INFO|self-detected stall|detected stalls'
SPLAT+='|soft lockup|hard LOCKUP|bad page state|refcount_t: |list_(add|del) corruption|DEBUG_LOCKS_WARN_ON'
SPLAT+='|unreferenced object|lock held when returning to user space|held lock freed'

machine_defaults()
{
	FLAVOUR=plain ACPI=0 HI=4G RETIRED='' VFS=2 GPUS=() GPU=1 MEM=3G CARVEOUTS=() CPUS=2
	OVERLAYS=()
	ADD=() VFIO=() QEMU_ARGS=() APPEND='' TIMEOUT=300 LOG='' COMMAND=()
}

# gpu_args: each GPU behind a root port of its own
gpu_args()
{
	local i props
	((GPU)) || return 0
	if ((${#GPUS[@]} == 0)); then
		props="vfs=$((VFS > 8 ? VFS : 8)),egm-size=$HI,egm-base=0x10000000000"
		GPUS=("$props${RETIRED:+,egm-retired=$RETIRED}")
	fi
	for i in "${!GPUS[@]}"; do
		MACHINE+=(-device "pcie-root-port,id=rp$i,bus=pcie.0,chassis=$((i + 1)),slot=$((i + 1))"
			-device "nvgrace-gpu,bus=rp$i${GPUS[i]:+,${GPUS[i]}}")
	done
}

# bytes SIZE: 3G and the like as a number
bytes() { numfmt --from=iec -- "${1^^}" 2>/dev/null || die "$1 is not a size"; }

# carveout_args: memory beyond what Linux is told to use. Into APPEND; sets MEM to
# all there is
carveout_args()
{
	local spec size where total base=0x40000000 list=
	((${#CARVEOUTS[@]})) || return 0
	# q35 puts what is beyond 2 GiB at 4 GiB, once it is 2.75 GiB
	[[ $FLAVOUR == x86 ]] && MEM=2G base=0x80000000
	total=$(bytes "$MEM") || return
	APPEND+=" mem=$total"
	for spec in "${CARVEOUTS[@]}"; do
		where=${spec%%:*}
		size=$(bytes "${where%@*}") || return
		if [[ $where == *@* ]]; then
			list+=,$size@${where#*@}
		else
			list+=,$size@$(printf '%#x' $((base + total)))
			((total += size))
		fi
		[[ $spec == *:* ]] && list+=:${spec#*:}
	done
	[[ $FLAVOUR == x86 ]] && ((total < 0xb0000000)) && die "the x86 machine needs carve-outs of 1 GiB"
	APPEND+=" iommufd_carveout.regions=${list#,}"
	MEM=${total}B
}

# platform: what is of one architecture, into MACHINE
# shellcheck disable=SC2054 # the commas are QEMU's
platform()
{
	if [[ $FLAVOUR == x86 ]]; then
		((GPU)) && die "the x86 machine has no GPU: use --no-gpu"
		MACHINE=(qemu-system-x86_64 -M q35 -cpu max -device intel-iommu,intremap=on)
	else
		MACHINE=("$QEMU" -M virt,virtualization=on,gic-version=3,iommu=smmuv3
			-global arm-smmuv3.stage=nested -cpu max,pauth=off)
	fi
}

# machine_args DIR: QEMU's command line, into MACHINE
# shellcheck disable=SC2054 # the commas are QEMU's
machine_args()
{
	local dir=$1 append='ignore_loglevel rdinit=/init oops=panic panic=-1'
	[[ $FLAVOUR == x86 ]] && append+=' console=ttyS0' || append+=' console=ttyAMA0'
	((ACPI)) && append+=' acpi=force'
	carveout_args || exit
	((GPU && VFS)) && append+=" vm.vfs=$VFS"
	((${#VFIO[@]})) && append+=" vm.vfio=$(IFS=,; echo "${VFIO[*]}")"
	[[ ${SHELL_SIZE:-} ]] && append+=" vm.shell=$SHELL_SIZE"
	platform
	MACHINE+=(-smp "$CPUS" -m "$MEM"
		-display none -nodefaults -no-reboot
		-kernel "$(kernel_dir "$FLAVOUR")/$(kernel_image "$FLAVOUR")"
		-initrd "$dir/initrd" -append "$append${APPEND:+ $APPEND}"
		-serial "file:$dir/kernel.log"
		-device virtio-serial-pci,id=vser,bus=pcie.0
		-chardev "file,id=status,path=$dir/status"
		-device virtserialport,bus=vser.0,chardev=status,name=status)
	if [[ ${SHELL_SIZE:-} ]]; then
		MACHINE+=(-chardev stdio,id=console,mux=on,signal=off)
	else
		MACHINE+=(-chardev "file,id=console,path=$dir/console")
	fi
	MACHINE+=(-device virtserialport,bus=vser.0,chardev=console,name=console)
	((ACPI)) && MACHINE+=(-drive "if=pflash,format=raw,readonly=on,file=$UEFI")
	gpu_args
	MACHINE+=("${QEMU_ARGS[@]}")
}

# device_tree DIR: the machine's own, with OVERLAYS over it, into MACHINE
device_tree()
{
	local dir=$1 overlay i=0 compiled=()
	((${#OVERLAYS[@]})) || return 0
	{ command -v dtc && command -v fdtoverlay; } >/dev/null ||
		die "--dt-overlay needs the package device-tree-compiler"
	for overlay in "${OVERLAYS[@]}"; do
		compiled+=("$dir/$((i++)).dtbo")
		dtc -q -I dts -O dtb -o "${compiled[-1]}" "$overlay" || die "cannot compile $overlay"
	done
	{
		"${MACHINE[@]}" -machine "dumpdtb=$dir/machine.dtb" </dev/null &&
			fdtoverlay -i "$dir/machine.dtb" -o "$dir/dtb" "${compiled[@]}"
	} >"$dir/qemu.log" 2>&1 || die "cannot lay ${OVERLAYS[*]} over the machine's device tree"
	MACHINE+=(-dtb "$dir/dtb")
}

# make_initrd DIR: the fixed part, then what this run adds
make_initrd()
{
	local dir=$1 tree=$1/tree spec file dest
	mkdir -p "$tree/etc/vm"
	printf '%s\0' "${COMMAND[@]}" >"$tree/etc/vm/command"
	for spec in "${ADD[@]}"; do
		file=$spec dest=
		if [[ ! -e $spec && $spec == *:* ]]; then
			file=${spec%:*} dest=${spec##*:}
		fi
		[[ -e $file ]] || die "--add $spec: there is no $file"
		dest=$tree/${dest:-${file##*/}}
		mkdir -p "${dest%/*}"
		cp -rL -- "$file" "$dest" || die "--add $spec: cannot copy it"
	done
	pack "$tree" "$dir/added.cpio"
	cat "$BUILD/initrd-$FLAVOUR.cpio" "$dir/added.cpio" >"$dir/initrd" || die "cannot write $dir/initrd"
	rm -rf "$tree" "$dir/added.cpio"
}

# splats LOG: the lines that prove a fault, each with what follows it
splats() { tr -d '\r' <"$1" | grep -aE -A 100 -- "$SPLAT" | head -n 200; }

# boot: one run of the machine; returns the status to exit with
boot()
{
	local dir status=0 limit=() reader='' line
	scratch dir "$CACHE/run"
	touch "$dir/console" "$dir/kernel.log" "$dir/status"
	make_initrd "$dir"
	machine_args "$dir"
	device_tree "$dir"
	if [[ ${SHELL_SIZE:-} ]]; then
		limit=(timeout --foreground -k 5 86400)
	else
		limit=(timeout -k 5 "$TIMEOUT")
	fi

	# A run that is killed outright takes its machine along.
	setpriv --pdeathsig TERM "${limit[@]}" setpriv --pdeathsig KILL "${MACHINE[@]}" \
		<&0 2>"$dir/qemu.log" 9>&- &
	QEMU_PID=$!
	if [[ ! ${SHELL_SIZE:-} ]]; then
		tail -c +1 -s 0.05 -f --pid="$QEMU_PID" "$dir/console" 2>/dev/null 9>&- &
		reader=$!
	fi
	wait "$QEMU_PID" || status=$?
	QEMU_PID=''
	[[ $reader ]] && wait "$reader"

	mkdir -p "$LOGS"
	cp -- "$dir/kernel.log" "$LOGS/kernel.log"
	if [[ $LOG ]]; then
		cp -- "$dir/kernel.log" "$LOG" || die "cannot write $LOG"
	fi
	judge "$dir" "$status"
}

# judge DIR QEMU-STATUS: what came of the run
judge()
{
	local dir=$1 verb='' result='' log=${LOG:-$LOGS/kernel.log}
	read -r verb result <"$dir/status"
	if grep -qaE -- "$SPLAT" "$dir/kernel.log"; then
		say "vm: the kernel's log has a splat (all of it: $log):"
		splats "$dir/kernel.log" >&2
		[[ $verb == exit ]] && say "vm: the command's own status was $result"
		return "$EXIT_SPLAT"
	fi
	# What the GPU's model has to say of its driver
	if grep -a '^nvgrace-gpu: driver error: ' "$dir/qemu.log" | sort | uniq -c >&2; then
		say "vm: the GPU's driver broke the rules of the model"
		return "$EXIT_SPLAT"
	fi
	case $verb in
	exit)
		return "$result"
		;;
	error)
		say "vm: the machine could not run the command: $result (kernel's log: $log)"
		return "$EXIT_TOOL"
		;;
	esac
	if (($2 == 124 || $2 == 137)) && [[ ! ${SHELL_SIZE:-} ]]; then
		say "vm: time limit of $TIMEOUT s reached, machine stopped (kernel's log: $log)"
		return "$EXIT_TIMEOUT"
	fi
	[[ ${SHELL_SIZE:-} && $2 == 0 ]] && return 0
	say "vm: QEMU ended with status $2 before the command did (kernel's log: $log):"
	tail -n 5 "$dir/kernel.log" >&2
	tail -n 5 "$dir/qemu.log" >&2
	return "$EXIT_TOOL"
}

# Interactive: the host's terminal goes raw and comes back whatever happens.
boot_shell()
{
	local rows cols status
	[[ -t 0 && -t 1 ]] || die "shell needs a terminal; to run a command use: vm run -- COMMAND"
	read -r rows cols < <(stty size)
	TTY_STATE=$(stty -g)
	SHELL_SIZE=${rows}x${cols}
	say "vm: Ctrl-A X ends the machine, so does leaving the shell"
	stty raw -echo
	boot
	status=$?
	stty "$TTY_STATE"
	TTY_STATE=''
	return "$status"
}
