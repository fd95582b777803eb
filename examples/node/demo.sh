#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# demo.sh [--process] [doorbell | poll]: a CPU with no operating system at all shares memory with Linux, both ways. It is a PC
# in QEMU or, with --process, a process that has nothing but the shared memory; both run main.c. It sleeps until the host
# rings (doorbell), or looks at the memory all the time (poll). Leaves nothing behind; any failure is its exit status.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=examples/broker.sh
. "$here/../broker.sh"

kind=qemu
way=doorbell
for word in "$@"; do
	case $word in
	--process) kind=process ;;
	doorbell | poll) way=$word ;;
	*) die "usage: demo.sh [--process] [doorbell | poll]" ;;
	esac
done

# As long a window as the configuration says, at $dir/window.
write_config() {
	sed -e "s|@dir@|$dir|" "$here/vcmd.conf" >"$dir/vcmd.conf"
	[[ $way == doorbell ]] || sed -i '/socket =/d' "$dir/vcmd.conf"
}

run_guest() {
	local device=(-object "memory-backend-file,id=m,share=on,mem-path=$dir/window,size=4M" -device "ivshmem-plain,memdev=m")

	if [[ $kind == process ]]; then
		[[ $way == doorbell ]] || exec "$build/examples/node/process" --file "$dir/window"
		exec "$build/examples/node/process" --socket "$dir/guest.sock"
	fi
	[[ $way == poll ]] ||
		device=(-chardev "socket,path=$dir/guest.sock,id=c" -device "ivshmem-doorbell,chardev=c,vectors=1")
	exec qemu-system-x86_64 -accel tcg -machine q35 -m 16M -nodefaults -display none -vga none -no-reboot \
		-serial stdio -device isa-debug-exit,iobase=0xf4,iosize=1 "${device[@]}" -kernel "$dir/guest/guest.elf"
}

# Shows what the guest says, and leaves its token in $token.
read_token() {
	local line

	while IFS= read -r -t 60 line <&"$guest_out"; do
		line=${line%$'\r'}
		printf '%s\n' "$line"
		[[ $line != "token "* ]] || { token=${line#token }; return; }
	done
	die "the guest gives no token"
}

heading "A CPU without a system ($kind, $way)"
if [[ $kind == qemu ]]; then
	command -v qemu-system-x86_64 >/dev/null || die "qemu-system-x86_64 is not installed"
	VCM_NANOPB=${VCM_NANOPB:-$build/nanopb} "$here/build" "$dir/guest"
	printf 'guest.elf: %s\n\n' "$(size "$dir/guest/guest.elf" | awk 'END { print $1 " bytes of code and constants" }')"
fi
write_config
start_vcmd
coproc guest { run_guest </dev/null 2>&1; }
# Bash forgets both when the process has ended.
# shellcheck disable=SC2154
others+=("$guest_PID")
# shellcheck disable=SC2154
exec {guest_out}<&"${guest[0]}"
guest_pid=$guest_PID
read_token
printf '\n$ vcmctl graph\n'
vcmctl graph
echo
"$build/examples/node/share" "$token" || die "share failed"
status=0
wait "$guest_pid" || status=$?
others=()
sed 's/\r$//' <&"$guest_out"
# QEMU ends with twice what the guest returned, and one.
[[ $kind == process ]] || status=$((status - 1))
((status == 0)) || die "the guest failed: $status"
check_nothing_left
stop_vcmd
printf '\nThe CPU and vcmd have stopped. Nothing is left.\n'
