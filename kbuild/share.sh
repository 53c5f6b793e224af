#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Print a table of what scpatch adds to the build of a kernel, in CPU seconds: a
# process for each object and each module, as in Kbuild, compared with the
# kernel's objtool and cp; and for the linked image, patching and verifying. The
# kernels are those of build-vmlinux.sh in which nothing has been patched.
#
#   share.sh OUTLINE RUNTIME
#
# Environment: CROSS_COMPILE (default: powerpc64le-linux-gnu-),
#              SCPATCH (default: build/scpatch beside this directory).

set -euo pipefail
export LC_ALL=C

here=$(CDPATH='' cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
cross=${CROSS_COMPILE:-powerpc64le-linux-gnu-}
scpatch=$(realpath -e -- "${SCPATCH:-$here/../build/scpatch}")

[ $# -eq 2 ] || {
	printf 'usage: %s OUTLINE RUNTIME\n' "${0##*/}" >&2
	exit 2
}
out=$(realpath -e -- "$1")
image=$(realpath -e -- "$2")/vmlinux
objtool=$out/obj/tools/objtool/objtool
[ -x "$objtool" ] && [ -f "$out/modules/list" ] || {
	printf '%s: no objtool or no modules in %s: run build-vmlinux.sh OUTLINE outline\n' "${0##*/}" "$1" >&2
	exit 1
}

# The copies are beside the kernel, on its file system.
work=$(mktemp -d "$out/share-XXXXXX")
trap 'rm -rf "$work"' EXIT

cd "$out/obj"
"${cross}ar" t vmlinux.a >"$work/objects"
find . -name '*.ko' | sort >"$work/modules"
echo vmlinux >"$work/image"

# run NAME OBJECTS MODULES IMAGE: measure these commands on a fresh copy of each
# object, of each module, and of the image. An empty command is not run.
run() {
	local kind command f
	printf '| %s |' "$1"
	for kind in objects modules image; do
		command=$2
		shift
		[ -n "$command" ] || {
			printf ' |'
			continue
		}
		rm -rf "$work/copy"
		mkdir "$work/copy"
		if [ $kind = image ]; then
			cp "$image" "$work/copy/vmlinux"
		else
			xargs cp --parents -t "$work/copy" <"$work/$kind"
		fi
		TIMEFORMAT='%U %S'
		{
			time while read -r f; do
				$command "$work/copy/$f" >>"$work/log" 2>&1 || exit
			done <"$work/$kind"
		} 2>"$work/time" || {
			printf '%s: %s\n' "$command" "$(tail -n 1 "$work/log")" >&2
			exit 1
		}
		awk '{ printf " %.2f |", $1 + $2 }' "$work/time"
	done
	printf '\n'
}

copy() {
	cp "$1" "$1.copy"
}

patch() {
	"$scpatch" --quiet --allow-kept --runtime inline --entry-size 16 "$@"
}

patch_image() {
	patch "$1" && "$scpatch" verify --quiet --runtime inline "$1"
}

printf '| | %d objects | %d modules | image |\n|---|---:|---:|---:|\n' \
	"$(wc -l <"$work/objects")" "$(wc -l <"$work/modules")"
run 'cp' copy copy copy
run 'scpatch' 'patch --table-only' 'patch --module' patch_image
run 'objtool --static-call' "$objtool --static-call" "$objtool --static-call --module" ''
run 'objtool --mcount' "$objtool --mcount" "$objtool --mcount --module" ''
