# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash
# Completion of vcmctl for bash: commands, contexts and sessions as the broker knows them, options.

# _vcmctl_column TABLE N: a column of what the broker says, without its title; nothing without a broker.
_vcmctl_column() {
	timeout 2 "${socket[@]}" "$1" 2>/dev/null | awk -v n="$2" 'NR > 1 { print $n }'
}

_vcmctl() {
	local cur=${COMP_WORDS[COMP_CWORD]} words=() i choices='' socket=("${COMP_WORDS[0]}")

	COMPREPLY=()
	[[ ${COMP_WORDS[COMP_CWORD - 1]} != --socket ]] || { mapfile -t COMPREPLY < <(compgen -f -- "$cur"); return; }
	[[ ${COMP_WORDS[COMP_CWORD - 1]} != --hex && ${COMP_WORDS[COMP_CWORD - 1]} != --text ]] || return
	if [[ $cur == -* ]]; then
		mapfile -t COMPREPLY < <(compgen -W '--socket --json --dot --raw --hex --text --help --version' -- "$cur")
		return
	fi
	for ((i = 1; i < COMP_CWORD; i++)); do
		case ${COMP_WORDS[i]} in
		--socket) socket+=(--socket "${COMP_WORDS[++i]}") ;;
		--hex | --text) i=$((i + 1)) ;;
		-*) ;;
		*) words+=("${COMP_WORDS[i]}") ;;
		esac
	done
	case ${words[*]} in
	'') choices='status devices pools nodes sessions who graph top monitor faults fault dev device session journal reload' ;;
	dev) choices='read write' ;;
	device) choices='bind unbind' ;;
	fault) choices='list inject' ;;
	session) choices='kill' ;;
	journal) choices='show verify' ;;
	'journal show'* | 'journal verify'*) mapfile -t COMPREPLY < <(compgen -f -- "$cur"); return ;;
	'session kill') choices=$(_vcmctl_column sessions 1) ;;
	'dev read' | 'dev write' | 'fault inject') choices=$(_vcmctl_column devices 1) ;;
	'fault inject '*) ((${#words[@]} > 3)) || choices='activate deactivate walk translate' ;;
	esac
	mapfile -t COMPREPLY < <(compgen -W "$choices" -- "$cur")
}

complete -F _vcmctl vcmctl
