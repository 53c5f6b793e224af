#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Run the kernel's scripts/checkpatch.pl --strict over each patch of a series:
#
#   checkpatch.sh SERIES
#
# SERIES is a directory of patches/: 7.2, or 7.2-preempt for the same Linux.
# Prints its remarks, except for those listed below, and fails if there are any.
#
# Environment: LINUX_SOURCE (see source.sh).

set -euo pipefail
export LC_ALL=C

here=$(CDPATH='' cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
series=${1:?usage: checkpatch.sh SERIES}
patches=("$here/patches/$series"/*.patch)
[ -f "${patches[0]}" ] || { printf '%s: no patches for Linux %s\n' "${0##*/}" "$series" >&2; exit 1; }

# TYPE PATCH REASON: the number of the patch, or * for all.
exceptions='
FILE_PATH_CHANGES * the last patch for 7.2 has the new files in MAINTAINERS; 6.12 and 6.1 are backports
MACRO_ARG_REUSE * a name, which has no side effects; the macros around it do the same
MACRO_ARG_UNUSED 7 the key holds the function; the macro is given it because other architectures need it
QUOTED_WHITESPACE_BEFORE_NEWLINE * the lines of an asm statement end in one column, as in the code around it
PARENTHESIS_ALIGNMENT 2 the call would not fit otherwise; upstream indents this one the same way
PARENTHESIS_ALIGNMENT 3 as the lines around it
EMBEDDED_FILENAME 5 the name of the program in a list of programs
LONG_LINE_STRING 5 a message is on one line, so that it can be searched for
'

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
tar -xf "$("$here/source.sh" "${series%%-*}")" -C "$dir" --strip-components=2 --wildcards \
	'*/scripts/checkpatch.pl' '*/scripts/spelling.txt' '*/scripts/const_structs.checkpatch'

said=0
excused=0
for p in "${patches[@]}"; do
	number=$((10#$(basename "$p" | cut -d- -f1)))
	# series.sh fills in who signs.
	sed 's/^Signed-off-by: \*\*\* .*/Signed-off-by: scpatch maintainers <maintainers@scpatch.invalid>/' "$p" >"$dir/$(basename "$p")"
	perl "$dir/checkpatch.pl" --strict --no-tree --no-summary --show-types --terse "$dir/$(basename "$p")" >"$dir/said" || true
	while IFS= read -r line; do
		type=$(sed -nE 's/^.*: (ERROR|WARNING|CHECK):([A-Z_]+): .*/\2/p' <<<"$line")
		if [ -n "$type" ] && grep -qE "^$type (\*|$number) " <<<"$exceptions"; then
			excused=$((excused + 1))
			continue
		fi
		printf '%s\n' "${line#"$dir/"}"
		said=$((said + 1))
	done <"$dir/said"
done
echo "checkpatch.pl --strict: ${#patches[@]} patches for Linux $series: $said remarks, and $excused that have a reason"
[ "$said" = 0 ]
