#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# demo.sh [node]: starts vcmd on a socket of its own, runs the examples, shows the graph while their mappings are live, and
# shows that nothing is left. Then, where QEMU is installed, the same with a second operating system (node/demo.sh); with
# `node` only that. Leaves nothing behind itself; any failure is its exit status.
set -euo pipefail

[[ ${1:-} != node ]] || exec "$(dirname "$0")/node/demo.sh"

# shellcheck source=examples/broker.sh
. "$(dirname "$0")/broker.sh"

# Passes on what an example prints, and lets it go on when it has been looked at.
look_when_paused() {
	local line

	while IFS= read -r line; do
		if [[ $line != "(paused"* ]]; then
			printf '%s\n' "$line"
			continue
		fi
		printf '\n$ vcmctl graph\n'
		vcmctl graph
		echo
		echo >&"$go"
	done
}

run_example() {
	heading "examples/$1"
	"$build/examples/$1" --pause <&"$go" | look_when_paused ||
		die "examples/$1 failed"
}

# A configuration that says nothing, and so the machine that is built in.
: >"$dir/vcmd.conf"
mkfifo "$dir/go"
exec {go}<>"$dir/go"
start_vcmd
heading "A machine of vcmd's own"
printf '$ vcmctl devices\n'
vcmctl devices
run_example walkthrough
run_example three-way
heading "What is left"
printf '$ vcmctl status\n'
vcmctl status
check_nothing_left
stop_vcmd
printf '\nvcmd has stopped. Nothing is left.\n'
# Its firmware is built with nanopb's sources.
if command -v qemu-system-x86_64 >/dev/null; then
	"$(dirname "$0")/../remote/fetch-nanopb" "$build/nanopb" || exit 0
	"$(dirname "$0")/node/demo.sh"
fi
