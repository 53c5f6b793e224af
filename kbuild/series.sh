#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Write a series as it is sent: with a cover letter, the commit that it is based on,
# and the name and sign-off of who sends it, who is also named in MAINTAINERS.
#
#   series.sh SERIES TREE 'NAME <ADDRESS>' OUTDIR
#
# TREE is a git tree of Linux. The series is applied to its HEAD, in a worktree that is
# removed again; nothing else of TREE changes. OUTDIR must not exist.
#
# git send-email refuses the patches of this directory: their sign-offs contain no address.

set -euo pipefail
export LC_ALL=C

die() {
	printf '%s: %s\n' "${0##*/}" "$*" >&2
	exit 1
}

[ $# = 4 ] || { echo "usage: series.sh SERIES TREE 'NAME <ADDRESS>' OUTDIR" >&2; exit 2; }
here=$(CDPATH='' cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
series=$1 tree=$2 by=$3
patches=("$here/patches/$series"/*.patch)
cover=$here/cover-$series.txt
[ -f "${patches[0]}" ] && [ -f "$cover" ] || die "no patches or no cover letter for Linux $series"
[[ $by =~ ^([^\<\>]+)\ \<([^\<\>@ ]+@[^\<\>@ ]+)\>$ ]] || die "\"$by\": expected a name and an address, as in 'A Name <a@example.org>'"
name=${BASH_REMATCH[1]} address=${BASH_REMATCH[2]}
[ ! -e "$4" ] || die "$4: exists"
base=$(git -C "$tree" rev-parse --verify HEAD) || die "$tree: no git tree"
mkdir -p "$4"
out=$(CDPATH='' cd -- "$4" && pwd)

dir=$(mktemp -d)
trap 'git -C "$tree" worktree remove --force "$dir/linux" 2>/dev/null || true; rm -rf "$dir" ; [ -n "${done:-}" ] || rm -rf "$out"' EXIT
git -C "$tree" worktree add --quiet --detach "$dir/linux" "$base"
for p in "${patches[@]}"; do
	BY="$name <$address>" awk '
		/^From: / { $0 = "From: " ENVIRON["BY"] }
		/^Signed-off-by: \*\*\* / { $0 = "Signed-off-by: " ENVIRON["BY"] }
		/^\+M:\t\*\*\* / { $0 = "+M:\t" ENVIRON["BY"] }
		{ print }' "$p" |
		git -C "$dir/linux" -c user.name="$name" -c user.email="$address" am --quiet --ignore-date --keep-non-patch ||
		die "$(basename "$p") does not apply to $base"
done
git -C "$dir/linux" -c user.name="$name" -c user.email="$address" \
	format-patch --quiet --cover-letter --base="$base" -o "$out" "$base"

# The first line of the letter is its subject.
letter=$out/0000-cover-letter.patch
COVER=$cover awk '
	BEGIN { getline subject <ENVIRON["COVER"]; getline <ENVIRON["COVER"] }
	at = index($0, "*** SUBJECT HERE ***") { $0 = substr($0, 1, at - 1) subject }
	$0 == "*** BLURB HERE ***" { while ((getline line <ENVIRON["COVER"]) > 0) print line; next }
	{ print }' "$letter" >"$dir/letter"
mv "$dir/letter" "$letter"
done=1
printf '%s\n' "$out"/*.patch
