# SPDX-License-Identifier: Apache-2.0
# What every script of hack/ shares: where the tree is, messages, apt in a directory of our own.
# Sourced, never run. bash only.

# shellcheck shell=bash
# shellcheck disable=SC2034 # ROOT and BUILD are for the scripts that source this file
ROOT=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/../.." && pwd -P)
BUILD=$ROOT/build
SELF=${0##*/}

say() { printf '%s: %s\n' "$SELF" "$*" >&2; }

# die STATUS MESSAGE...: what went wrong, where, and what to do about it.
die() {
	local status=$1
	shift
	say "$*"
	exit "$status"
}

# need COMMAND PACKAGE: refuse early when a tool is missing.
need() {
	command -v "$1" >/dev/null || die 127 "the command '$1' is missing; run hack/setup (Debian package: $2)"
}

# shell_quote WORD...: the words quoted for any POSIX shell, on one line.
shell_quote() {
	local word out=
	for word; do
		out+=" '${word//\'/\'\\\'\'}'"
	done
	printf '%s' "${out# }"
}
