#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# Starts vcmd on a socket of its own, runs the examples, shows the graph while their mappings are live, and shows that
# nothing is left. Leaves nothing behind itself; any failure is its exit status.
set -euo pipefail

build=${VCM_BUILDDIR:-$(cd "$(dirname "$0")/.." && pwd)/build}
dir=$(mktemp -d)
vcmd_pid=

export VCM_SOCKET=$dir/vcmd.sock

clean_up() {
	local status=$?

	trap - EXIT
	[[ -z $vcmd_pid ]] || { kill "$vcmd_pid" && wait "$vcmd_pid"; } 2>/dev/null || true
	rm -rf "$dir"
	exit "$status"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

die() {
	printf 'demo: %s\n' "$*" >&2
	[[ ! -s $dir/vcmd.log ]] || sed 's/^/vcmd: /' "$dir/vcmd.log" >&2
	exit 1
}

heading() {
	printf '\n== %s\n\n' "$*"
}

# Keeps what vcmd says, and tells those who wait when it is ready and when it has gone.
watch_log() {
	local line

	while IFS= read -r line; do
		printf '%s\n' "$line" >>"$dir/vcmd.log"
		[[ $line != "listening on"* ]] || echo ready >&"$events"
	done
	echo gone >&"$events"
}

# With a configuration that says nothing, and so has the machine that is built in.
start_vcmd() {
	local state=

	mkfifo "$dir/events" "$dir/go"
	exec {events}<>"$dir/events" {go}<>"$dir/go"
	: >"$dir/vcmd.conf"
	"$build/vcmd/vcmd" --config "$dir/vcmd.conf" --socket "$VCM_SOCKET" --log-level info \
		2> >(watch_log) &
	vcmd_pid=$!
	read -r -t 60 state <&"$events" || true
	[[ $state == ready ]] || die "vcmd does not start"
}

stop_vcmd() {
	local pid=$vcmd_pid

	vcmd_pid=
	kill "$pid"
	wait "$pid" || die "vcmd did not stop cleanly: $?"
	[[ ! -e $VCM_SOCKET ]] || die "vcmd left its socket behind"
}

vcmctl() {
	"$build/vcmctl/vcmctl" "$@"
}

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

# Everything that a session can own, as the broker counts it.
check_nothing_left() {
	local left

	left=$(vcmctl --json status | grep -E '"(objects|used|active|quarantined)":' | grep -vE ': 0,?$') ||
		return 0
	die "something is left: $left"
}

[[ -x $build/vcmd/vcmd ]] || die "nothing is built in $build: ./dev build"
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
