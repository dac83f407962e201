# Completion of the yett commands in bash: asks the program itself what there is, and a gateway that runs for its names.
# In these functions `line` has the words before the one that is completed, the program first; `plain` those that are no option nor
# its value, the command first; `usage` what the program says of that.

# The texts that a member has in what a command answers for the gateway of this command line; "{NAME" is the first of its object.
_yett_names()
{
	local member=${1#"{"} first=',?' i place=()
	[[ $1 != "{"* ]] || first='[{]'
	shift
	for ((i = 2; i < ${#line[@]} - 1; i++)); do
		case ${line[i]} in
		-c | --config | --socket) place=("${line[i]}" "${line[i + 1]}") ;;
		esac
	done
	timeout 2 "${line[0]}" "$@" --json "${place[@]}" 2>/dev/null | grep -oE "$first\"$member\":(\"[^\"\\]+\"|[0-9]+)" |
		cut -d : -f 2- | tr -d '"' | sort -u
}

# Identities that have asked.
_yett_users()
{
	_yett_names id top --once | grep -vE '^([a-z]*:.*|other)$'
}

# What may stand behind NAME= of tail.
_yett_filter()
{
	case $1 in
	route) _yett_names id top --once | grep '^[a-z]*:' ;;
	upstream) _yett_names '{address' status ;;
	user) _yett_users ;;
	reason) "${line[0]}" help reasons | cut -d ' ' -f 1 ;;
	status) printf '%s\n' 2xx 3xx 4xx 5xx ;;
	method) printf '%s\n' GET HEAD POST PUT PATCH DELETE OPTIONS ;;
	ended_by) printf '%s\n' client upstream gateway ;;
	phase) printf '%s\n' head decision queue connect request_body first_byte response_head response_body tunnel ;;
	esac
}

# What may stand behind an option that takes a value; false for any other word.
_yett_value()
{
	case $1 in
	--by) echo requests errors bytes latency now ;;
	--algorithm) echo HS256 HS384 HS512 ;;
	--if-match) _yett_names revision history ;;
	--issued-before) echo now ;;
	--worker) _yett_names slot status ;;
	--why | --reason | --until | --timeout | --ttl | --expires | --claim | -H | --header | --from | --hour) ;;
	*) return 1 ;;
	esac
}

# What may stand in the place of a word in capitals.
_yett_words()
{
	case ${plain[*]} in
	drain) _yett_names '{address' status ;;
	suspend | sessions) _yett_users ;;
	resume) _yett_names id suspended ;;
	cascade\ retry | cascade\ drop) _yett_names id cascade ;;
	key\ revoke) _yett_names name key list ;;
	wait | diff* | rollback) _yett_names revision history ;;
	explain) echo GET HEAD POST PUT PATCH DELETE OPTIONS ;;
	help) _yett_commands ;;
	tail*) printf '%s=\n' status route upstream reason user client method host path phase ended_by min ;;
	esac
}

_yett_commands()
{
	"${line[0]}" help 2>/dev/null | sed -n 's/^  \([a-z]*\)  .*/\1/p'
}

# Options, and words that stand for themselves, of the first of which a command takes one.
_yett_usage()
{
	echo "--help ${usage//.../}" | tr -s '[]| ' '\n' | grep -xE -e '--?[a-zA-Z][a-z-]*|[a-z][a-z.-]*' |
		grep -vxF -e "${line[1]}" | if [ ${#plain[@]} -gt 1 ] && [[ ${plain[0]} != key ]]; then grep -e '^-'; else cat; fi
}

_yett_split()
{
	local i
	plain=() usage=
	[ ${#line[@]} = 1 ] || usage=$("${line[0]}" help "${line[1]}" 2>/dev/null | sed '/^$/q; s/^usage: yett //' | tr -s ' \n' ' ')
	for ((i = 1; i < ${#line[@]}; i++)); do
		case ${line[i]} in
		--config) i=$((i + 1)) ;;
		-*) [[ $usage != *"${line[i]} "[A-Z\"]* ]] || i=$((i + 1)) ;;
		*) plain+=("${line[i]}") ;;
		esac
	done
}

_yett()
{
	local line word words before i plain usage
	# Bash breaks words at ":" and "=", too; a word here ends at a blank alone.
	read -ra line <<<"${COMP_LINE:0:COMP_POINT}"
	word=
	[[ ${COMP_LINE:0:COMP_POINT} == *[[:blank:]] ]] || { word=${line[-1]} && unset 'line[-1]'; }
	line[0]=$1
	before=${line[-1]}
	COMPREPLY=()
	case $before in
	-c | --config | --socket) return ;; # bash completes names of files where there is nothing else
	esac
	_yett_split
	case ${plain[*]} in
	apply | import\ *) [[ $word == -* ]] || return ;;
	esac
	if [ ${#line[@]} = 1 ]; then
		words="$(_yett_commands) --help --version"
		[[ $word == -* ]] || words=${words%%--*}
	elif [ "${line[1]}" = tail ] && [[ $word == *=* ]]; then
		words=$(_yett_filter "${word%%=*}" | sed "s/^/${word%%=*}=/")
	elif ! words=$(_yett_value "$before"); then
		words="$(_yett_words) $(_yett_usage)"
	fi
	mapfile -t COMPREPLY < <(compgen -W "$words" -- "$word")
	[[ ${COMPREPLY[*]} != *= ]] || compopt -o nospace 2>/dev/null
	for i in "${!COMPREPLY[@]}"; do # it replaces what follows the last of them alone
		[[ $word != *[:=]* ]] || COMPREPLY[i]=${COMPREPLY[i]#"${word%"${word##*[:=]}"}"}
	done
}
complete -o default -F _yett yett
