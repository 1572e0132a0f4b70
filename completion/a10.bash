# Completes the a10 command in bash. scripts/check-options holds it against
# a10 --help.

_a10()
{
	local word=${COMP_WORDS[COMP_CWORD]}
	local before=${COMP_WORDS[COMP_CWORD - 1]}
	local options folders=

	COMPREPLY=()
	if ((COMP_CWORD == 1)); then
		mapfile -t COMPREPLY < <(
			compgen -W 'get probe proxy serve --help --version' -- "$word")
		return
	fi
	case ${COMP_WORDS[1]} in
	get)
		options='--output --continue --force --parallel --redirects
			--connect-timeout --stall-timeout --quiet --help'
		;;
	probe)
		options='--json --help'
		;;
	proxy)
		options='--listen --connections --connect-timeout --idle-timeout
			--stop-timeout --help'
		;;
	serve)
		options='--listen --connections --threads --hidden --mime-types
			--log --json-log --stats --idle-timeout --request-timeout
			--send-timeout --stop-timeout --help'
		folders=yes
		;;
	*) return ;;
	esac
	case $before in
	--mime-types | --output | -o)
		compopt -o filenames 2> /dev/null
		mapfile -t COMPREPLY < <(compgen -f -- "$word")
		return
		;;
	--listen | --connections | --threads | --parallel | --redirects | --*-timeout)
		return
		;;
	esac
	if [[ $word == -* ]]; then
		mapfile -t COMPREPLY < <(compgen -W "$options" -- "$word")
	elif [[ $folders ]]; then
		compopt -o filenames 2> /dev/null
		mapfile -t COMPREPLY < <(compgen -d -- "$word")
	fi
}

complete -F _a10 a10
