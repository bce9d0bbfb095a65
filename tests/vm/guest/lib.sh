# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later
# shellcheck shell=dash
# What the cases in the machine share. A case is a function fact_NAME whose name says what holds; it runs
# in a shell of its own, with -e, and its output is printed with its result.

# say WHAT EXPECTED COMMAND...: the command must print EXPECTED.
say() {
	what=$1 expected=$2
	shift 2
	got=$("$@")
	echo "$what: $got"
	if [ "$got" != "$expected" ]; then
		echo "expected: $expected"
		return 1
	fi
}

# refuse TEXT COMMAND...: the command fails, and says TEXT (a pattern of grep).
refuse() {
	text=$1
	shift
	code=0
	"$@" >/tmp/refused 2>&1 || code=$?
	if [ $code = 0 ]; then
		echo "did not fail: $*"
		return 1
	fi
	cat /tmp/refused
	echo "status $code"
	if ! grep -q -- "$text" /tmp/refused; then
		echo "expected: $text"
		return 1
	fi
}

# kernel TEXT: the kernel said TEXT (a pattern of grep) since the fact began.
kernel() {
	dmesg >/tmp/kernel
	if ! grep -q -- "$1" /tmp/kernel; then
		echo "the kernel does not say: $1"
		tail -n 5 /tmp/kernel
		return 1
	fi
	grep -- "$1" /tmp/kernel | tail -n 1 | sed 's/^\[[^]]*\]/kernel:/'
}

# not COMMAND...: the command fails. (A "!" is no reason for -e to stop.)
not() {
	if "$@"; then
		echo "did not fail: $*"
		return 1
	fi
}

# object NAME: the object of that file of the tree.
object() {
	echo "/fs/store/$(composefs-info measure-file "/tmp/tree/$1" | sed 's,^..,&/,')"
}

# run_facts PLACE: all facts of the script, in order. after_fact cleans up behind each.
run_facts() {
	for name in $(sed -n 's/^\(fact_[a-z0-9_]*\)() {$/\1/p' "$0"); do
		title="$1: $(echo "${name#fact_}" | tr _ ' ')"
		read -r up _ </proc/uptime
		echo "# $up s: $title"
		dmesg -c >/dev/null
		(
			set -e
			"$name"
		) >/tmp/out 2>&1
		status=$?
		case $status in
		0) echo "ok - $title" ;;
		77) echo "ok - $title # SKIP $(tail -n 1 /tmp/out)" ;;
		*) echo "not ok - $title" ;;
		esac
		sed 's/^/# /' /tmp/out
		after_fact
	done
}
