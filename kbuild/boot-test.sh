#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Boot the kernel that "build-vmlinux.sh OUTDIR inline" left in OUTDIR, in
# qemu-system-ppc64, as several machines. Prints a line for each test (TAP); the
# logs of the kernels go to OUTDIR/boot/.
#
#   boot-test.sh OUTDIR [MACHINE]...
#
# Environment: CROSS_COMPILE (default: powerpc64le-linux-gnu-),
#              BOOT_TIMEOUT (seconds for a machine, default: 600).

set -euo pipefail
export LC_ALL=C

here=$(CDPATH='' cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
cross=${CROSS_COMPILE:-powerpc64le-linux-gnu-}
timeout=${BOOT_TIMEOUT:-600}

# NAME CPU PROCESSORS KERNEL-PARAMETER...
machines=(
	'power8-1 power8 1'
	'power8-4 power8 4'
	'power9-1 power9 1'
	'power9-4 power9 4'
	'power9-hash-1 power9 1 disable_radix'
	'power9-hash-4 power9 4 disable_radix'
)

die() {
	printf '%s: %s\n' "${0##*/}" "$*" >&2
	exit 1
}

[ $# -ge 1 ] && [ -n "$1" ] || {
	printf 'usage: %s OUTDIR [MACHINE]...\n' "${0##*/}" >&2
	exit 2
}
"$here/../.ci/setup-tools" --check boot

out=$1
shift
[ -f "$out/vmlinux" ] || die "no $out/vmlinux: run build-vmlinux.sh $out inline"
if grep -qx CONFIG_PPC_KERNEL_PCREL=y "$out/obj/.config"; then
	machines=('power10-1 power10 1' 'power10-4 power10 4')
fi
# Each preemption model that the kernel has, and one that it refuses.
dynamic=
if grep -qx CONFIG_PREEMPT_DYNAMIC=y "$out/obj/.config"; then
	dynamic=y
	machines=(
		'full-4 power9 4 preempt=full'
		'lazy-4 power9 4 preempt=lazy'
		'none-1 power9 1 preempt=none'
	)
fi
work=$out/boot
rm -rf "$work"
mkdir -p "$work/root/modules" "$work/root/kunit" "$work/root/unlisted"

"${cross}gcc" -O2 -static -Wall -Werror -o "$work/root/init" "$here/boot/init.c"
cp "$out"/modules/*.ko "$work/root/modules/"
cp "$out"/kunit-modules/*.ko "$work/root/kunit/"
cp "$out"/unlisted-modules/*.ko "$work/root/unlisted/"
(cd "$work/root" && find . | cpio -o -H newc -R 0:0 --quiet) | gzip -n >"$work/initrd.gz"

# What clang 19 makes for ppc64le has no place for a livepatch to hook into, neither in
# its kernel nor in its modules for a kernel of gcc.
livepatch=y
if ! grep -qx CONFIG_HAVE_LIVEPATCH=y "$out/obj/.config" ||
	grep -qx CONFIG_CC_IS_GCC=y "$out/obj/.config" && grep -q 'clang version' "$out/kunit-modules/sct_a.ko"; then
	livepatch=
fi

# expect SUITE RUNS FILE: FILE has the test cases; init runs the suite RUNS times.
expect() {
	sed -nE 's/^\tKUNIT_CASE[A-Z_]*\(([a-z0-9_]+).*/\1/p' "$here/kunit/$3" | sed "s/^/$1 $2 /"
}
{
	expect static_call_kernel 4 tests.h
	expect static_call_a 3 tests.h
	expect static_call_b 3 tests.h
	[ -z "$livepatch" ] || expect static_call_livepatch 1 sct_livepatch.c
	[ -z "$dynamic" ] || expect static_call_preempt 7 sct_preempt.c
	expect static_call_both_kernel 4 both.h
	expect static_call_both_module 2 both.h
} >"$work/expected"

number=0
failed=0
skipped=0
# result STATUS WHAT: STATUS is "skip" if WHAT cannot be tested; WHAT then ends with
# "# REASON".
result() {
	number=$((number + 1))
	if [ "$1" = skip ]; then
		echo "ok $number - ${2%%#*}# SKIP ${2#*#}"
		skipped=$((skipped + 1))
	elif [ "$1" = 0 ]; then
		echo "ok $number - $2"
	else
		echo "not ok $number - $2"
		failed=$((failed + 1))
	fi
}

# Messages of a broken kernel.
bad='WARNING:|BUG:|Oops|Kernel panic|Unable to handle|Call Trace|rcu: INFO|soft lockup|static call:|Segmentation'

# boot NAME CPU PROCESSORS KERNEL-PARAMETER...
boot() {
	local name=$1 cpu=$2 smp=$3 log line model status=0 start=$SECONDS
	shift 3
	log=$work/$name.log
	timeout "$timeout" qemu-system-ppc64 \
		-M pseries,cap-cfpc=broken,cap-sbbc=broken,cap-ibs=broken,cap-ccf-assist=off \
		-cpu "$cpu" -smp "$smp" -m 1G -nographic -vga none -nodefaults \
		-serial stdio -monitor none -no-reboot \
		-kernel "$out/vmlinux" -initrd "$work/initrd.gz" \
		-append "console=hvc0 panic=-1 initcall_debug ignore_loglevel kunit.autorun=1 $*" \
		</dev/null >"$log" 2>&1 || status=$?
	tr -d '\r' <"$log" >"$log.tmp"
	mv "$log.tmp" "$log"
	echo "# $name: $((SECONDS - start)) seconds"
	# 124 is a timeout. Above 128, a signal ended qemu itself.
	[ $status -eq 0 ] || echo "# $name: qemu ended with $status, the last of the log:" \
		"$(tail -n 1 "$log")"

	result "$(grep -q 'initcall test_static_call_init.* returned 0 ' "$log"; echo $?)" "$name: the selftest has run"
	result "$(! grep -qE "$bad" "$log"; echo $?)" "$name: nothing bad in the log"
	grep -E -m 5 "$bad" "$log" | sed 's/^/# /' || true
	result "$(grep -qx 'init: done' "$log"; echo $?)" "$name: reached its end"
	if [ -n "$dynamic" ]; then
		model=lazy
		[[ "$*" != *preempt=full* ]] || model=full
		result "$(grep -m 1 -o 'Dynamic Preempt: [a-z]*$' "$log" | grep -qx "Dynamic Preempt: $model"; echo $?)" \
			"$name: starts with the model $model"
		[[ "$*" != *preempt=none* ]] ||
			result "$(grep -q 'Dynamic Preempt: unsupported mode: none' "$log"; echo $?)" "$name: the model none is refused"
	fi
	while read -r line; do
		case $line in
		'ok '*) result 0 "$name: ${line#ok }" ;;
		*) result 1 "$name: ${line#not ok }" ;;
		esac
	done < <(sed -nE 's/^(\[[^]]*\] )?(sctest|init): ((not )?ok .*)/\3/p' "$log")
	while IFS= read -r line; do
		case $line in
		'ok '*) result 0 "$name: ${line#ok }" ;;
		'skip '*) result skip "$name: ${line#skip }" ;;
		'#'*) echo "$line" ;;
		*) result 1 "$name: ${line#not ok }" ;;
		esac
	done < <(awk -f "$here/kunit/ktap.awk" "$work/expected" "$log")
	[ -n "$livepatch" ] || result skip "$name: livepatch # none with this compiler"
}

echo 'TAP version 13'
for m in "${machines[@]}"; do
	read -ra args <<<"$m"
	[ $# -eq 0 ] || [[ " $* " == *" ${args[0]} "* ]] || continue
	boot "${args[@]}"
done
echo "1..$number"
echo "# $((number - failed - skipped)) passed, $failed failed, $skipped skipped"
[ "$number" -gt 0 ] && [ "$failed" -eq 0 ]
