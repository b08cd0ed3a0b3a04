# SPDX-License-Identifier: Apache-2.0
# What test/security/*.test share: reading `--kvm KIND [--long]`, building a program of test/security and running it on
# that KVM. Sourced, never run. bash only.

# shellcheck shell=bash
# shellcheck source=hack/lib/common.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/../../hack/lib/common.sh"
cd -- "$ROOT" || exit 2

kvm=here
form=()
while (($#)); do
	case $1 in
	--kvm) kvm=${2-} && shift 2 ;;
	--long) form=(--long) && shift ;;
	*) break ;;
	esac
done
[[ $kvm == here || $kvm == emulated ]] || die 2 "--kvm is here or emulated, not '$kvm'"

# security_build VARIANT PROGRAM: two makes of one variant at a time would write the same files.
security_build() {
	mkdir -p build/check
	flock "build/check/${1/release/security}.lock" make -s VARIANT="$1" "build/$1/test/security/$2" >&2
}

# security_program VARIANT PROGRAM [KVM-EMULATED-OPTION]... [-- ARG...]: builds and runs it on the KVM asked for.
security_program() {
	local program=build/$1/test/security/$2 options=()
	security_build "$1" "$2"
	shift 2
	while (($#)) && [[ $1 != -- ]]; do
		options+=("$1") && shift
	done
	(($# == 0)) || shift
	# What a VM leaves to its end is not a leak of a test's; sanitizers' other findings end the program.
	export ASAN_OPTIONS=abort_on_error=1:detect_leaks=0 UBSAN_OPTIONS=print_stacktrace=1
	if [[ $kvm == here ]]; then
		"$program" "${form[@]}" "$@"
	else
		hack/kvm-emulated --env ASAN_OPTIONS="$ASAN_OPTIONS" --env UBSAN_OPTIONS="$UBSAN_OPTIONS" "${options[@]}" -- \
			"$program" --emulated "${form[@]}" "$@"
	fi
}
