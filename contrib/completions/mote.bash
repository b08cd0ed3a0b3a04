# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Completion for bash: installed as share/bash-completion/completions/mote.
_mote() {
	local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]}
	# shellcheck disable=SC2034 # by its name
	local run_options="--dir --dir-ro --env --memory --timeout --cwd --entry --invoke --net --listen --no-cache --no-polling --stats --verbose --isolation"
	# shellcheck disable=SC2034 # by its name
	local snapshot_options="--output --after-init --at --dir --dir-ro --env --memory --timeout --cwd --net"
	# shellcheck disable=SC2034 # by its name
	local inspect_options="--memory --timeout"
	local options=${COMP_WORDS[1]}_options
	COMPREPLY=()
	if ((COMP_CWORD == 1)); then
		mapfile -t COMPREPLY < <(compgen -W "run snapshot inspect version help --version" -- "$word")
	elif [[ ${COMP_WORDS[1]} == help ]]; then
		mapfile -t COMPREPLY < <(compgen -W "run snapshot inspect version help" -- "$word")
	elif [[ ${COMP_WORDS[1]} =~ ^(run|snapshot|inspect)$ ]]; then
		case $before in
		--dir | --dir-ro) mapfile -t COMPREPLY < <(compgen -d -- "$word") ;;
		--env) mapfile -t COMPREPLY < <(compgen -e -- "$word") ;;
		--isolation) mapfile -t COMPREPLY < <(compgen -W "private shared" -- "$word") ;;
		--memory | --timeout | --cwd | --entry | --invoke | --after-init | --at) ;;
		*)
			if [[ $word == -* ]]; then
				mapfile -t COMPREPLY < <(compgen -W "${!options}" -- "$word")
			else
				mapfile -t COMPREPLY < <(compgen -f -- "$word")
			fi
			;;
		esac
	fi
}
complete -o filenames -F _mote mote
