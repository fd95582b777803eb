# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=dash
#
# What a suite's script sources in the guest (busybox sh).
#
#	. /lib.sh
#	try "the daemon starts" start_daemon
#	finish				the last line: what the host counts

n_passed=0
n_failed=0
n_skipped=0

# try NAME COMMAND...: one case; what the command says is shown when it fails.
try() {
	name=$1
	shift
	if "$@" >/tmp/try.log 2>&1 </dev/null; then
		echo "ok   $name"
		n_passed=$((n_passed + 1))
	else
		echo "FAIL $name (status $?)"
		sed 's/^/     /' /tmp/try.log
		n_failed=$((n_failed + 1))
		return 1
	fi
}

# cases COMMAND...: a program that prints a line a case itself: "ok   NAME", "FAIL NAME", "SKIP: NAME: why". One that ends
# with a failure beyond its cases is one failure more.
cases() {
	"$@" >/tmp/cases.log 2>&1 </dev/null
	status=$?
	cat /tmp/cases.log
	failed=$(grep -c '^FAIL ' /tmp/cases.log)
	n_passed=$((n_passed + $(grep -c '^ok   ' /tmp/cases.log)))
	n_skipped=$((n_skipped + $(grep -c '^SKIP: ' /tmp/cases.log)))
	if [ "$status" != 0 ] && [ "$failed" = 0 ]; then
		echo "FAIL $* ends with $status"
		failed=1
	fi
	n_failed=$((n_failed + failed))
	[ "$failed" = 0 ]
}

# skip NAME WHY
skip() {
	echo "SKIP: $1: $2"
	n_skipped=$((n_skipped + 1))
}

# wait_for SECONDS COMMAND...: until it succeeds.
wait_for() {
	tenths=$(($1 * 10))
	shift
	until "$@" >/dev/null 2>&1; do
		tenths=$((tenths - 1))
		[ "$tenths" -gt 0 ] || return 1
		usleep 100000
	done
}

# start_daemon [ARGUMENT...]: vcmd in the background, until it listens. Its pid is in $daemon, its words in /tmp/vcmd.log.
start_daemon() {
	mkdir -p /run/vcm
	vcmd "$@" >>/tmp/vcmd.log 2>&1 &
	daemon=$!
	wait_for 20 test -S "${VCM_SOCKET:-/run/vcm/vcmd.sock}" || { cat /tmp/vcmd.log; return 1; }
}

# stop_daemon: it ends by itself, and leaves nothing behind.
stop_daemon() {
	kill -TERM "$daemon" || return
	wait "$daemon" || { cat /tmp/vcmd.log; return 1; }
	[ ! -e "${VCM_SOCKET:-/run/vcm/vcmd.sock}" ]
}

finish() {
	echo "RESULT $n_passed $n_failed $n_skipped"
}
