#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Build a ppc64le vmlinux.o whose static calls go through trampolines ("bl
# __SCT__x; nop"): input for scpatch. Or build a whole kernel, with scpatch as a
# part of its build.
#
#   build-vmlinux.sh OUTDIR                    leaves OUTDIR/vmlinux.o
#   build-vmlinux.sh OUTDIR modules            also leaves OUTDIR/modules/*.ko
#   build-vmlinux.sh OUTDIR source [SERIES]    leaves OUTDIR/src, with the patches
#   build-vmlinux.sh OUTDIR KERNEL [SERIES]    leaves OUTDIR/vmlinux, OUTDIR/modules/*.ko
#                                              and OUTDIR/cost-modules/*.ko
#
# KERNEL is one of these. The first six have the KUnit tests, and leave OUTDIR/headers,
# OUTDIR/kunit-modules/*.ko and OUTDIR/unlisted-modules/*.ko. The others are for
# cost.sh, which compares them.
#
#   inline         static calls that are patched, with scpatch in the build
#   far            the same, with 40 MB in the middle of its text
#   object         the same as inline, but linked from vmlinux.o
#   pcrel          the same as inline, with PC-relative code (not 6.1)
#   preempt-keys   the same as inline, with PREEMPT_DYNAMIC by static keys (7.2 only)
#   preempt-calls  the same by static calls, with patches/SERIES-preempt (7.2 only)
#   direct         the same as inline, without the tests
#   runtime        the same as direct, with an image that is patched when it starts
#   outline        static calls by way of trampolines, as vmlinux.o above (6.12 only)
#   pointer        static calls through pointers, as in an unchanged kernel
#
# Each needs a directory of its own.
#
# The source is Debian's linux-source-SERIES package, where source.sh finds it.
# SERIES is 7.2, 6.12 (the default) or 6.1. Nothing is downloaded. A second run
# with unchanged inputs (source, patches, configuration, this script, compiler
# and linker; with scpatch in the build also scpatch) does nothing.
#
# Environment: JOBS (default: the number of processors),
#              CROSS_COMPILE (default: powerpc64le-linux-gnu-),
#              LLVM (what Kbuild calls so: 1, -19 or DIRECTORY/; default: empty, gcc),
#              CC_MODULES (the compiler of the modules of the tests, which are outside the
#              kernel's tree; default: that of the kernel),
# LINUX_SOURCE (a tarball, instead of what source.sh finds),
#              SCPATCH (default: build/scpatch beside this directory).

set -eu -o pipefail
export LC_ALL=C

here=$(CDPATH='' cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
config=$here/pseries-le.config
modconfig=$here/modules.config
cross=${CROSS_COMPILE:-powerpc64le-linux-gnu-}
llvm=${LLVM-}
jobs=${JOBS:-$(nproc)}

die() {
	printf '%s: %s\n' "${0##*/}" "$*" >&2
	exit 1
}

usage() {
	printf 'usage: %s OUTDIR [modules | source [SERIES] | KERNEL [SERIES]]\n' "${0##*/}" >&2
	exit 2
}

[ $# -ge 1 ] && [ -n "$1" ] || usage
variant=${2-}
series=6.12
# The parts of the configuration, and whether scpatch and the tests are part of
# the build.
fragments=("$config" "$modconfig")
with_scpatch=
with_tests=
case $variant in
'' | modules)
	[ $# -le 2 ] || usage
	patches=("$here/patches/$series-minimal"/*.patch)
	;;
source | inline | far | object | pcrel | preempt-keys | preempt-calls | direct | runtime | outline | pointer)
	[ $# -le 3 ] || usage
	series=${3-$series}
	[ "$variant" != pcrel ] || [ "$series" != 6.1 ] || die "Linux $series has no PC-relative kernel"
	case $variant in
	preempt-*) [ "$series" = 7.2 ] || die "Linux $series has no PREEMPT_DYNAMIC on powerpc" ;;
	esac
	patches=("$here/patches/$series"/*.patch)
	case $variant in
	preempt-calls) patches+=("$here/patches/$series-preempt"/*.patch) ;;
	esac
	case $variant in
	outline) patches=("$here/patches/$series-minimal"/*.patch) ;;
	pointer | source) ;;
	direct | runtime)
		with_scpatch=y
		fragments+=("$here/inline.config")
		;;
	*)
		with_scpatch=y
		with_tests=y
		fragments+=("$here/inline.config" "$here/kunit/kunit.config")
		;;
	esac
	case $variant in
	object | pcrel) fragments+=("$here/$variant.config") ;;
	preempt-*) fragments+=("$here/preempt.config") ;;
	esac
	;;
*) usage ;;
esac
[ -f "${patches[0]}" ] || die "no patches for Linux $series"

# Report a missing tool before the build, not in the middle of it.
"$here/../.ci/setup-tools" --check kernel

scpatch=
if [ -n "$with_scpatch" ]; then
	scpatch=${SCPATCH:-$here/../build/scpatch}
	scpatch=$(command -v "$scpatch") || die "$scpatch not found: run make build"
	# The kernel's build changes directories, so the path must be absolute.
	scpatch=$(CDPATH='' cd -- "$(dirname -- "$scpatch")" && pwd)/${scpatch##*/}
fi

tarball=$("$here/source.sh" "$series")

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

# Checksums of contents, not names or dates. The first covers the inputs of the
# source tree, the others those of a build.
sum() {
	sha256sum | cut -d' ' -f1
}
src_sum=$(cat "$tarball" "${patches[@]}" | sum)
case $llvm in
'') compiler=${cross}gcc linker=${cross}ld ;;
*/) compiler=${llvm}clang linker=${llvm}ld.lld ;;
*) compiler=clang${llvm#1} linker=ld.lld${llvm#1} ;;
esac
modules_compiler=${CC_MODULES:-$compiler}
tools=$("$compiler" --version | head -n 1; "$linker" --version | head -n 1)
base_sum=$({ echo "$src_sum $tools"; cat "$config" "${BASH_SOURCE[0]}"; } | sum)
mod_sum=$({ echo "$base_sum"; cat "$modconfig"; } | sum)
kernel_sum=$({
	echo "$src_sum $tools $("$modules_compiler" --version | head -n 1) $variant"
	cat "${fragments[@]}" "${BASH_SOURCE[0]}" "$here"/cost/*
	[ -z "$scpatch" ] || cat "$scpatch"
	[ -z "$with_tests" ] || cat "$here/boot/Kbuild" "$here/boot/sctest.c" "$here"/kunit/*
} | sum)

# fresh STAMP SUM FILE: is FILE there, made from inputs with the checksum SUM?
fresh() {
	[ -f "$3" ] && [ -f "$1" ] && [ "$(cat "$1")" = "$2" ]
}

# The kernel "runtime" is built with this in place of scpatch.
if [ "$variant" = runtime ]; then
	printf '#!/bin/sh\n# Leave the image, and do not verify it.\ncase $* in\n*vmlinux) exit 0 ;;\nesac\nexec "%s" "$@"\n' \
		"$scpatch" >"$out/scpatch.tmp"
	chmod +x "$out/scpatch.tmp"
	# With a new date everything would be compiled again.
	cmp -s "$out/scpatch.tmp" "$out/scpatch" || mv -f "$out/scpatch.tmp" "$out/scpatch"
	scpatch=$out/scpatch
fi

# compare_version TREE: print a note if the series was made for another Linux.
compare_version() {
	local base=$here/patches/$series/base version
	[ -f "$base" ] || return 0
	version=$(sed -nE '1,5s/^(VERSION|PATCHLEVEL|SUBLEVEL) = //p' "$1/Makefile" | paste -sd .)
	[ "$version" = "$(cat "$base")" ] ||
		echo "${tarball##*/} is Linux $version; the series is for Linux $(cat "$base"): trying it anyway"
}

unpack() {
	fresh "$out/.stamp-src" "$src_sum" "$out/src/Makefile" && return
	echo "unpacking ${tarball##*/}"
	rm -rf "$out/src" "$out/src.tmp" "$out/obj"
	rm -f "$out/.stamp-src"
	mkdir "$out/src.tmp"
	tar -xf "$tarball" -C "$out/src.tmp" --strip-components=1
	compare_version "$out/src.tmp"
	for p in "${patches[@]}"; do
		echo "applying ${p##*/}"
		patch -d "$out/src.tmp" -p1 -s -F0 --no-backup-if-mismatch <"$p" ||
			die "${p##*/} does not apply to ${tarball##*/}"
	done
	mv "$out/src.tmp" "$out/src"
	echo "$src_sum" >"$out/.stamp-src"
}

pad=
[ "$variant" != far ] || pad=y
kmake() {
	make -C "$out/src" O="$out/obj" ARCH=powerpc CROSS_COMPILE="$cross" LLVM="$llvm" \
		LOCALVERSION= KBUILD_BUILD_TIMESTAMP='1970-01-01 00:00:00 UTC' \
		KBUILD_BUILD_VERSION=1 KBUILD_BUILD_USER=scpatch KBUILD_BUILD_HOST=scpatch \
		${scpatch:+SCPATCH="$scpatch"} SCT_PAD="$pad" --no-print-directory -s -j"$jobs" "$@"
}

# configure FRAGMENT...: allnoconfig plus the fragments. If several set an option, the
# last one counts. Names the options that a fragment sets but Kconfig does not accept:
# it says nothing about an unmet dependency.
configure() {
	local line
	mkdir -p "$out/obj"
	awk '/^(# )?CONFIG_/ && match($0, /CONFIG_[A-Za-z0-9_]+/) {
			line[substr($0, RSTART, RLENGTH)] = $0
		}
		END { for (o in line) print line[o] }' "$@" | sort >"$out/obj/fragment.config"
	kmake KCONFIG_ALLCONFIG="$out/obj/fragment.config" allnoconfig >/dev/null
	while read -r line; do
		grep -qxF -- "$line" "$out/obj/.config" || echo "warning: not in effect: $line" >&2
	done < <(grep '^CONFIG_' "$out/obj/fragment.config" | sort -u)
	[ "$variant" = pointer ] || grep -qx CONFIG_HAVE_STATIC_CALL=y "$out/obj/.config" ||
		die "CONFIG_HAVE_STATIC_CALL is off: are the patches in the source tree?"
}

# copy_unit NAME DIRECTORY: copy the sources in the directory NAME beside this
# script. Unchanged files keep their dates, so that they are not compiled again.
copy_unit() {
	local f
	mkdir -p "$2"
	for f in "$here/$1"/Kbuild "$here/$1"/*.[chS]; do
		[ ! -f "$f" ] || cmp -s "$f" "$2/${f##*/}" || cp "$f" "$2/"
	done
}

# hook_unit NAME: put the built-in part of it into a directory of the source
# tree, with a line in the Makefile above it.
hook_unit() {
	local line="obj-y += static_call_$1/"
	copy_unit "$1" "$out/src/lib/static_call_$1"
	grep -qxF -- "$line" "$out/src/lib/Makefile" || printf '\n%s\n' "$line" >>"$out/src/lib/Makefile"
}

# modules_of NAME: build the modules among its sources, to OUTDIR/NAME-modules.
modules_of() {
	copy_unit "$1" "$out/$1"
	kmake M="$out/$1" modules
	collect "$1-modules" "$out/$1"
}

# install_headers: install what a package of headers has to OUTDIR/headers. HOSTCC: the
# kernel's scripts would rebuild modpost and the like for the machine that gets the
# package.
install_headers() {
	rm -rf "$out/headers" "$out/headers.deb"
	if [ -f "$out/src/scripts/package/install-extmod-build" ]; then
		kmake run-command \
			KBUILD_RUN_COMMAND="HOSTCC='\$(CC)' \$(srctree)/scripts/package/install-extmod-build $out/headers"
		return
	fi
	# Linux 6.1 has a function for this in the script that makes all packages.
	(
		cd "$out/obj"
		mkdir -p debian
		{
			sed -n '/^is_enabled()/,/^}/p; /^deploy_kernel_headers ()/,/^}/p' ../src/scripts/package/builddeb
			echo "deploy_kernel_headers '$out/headers.deb'"
		} | version=sct srctree=../src ARCH=powerpc SRCARCH=powerpc KCONFIG_CONFIG=.config \
			SCPATCH_PATH="$scpatch" sh -eu
	)
	mv "$out/headers.deb/usr/src/linux-headers-sct" "$out/headers"
}

# modules_elsewhere: build the modules of kunit against the headers, with the scpatch that
# comes with them to OUTDIR/kunit-modules, and without one to OUTDIR/unlisted-modules.
modules_elsewhere() {
	local said=$out/unlisted.log n
	install_headers
	# lld takes the functions that save registers from this object, and the kernel's script
	# installs no objects.
	if [ -n "$llvm" ]; then
		mkdir -p "$out/headers/arch/powerpc/lib"
		cp "$out/obj/arch/powerpc/lib/crtsavres.o" "$out/headers/arch/powerpc/lib/"
	fi
	copy_unit kunit "$out/kunit"
	headers_make "$out/kunit"
	collect kunit-modules "$out/kunit"

	# Built anew each time, so that the build says what it leaves.
	rm -rf "$out/headers/tools/scpatch" "$out/unlisted"
	copy_unit kunit "$out/unlisted"
	headers_make "$out/unlisted" 2>"$said" || { cat "$said" >&2; exit 1; }
	cat "$said" >&2
	collect unlisted-modules "$out/unlisted"
	n=$(grep -c '^Leaving static calls of .*\.ko as they are' "$said" || true)
	[ "$n" = "$(wc -l <"$out/unlisted/modules.order")" ] ||
		die "without scpatch, the kernel's build has to say so once for each module: $said"
}

# The arguments that select the compiler of the modules of the tests. The configuration
# names that of the kernel, and options that only that knows. A function that clang has
# compiled cannot be traced in a kernel of gcc, and gets no livepatch.
modules_args=()
case $modules_compiler in
"$compiler") ;;
*clang*)
	modules_args=(CC="$modules_compiler" CONFIG_CC_IS_GCC= CONFIG_CC_IS_CLANG=y CONFIG_LIVEPATCH=
		CC_FLAGS_FTRACE= KCFLAGS="-Wno-unknown-warning-option -DCONFIG_CC_IS_CLANG=1")
	;;
*) modules_args=(CC="$modules_compiler" CONFIG_CC_IS_CLANG= CONFIG_CC_IS_GCC=y) ;;
esac

# headers_make DIRECTORY: build the modules in it. Another scpatch is not found.
headers_make() {
	make -C "$out/headers" M="$1" ARCH=powerpc CROSS_COMPILE="$cross" LLVM="$llvm" SCPATCH=none \
		"${modules_args[@]}" --no-print-directory -s -j"$jobs" modules
}

# collect NAME DIRECTORY...: copy the modules that modules.order in these
# directories names, by their .o or (Linux 6.1) by their .ko, to OUTDIR/NAME.
# The names are relative to the directory, or absolute (outside the tree, up to
# Linux 6.12). Other .ko files may be left from another configuration.
collect() {
	local name=$1 dir m
	shift
	rm -rf "$out/$name.tmp"
	mkdir "$out/$name.tmp"
	for dir; do
		while read -r m; do
			m=${m%.o}
			m=${m%.ko}.ko
			case $m in
			/*) ;;
			*) m=$dir/$m ;;
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

if [ "$variant" = source ]; then
	unpack
	exit 0
fi

if [ -n "$variant" ] && [ "$variant" != modules ]; then
	if ! fresh "$out/.stamp-kernel" "$kernel_sum" "$out/vmlinux"; then
		rm -f "$out/.stamp-kernel"
		unpack
		# The tests include pad.S, which makes a kernel "far".
		[ -z "$with_tests" ] || hook_unit kunit
		hook_unit cost
		configure "${fragments[@]}"
		echo "building vmlinux and modules with $jobs jobs (minutes)"
		kmake vmlinux modules
		dirs=("$out/obj")
		if [ -n "$with_tests" ]; then
			rm -rf "$out/sctest"
			mkdir "$out/sctest"
			cp "$here/boot/Kbuild" "$here/boot/sctest.c" "$here/kunit/entry.h" "$out/sctest/"
			kmake "${modules_args[@]}" M="$out/sctest" modules
			dirs+=("$out/sctest")
			modules_elsewhere
		fi
		modules_of cost
		collect modules "${dirs[@]}"
		cp "$out/obj/vmlinux" "$out/vmlinux.tmp"
		mv -f "$out/vmlinux.tmp" "$out/vmlinux"
		echo "$kernel_sum" >"$out/.stamp-kernel"
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
