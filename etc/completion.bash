# Completion of the yett commands in bash: asks the program itself what there is.
_yett()
{
	local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} words
	case $before in
	-c | --config | --socket)
		mapfile -t COMPREPLY < <(compgen -f -- "$word")
		return
		;;
	esac
	if [ "$COMP_CWORD" = 1 ] || [ "$before" = help ]; then
		words=$("$1" help 2>/dev/null | sed -n 's/^  yett \([a-z]*\).*/\1/p')
	else # its lines of usage end with an empty one; what stands for something else is in capitals
		words=$("$1" help "${COMP_WORDS[1]}" 2>/dev/null | sed '/^$/q; s/^usage: yett //' | tr -s '[]|. ' '\n' |
			grep -xE -e '--?[a-zA-Z][a-z-]*|[a-z]+' | grep -vxF -e "${COMP_WORDS[1]}")
	fi
	mapfile -t COMPREPLY < <(compgen -W "$words" -- "$word")
}
complete -o default -F _yett yett
