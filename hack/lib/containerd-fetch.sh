# SPDX-License-Identifier: Apache-2.0
# Debian's containerd of a given series, with its runc and libc, unpacked below build/containerd/. Debian has no 2.3 yet:
# that is built from its Go module.
# Sourced by hack/containerd-sandbox; needs hack/lib/common.sh.

# shellcheck shell=bash

CONTAINERD_MODULE=v2.3.4

# containerd_suite SERIES: the Debian suite that has it.
containerd_suite() {
	case $1 in
	1.6) echo bookworm ;;
	1.7) echo trixie ;;
	2.1 | 2.3) echo sid ;;
	*) die 2 "no containerd '$1' here; there are 1.6 (Debian 12), 1.7 (Debian 13), 2.1 (Debian unstable) and 2.3" ;;
	esac
}

# debian_mirror: the address from which this machine takes Debian's main archive.
debian_mirror() {
	local format="\$(LABEL)|\$(REPO_URI)" mirror
	mirror=$(apt-get indextargets --format "$format" 'Created-By: Packages' | sed -n 's/^Debian|//p' | head -n 1)
	if [[ -z $mirror ]]; then
		apt-get -qq update >&2
		mirror=$(apt-get indextargets --format "$format" 'Created-By: Packages' | sed -n 's/^Debian|//p' | head -n 1)
	fi
	[[ -n $mirror ]] || die 1 "apt has no source labelled Debian; check /etc/apt/sources.list"
	printf '%s' "$mirror"
}

# containerd_build DIR: containerd and ctr of CONTAINERD_MODULE in place of those unpacked in DIR.
containerd_build() {
	command -v go >/dev/null || die 127 "the command 'go' is missing; containerd 2.3 is built from its Go module"
	GOBIN=$1/usr/bin CGO_ENABLED=0 go install -tags no_btrfs,no_devmapper,no_zfs \
		github.com/containerd/containerd/v2/cmd/{containerd,ctr}@"$CONTAINERD_MODULE" >&2 ||
		die 1 "containerd $CONTAINERD_MODULE could not be built; see go's message above"
	sed -i "s/^containerd .*/containerd ${CONTAINERD_MODULE#v}/" "$1/packages"
}

# containerd_fetch SERIES: leave in $containerd_root its unpacked packages, from the cache if they are there.
containerd_fetch() {
	local series=$1 suite top=$BUILD/containerd/$1 apt new package
	suite=$(containerd_suite "$series")
	mkdir -p "$top"
	exec 9>"$top/lock"
	flock 9
	containerd_root=$top/root
	if [[ ! -e $top/complete ]]; then
		say "fetching containerd $series from Debian $suite, once"
		apt=$top/apt new=$top/new
		rm -rf "$apt" "$new" "$containerd_root"
		mkdir -p "$apt"/{lists,cache/archives}/partial "$apt"/{debs,none} "$new"
		printf 'deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] %s %s main\n' \
			"$(debian_mirror)" "$suite" >"$apt/sources.list"
		# An apt of its own: lists, cache and sources of one suite, and no package installed. It checks signatures,
		# not dates: a mirror may be behind, a test machine's clock wrong, and sid's lists are good for days only.
		cat >"$apt/apt.conf" <<END
Dir::Etc::SourceList "$apt/sources.list";
Dir::Etc::SourceParts "$apt/none";
Dir::Etc::Preferences "$apt/no-preferences";
Dir::Etc::PreferencesParts "$apt/none";
Dir::State::Lists "$apt/lists";
Dir::State::Status "/dev/null";
Dir::Cache "$apt/cache";
APT::Sandbox::User "root";
Acquire::Languages "none";
Acquire::Check-Date "false";
Acquire::Check-Valid-Until "false";
Acquire::IndexTargets::deb::DEP-11::DefaultEnabled "false";
END
		(
			cd -- "$apt/debs"
			export APT_CONFIG=$apt/apt.conf
			apt-get -qq update && apt-get -qq download containerd runc libc6
		) >&2 || die 1 "apt could not take containerd from $suite; see its message above"
		for package in "$apt"/debs/*.deb; do
			dpkg-deb -x "$package" "$new"
			dpkg-deb -f "$package" Package Version | paste -sd ' ' | sed 's/Package: //; s/ *Version: / /' >>"$new/packages"
		done
		[[ $series != 2.3 ]] || containerd_build "$new"
		mv "$new" "$containerd_root"
		rm -rf "$apt"
		touch "$top/complete"
	fi
	exec 9>&-
	containerd_version=$(sed -n 's/^containerd //p' "$containerd_root/packages")
	[[ $containerd_version == "$series".* ]] ||
		say "note: Debian $suite has containerd $containerd_version by now, not $series"
}
