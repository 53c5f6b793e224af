#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Build a ppc64le vmlinux.o whose static calls go through trampolines
# ("bl __SCT__x; nop"): input for scpatch. Or a whole kernel in whose build
# scpatch has its place.
#
#   build-vmlinux.sh OUTDIR            leaves OUTDIR/vmlinux.o
#   build-vmlinux.sh OUTDIR modules    also leaves OUTDIR/modules/*.ko
#   build-vmlinux.sh OUTDIR inline     leaves OUTDIR/vmlinux, OUTDIR/modules/*.ko
#                                      and the KUnit tests, OUTDIR/kunit-modules/*.ko
#
# "inline" has other patches and therefore wants a directory of its own.
#
# The source is Debian's linux-source-6.12 package. Nothing is downloaded.
# A second run with unchanged inputs (source, patches, configuration, this
# script, compiler and linker; for "inline" also scpatch) does nothing.
#
# Environment: JOBS (default: the number of processors),
#              CROSS_COMPILE (default: powerpc64le-linux-gnu-),
#              LINUX_SOURCE (default: /usr/src/linux-source-6.12*.tar.*, the last by name),
#              SCPATCH (for "inline"; default: build/scpatch beside this directory).

set -eu -o pipefail
export LC_ALL=C

series=6.12
here=$(CDPATH='' cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
patches=("$here/patches/$series-minimal"/*.patch)
config=$here/pseries-le.config
modconfig=$here/modules.config
inlineconfig=$here/inline.config
kunitconfig=$here/kunit/kunit.config
cross=${CROSS_COMPILE:-powerpc64le-linux-gnu-}
jobs=${JOBS:-$(nproc)}

die() {
	printf '%s: %s\n' "${0##*/}" "$*" >&2
	exit 1
}

usage() {
	printf 'usage: %s OUTDIR [modules | inline]\n' "${0##*/}" >&2
	exit 2
}

[ $# -ge 1 ] && [ $# -le 2 ] && [ -n "$1" ] || usage
case ${2-} in
'' | modules | inline) variant=${2-} ;;
*) usage ;;
esac
[ "$variant" != inline ] || patches=("$here/patches/$series"/*.patch)

# Each tool with the Debian package that has it, so that a missing one is
# named before the compiling starts and not in the middle of it.
need() {
	command -v "$1" >/dev/null 2>&1 || die "$1 not found: install the Debian package $2"
}
need "${cross}gcc" gcc-powerpc64le-linux-gnu
need "${cross}ld" binutils-powerpc64le-linux-gnu
need gcc gcc
need make make
need patch patch
need xz xz-utils
need flex flex
need bison bison
need bc bc
need perl perl
need python3 python3
need sha256sum coreutils
need_header() {
	printf '#include <%s>\n' "$1" | gcc -E - >/dev/null 2>&1 ||
		die "$1 not found: install the Debian package $2"
}
need_header gelf.h libelf-dev
need_header openssl/opensslv.h libssl-dev

scpatch=
if [ "$variant" = inline ]; then
	scpatch=${SCPATCH:-$here/../build/scpatch}
	scpatch=$(command -v "$scpatch") || die "$scpatch not found: run make build"
	# The kernel's build changes directories.
	scpatch=$(CDPATH='' cd -- "$(dirname -- "$scpatch")" && pwd)/${scpatch##*/}
fi

tarball=${LINUX_SOURCE-}
if [ -z "$tarball" ]; then
	for f in /usr/src/linux-source-"$series".tar.* /usr/src/linux-source-"$series".[0-9]*.tar.*; do
		[ -f "$f" ] && tarball=$f
	done
fi
[ -n "$tarball" ] && [ -f "$tarball" ] ||
	die "no Linux $series source in /usr/src: install the Debian package linux-source-$series"

mkdir -p "$1"
out=$(CDPATH='' cd -- "$1" && pwd)
case $out in
*[[:space:]:]*) die "OUTDIR must not contain white space or a colon: $out" ;;
esac

# One build at a time in one OUTDIR.
if command -v flock >/dev/null 2>&1; then
	exec 9>"$out/.lock"
	flock 9
fi

# Checksums of contents, not names or dates. The first covers what the source
# tree is made of, the others what a build depends on.
sum() {
	sha256sum | cut -d' ' -f1
}
src_sum=$(cat "$tarball" "${patches[@]}" | sum)
tools=$("${cross}gcc" --version | head -n 1; "${cross}ld" --version | head -n 1)
base_sum=$({ echo "$src_sum $tools"; cat "$config" "${BASH_SOURCE[0]}"; } | sum)
mod_sum=$({ echo "$base_sum"; cat "$modconfig"; } | sum)
inline_sum=
[ "$variant" != inline ] ||
	inline_sum=$({
		echo "$mod_sum"
		cat "$inlineconfig" "$scpatch" "$here/boot/Kbuild" "$here/boot/sctest.c" "$here"/kunit/*
	} | sum)

# fresh STAMP SUM FILE: is FILE there, and was it made from SUM?
fresh() {
	[ -f "$3" ] && [ -f "$1" ] && [ "$(cat "$1")" = "$2" ]
}

unpack() {
	fresh "$out/.stamp-src" "$src_sum" "$out/src/Makefile" && return
	echo "unpacking ${tarball##*/}"
	rm -rf "$out/src" "$out/src.tmp" "$out/obj"
	rm -f "$out/.stamp-src"
	mkdir "$out/src.tmp"
	tar -xf "$tarball" -C "$out/src.tmp" --strip-components=1
	for p in "${patches[@]}"; do
		echo "applying ${p##*/}"
		patch -d "$out/src.tmp" -p1 -s -F0 --no-backup-if-mismatch <"$p" ||
			die "${p##*/} does not apply to ${tarball##*/}"
	done
	mv "$out/src.tmp" "$out/src"
	echo "$src_sum" >"$out/.stamp-src"
}

kmake() {
	make -C "$out/src" O="$out/obj" ARCH=powerpc CROSS_COMPILE="$cross" \
		LOCALVERSION= KBUILD_BUILD_TIMESTAMP='1970-01-01 00:00:00 UTC' \
		KBUILD_BUILD_VERSION=1 KBUILD_BUILD_USER=scpatch KBUILD_BUILD_HOST=scpatch \
		${scpatch:+SCPATCH="$scpatch"} --no-print-directory -s -j"$jobs" "$@"
}

# configure FRAGMENT...: allnoconfig plus the fragments. Options that a fragment
# asks for and Kconfig does not grant are named (an unmet dependency is silent
# otherwise).
configure() {
	local line
	mkdir -p "$out/obj"
	cat "$@" >"$out/obj/fragment.config"
	kmake KCONFIG_ALLCONFIG="$out/obj/fragment.config" allnoconfig >/dev/null
	while read -r line; do
		grep -qxF -- "$line" "$out/obj/.config" || echo "warning: not in effect: $line" >&2
	done < <(grep '^CONFIG_' "$out/obj/fragment.config" | sort -u)
	grep -qx CONFIG_HAVE_STATIC_CALL=y "$out/obj/.config" ||
		die "CONFIG_HAVE_STATIC_CALL is off: are the patches in the source tree?"
}

# copy_kunit DIRECTORY: the sources of the tests. What has not changed keeps its
# date, so that it is not compiled again.
copy_kunit() {
	local f
	mkdir -p "$1"
	for f in "$here"/kunit/Kbuild "$here"/kunit/*.[ch]; do
		cmp -s "$f" "$1/${f##*/}" || cp "$f" "$1/"
	done
}

# The part of the tests that is built in gets a directory of the source tree,
# and a line in the Makefile above it.
hook_kunit() {
	local line='obj-y += static_call_kunit/'
	copy_kunit "$out/src/lib/static_call_kunit"
	grep -qxF -- "$line" "$out/src/lib/Makefile" || printf '\n%s\n' "$line" >>"$out/src/lib/Makefile"
}

# collect NAME DIRECTORY...: the modules that modules.order in these directories
# names, to OUTDIR/NAME. Not every .ko: one may be left from another
# configuration.
collect() {
	local name=$1 dir m
	shift
	rm -rf "$out/$name.tmp"
	mkdir "$out/$name.tmp"
	for dir; do
		while read -r m; do
			m=${m%.o}.ko
			case $m in
			/*) ;;
			*) m=$out/obj/$m ;;
			esac
			cp "$m" "$out/$name.tmp/"
			m=${m#"$out/obj/"}
			echo "${m#"$out/"}"
		done <"$dir/modules.order"
	done >"$out/$name.tmp/list"
	rm -rf "${out:?}/$name"
	mv "$out/$name.tmp" "$out/$name"
}

unset MAKEFLAGS MAKELEVEL MFLAGS KCONFIG_CONFIG KBUILD_OUTPUT

if [ "$variant" = inline ]; then
	if ! fresh "$out/.stamp-inline" "$inline_sum" "$out/vmlinux"; then
		rm -f "$out/.stamp-inline"
		unpack
		hook_kunit
		configure "$config" "$modconfig" "$inlineconfig" "$kunitconfig"
		echo "building vmlinux and modules with $jobs jobs (minutes)"
		kmake vmlinux modules
		rm -rf "$out/sctest"
		mkdir "$out/sctest"
		cp "$here/boot/Kbuild" "$here/boot/sctest.c" "$out/sctest/"
		kmake M="$out/sctest" modules
		copy_kunit "$out/kunit"
		kmake M="$out/kunit" modules
		collect modules "$out/obj" "$out/sctest"
		collect kunit-modules "$out/kunit"
		cp "$out/obj/vmlinux" "$out/vmlinux.tmp"
		mv -f "$out/vmlinux.tmp" "$out/vmlinux"
		echo "$inline_sum" >"$out/.stamp-inline"
		echo "built $out/vmlinux and $out/modules"
	fi
	exit 0
fi

if ! fresh "$out/.stamp-vmlinux" "$base_sum" "$out/vmlinux.o"; then
	rm -f "$out/.stamp-vmlinux"
	unpack
	configure "$config"
	echo "building vmlinux.o with $jobs jobs (minutes)"
	# "vmlinux.o" by name falls into the rule for single objects.
	kmake vmlinux_o
	cp "$out/obj/vmlinux.o" "$out/vmlinux.o.tmp"
	mv -f "$out/vmlinux.o.tmp" "$out/vmlinux.o"
	echo "$base_sum" >"$out/.stamp-vmlinux"
	echo "built $out/vmlinux.o"
fi

if [ "$variant" = modules ] && ! fresh "$out/.stamp-modules" "$mod_sum" "$out/modules/list"; then
	rm -f "$out/.stamp-modules"
	unpack
	# The same build directory with more options: what they do not touch is
	# not compiled again. OUTDIR/vmlinux.o has been taken out before.
	configure "$config" "$modconfig"
	echo "building modules with $jobs jobs"
	# modpost takes the exported symbols of the kernel from vmlinux.o.
	kmake vmlinux_o
	kmake modules
	collect modules "$out/obj"
	echo "$mod_sum" >"$out/.stamp-modules"
	echo "built $out/modules"
fi
