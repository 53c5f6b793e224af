#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Apply a series patch by patch, and compile after each what it touches and what uses
# static calls, for three machines: ppc64le, 32-bit powerpc and x86-64, with W=1. It fails
# where something does not compile, or where a warning is new.
#
#   bisect.sh SERIES OUTDIR
#
# Environment: JOBS (default: the number of processors), LINUX_SOURCE (see source.sh),
# SCPATCH (default: build/scpatch beside this directory).

set -euo pipefail
export LC_ALL=C

[ $# = 2 ] || { echo 'usage: bisect.sh SERIES OUTDIR' >&2; exit 2; }
here=$(CDPATH='' cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
series=$1
mkdir -p "$2"
out=$(CDPATH='' cd -- "$2" && pwd)
jobs=${JOBS:-$(nproc)}
scpatch=$(command -v "${SCPATCH:-$here/../build/scpatch}") || { echo 'bisect.sh: no scpatch: run make build' >&2; exit 1; }
scpatch=$(CDPATH='' cd -- "$(dirname -- "$scpatch")" && pwd)/${scpatch##*/}

rm -rf "$out/src"
mkdir "$out/src"
tar -xf "$("$here/source.sh" "$series")" -C "$out/src" --strip-components=1

# NAME ARCH CROSS_COMPILE CONFIG: the machines. gcc for ppc64le compiles for ppc32, too.
machines='ppc64le powerpc powerpc64le-linux-gnu- ppc64le_defconfig
ppc32 powerpc powerpc64le-linux-gnu- pmac32_defconfig
x86-64 x86_64 - x86_64_defconfig'

# kmake NAME ARCH CROSS ARGUMENT...
kmake() {
	local obj=$out/$1 arch=$2 cross=$3
	shift 3
	make -C "$out/src" O="$obj" ARCH="$arch" CROSS_COMPILE="${cross#-}" SCPATCH="$scpatch" -s -j"$jobs" "$@" </dev/null
}

# compile: what has changed, for each machine.
compile() {
	while read -r name arch cross config; do
		mkdir -p "$out/$name"
		if [ ! -f "$out/$name/.config" ]; then
			kmake "$name" "$arch" "$cross" "$config"
		else
			kmake "$name" "$arch" "$cross" olddefconfig
		fi
		# The option exists only after the patch that adds it.
		"$out/src/scripts/config" --file "$out/$name/.config" -e PPC_STATIC_CALL_INLINE -e JUMP_LABEL -d MODULE_SIG -d WERROR
		kmake "$name" "$arch" "$cross" olddefconfig
		objects='kernel/module/main.o kernel/sched/core.o'
		if grep -q '^CONFIG_HAVE_STATIC_CALL_INLINE=y' "$out/$name/.config"; then
			objects+=' kernel/static_call.o kernel/static_call_inline.o'
			[ "$arch" != powerpc ] || objects+=' arch/powerpc/kernel/static_call.o'
		fi
		# shellcheck disable=SC2086
		kmake "$name" "$arch" "$cross" W=1 prepare $objects >"$out/$name.log" 2>&1 ||
			{ cat "$out/$name.log"; echo "$name: does not compile" >&2; exit 1; }
		sed -n '/warning:/s/:[0-9:]*:/:/p' "$out/$name.log" | sort -u >"$out/$name.warnings"
		[ -f "$out/$name.base" ] || mv "$out/$name.warnings" "$out/$name.base"
		if [ -f "$out/$name.warnings" ] && comm -13 "$out/$name.base" "$out/$name.warnings" | grep .; then
			echo "$name: new warnings" >&2
			exit 1
		fi
		printf '%s ' "$name"
	done <<<"$machines"
	echo
}

rm -f "$out"/*.base "$out"/*.warnings
printf 'without the series: '
compile
for p in "$here/patches/$series"/*.patch; do
	patch -d "$out/src" -p1 -F0 -s --no-backup-if-mismatch <"$p"
	printf '%s: ' "$(basename "$p" .patch)"
	compile
done
