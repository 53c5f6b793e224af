# SPDX-License-Identifier: BSD-3-Clause
#
# complete.zsh DIRECTORY DUMP LINE: what zsh offers after LINE, with _scpatch of
# DIRECTORY. What compinit finds out is kept in DUMP. An interactive zsh on a pseudo terminal is given the line and a tab;
# compadd, which takes the words, writes them to a file.

export completions=$1 dump=$2 out=$(mktemp)
setup=$(mktemp)
cat >$setup <<'SETUP'
PS1= PS2=
fpath=($completions $fpath)
autoload -Uz compinit
compinit -C -d $dump
setopt nobeep
zstyle ':completion:*' verbose no
compadd() {
	if [[ ${@[1,(i)(-|--)]} != *-(O|A|D)\ * ]]; then
		local -a offered
		builtin compadd -A offered "$@"
		print -rl -- ${(Q)offered} >>$out
	fi
	builtin compadd "$@"
}
finished() { print __finis''hed__ }
comppostfuncs=(finished)
print __rea''dy__
SETUP
zmodload zsh/zpty
zpty shell zsh -f -i
zpty -w shell "source $setup"
zpty -r shell text '*__ready__*'
zpty -w -n shell "$3"$'\t'
zpty -r shell text '*__finished__*'
zpty -d shell
sort -u $out
rm -f $out $setup
