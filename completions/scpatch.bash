# SPDX-License-Identifier: BSD-3-Clause
#
# Completion for bash. "make install" puts it where bash-completion looks.

# shellcheck disable=SC2207 # the words have no spaces

# _scpatch_list WORDS: the last of a list with commas, which are not in it yet.
_scpatch_list() {
	local done='' last=$cur word rest=
	if [[ $cur == *,* ]]; then
		done=${cur%,*},
		last=${cur##*,}
	fi
	for word in $1; do
		[[ ,$done == *,$word,* ]] || rest+=" $done$word"
	done
	COMPREPLY=($(compgen -W "$rest" -- "$done$last"))
}

# _scpatch_names [forms|reasons|errors]: the names that can be explained.
_scpatch_names() {
	"${COMP_WORDS[0]}" explain "$@" 2>/dev/null | cut -d ' ' -f 1
}

_scpatch() {
	local cur=${COMP_WORDS[COMP_CWORD]} prev='' command='' options
	COMPREPLY=()
	((COMP_CWORD > 0)) && prev=${COMP_WORDS[COMP_CWORD - 1]}
	# --option=value is three words to readline.
	if [[ $cur == = ]]; then
		cur=
	elif [[ $prev == = ]] && ((COMP_CWORD > 1)); then
		prev=${COMP_WORDS[COMP_CWORD - 2]}
	fi
	if ((COMP_CWORD > 1)); then
		case ${COMP_WORDS[1]} in
		list | verify | compare | explain | compile) command=${COMP_WORDS[1]} ;;
		esac
	fi

	options='--help -h --version -V --color'
	[[ $command == explain ]] || options+=' --verbose -v --quiet -q --log-format'
	case $command in
	'' | list | verify | compare | compile) options+=' --runtime --module --user --entry-size --kernel-format --paca-toc' ;;
	esac
	case $command in
	'' | list | verify) options+=' --recursive -r' ;;
	esac
	case $command in
	'') options+=' --output -o --dry-run -n --allow-kept --strip-signature' ;;
	list) options+=' --json --sarif --html --form --reason --key --function --sort' ;;
	verify) options+=' --json --sarif --allow-unpatched' ;;
	compare) options+=' --json --html --strict' ;;
	esac
	case $command in
	'' | list | compare | compile)
		options+=' --linker --whole-program --table-only --no-record --restore --require'
		options+=' --allow-shadow --shadow-stack'
		[[ $command == compare ]] || options+=' --diff -d'
		;;
	esac

	local values=
	case $prev in
	--runtime) values='inline trampoline none' ;;
	--entry-size) values='8 16' ;;
	--kernel-format) values=1 ;;
	--log-format) values='text json github' ;;
	--linker) values='bfd lld any other' ;;
	--restore) values='stack paca save-stub linker shadow' ;;
	--require | --form) values='constant direct stack paca save-stub linker shadow keep' ;;
	--color) values='auto always never' ;;
	--sort) values='section function key target form cost reason' ;;
	--reason) values=$(_scpatch_names reasons) ;;
	--paca-toc | --shadow-stack | --key | --function) return ;;
	--output | -o | --html)
		compopt -o filenames 2>/dev/null
		local IFS=$'\n'
		COMPREPLY=($(compgen -f -- "$cur"))
		return
		;;
	esac
	if [[ $values ]]; then
		_scpatch_list "$values"
		return
	fi
	if [[ $cur == -* ]]; then
		COMPREPLY=($(compgen -W "$options" -- "$cur"))
		return
	fi
	if [[ $command == explain ]]; then
		COMPREPLY=($(compgen -W "forms reasons errors $(_scpatch_names)" -- "$cur"))
		return
	fi
	local IFS=$'\n'
	compopt -o filenames 2>/dev/null
	if [[ $command == compile ]]; then
		[[ ${COMP_WORDS[*]} == *$'\n--\n'* ]] && COMPREPLY=($(compgen -f -- "$cur"))
		return
	fi
	if [[ $command == compare ]]; then
		COMPREPLY=($(compgen -f -X '!*.json' -- "$cur"))
	fi
	COMPREPLY+=($(compgen -d -- "$cur") $(compgen -f -X '!*.o' -- "$cur")
		$(compgen -f -X '!*.ko' -- "$cur") $(compgen -f -X '!*.a' -- "$cur") $(compgen -f -X '!*vmlinux' -- "$cur"))
	((COMP_CWORD == 1)) && COMPREPLY+=($(compgen -W $'list\nverify\ncompare\nexplain\ncompile' -- "$cur"))
}

complete -F _scpatch scpatch
