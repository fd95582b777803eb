# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash
#
# What the demonstrations share: a vcmd on a socket of its own, in a folder that goes when the script ends. Source it:
#
#	. "$(dirname "$0")/broker.sh"		$dir, $build, $VCM_SOCKET
#	start_vcmd				with what is in $dir/vcmd.conf
#	...
#	check_nothing_left
#	stop_vcmd

build=${VCM_BUILDDIR:-$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)/build}
dir=$(mktemp -d)
vcmd_pid=
others=() # processes that end with the script

export VCM_SOCKET=$dir/vcmd.sock

clean_up() {
	local status=$?

	trap - EXIT
	for pid in "${others[@]}" $vcmd_pid; do
		{ kill "$pid" && wait "$pid"; } 2>/dev/null || true
	done
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

start_vcmd() {
	local state=

	[[ -x $build/vcmd/vcmd ]] || die "nothing is built in $build: ./dev build"
	mkfifo "$dir/events"
	exec {events}<>"$dir/events"
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
	exec {events}>&-
	rm "$dir/events"
}

vcmctl() {
	"$build/vcmctl/vcmctl" "$@"
}

# Everything that a session can own, as the broker counts it.
check_nothing_left() {
	local left

	left=$(vcmctl --json status | grep -E '"(objects|used|active|quarantined)":' | grep -vE ': 0,?$') ||
		return 0
	die "something is left: $left"
}
