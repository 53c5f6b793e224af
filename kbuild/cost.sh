#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Print instructions per static call, for the kernels that build-vmlinux.sh left in these
# directories, as a table with a column for each: the modules of cost/ count them in
# qemu-system-ppc64 with -icount, where an instruction takes a nanosecond. The table also
# has the instructions from where the kernel reads its parameters to where its clock
# begins, including static_call_init(), and from there until /init runs, the size of the
# text, and the sites in the table. A kernel with PREEMPTION also has the instructions of its points
# of preemption, and one with PREEMPT_DYNAMIC those of a change of the model.
#
#   cost.sh OUTDIR...
#
# Environment: CROSS_COMPILE (default: powerpc64le-linux-gnu-),
#              BOOT_TIMEOUT (seconds for a kernel, default: 600),
#              BOOT_PARAMETERS (more parameters of the kernels: preempt=full).

set -euo pipefail
export LC_ALL=C

here=$(CDPATH='' cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
cross=${CROSS_COMPILE:-powerpc64le-linux-gnu-}
timeout=${BOOT_TIMEOUT:-600}

die() {
	printf '%s: %s\n' "${0##*/}" "$*" >&2
	exit 1
}

[ $# -ge 1 ] || {
	printf 'usage: %s OUTDIR...\n' "${0##*/}" >&2
	exit 2
}
"$here/../.ci/setup-tools" --check boot

# measure OUTDIR: write this kernel's lines of the table to OUTDIR/cost.txt.
measure() {
	local out=$1 work=$1/cost-boot log=$1/cost-boot/log
	[ -f "$out/vmlinux" ] && [ -f "$out/cost-modules/cost_b.ko" ] ||
		die "no kernel in $out: run build-vmlinux.sh"
	rm -rf "$work"
	mkdir -p "$work/root"
	"${cross}gcc" -O2 -static -Wall -Werror -o "$work/root/init" "$here/cost/init.c"
	cp "$out"/cost-modules/*.ko "$work/root/"
	(cd "$work/root" && find . | cpio -o -H newc -R 0:0 --quiet) | gzip -n >"$work/initrd.gz"
	timeout "$timeout" qemu-system-ppc64 -icount shift=0 \
		-M pseries,cap-cfpc=broken,cap-sbbc=broken,cap-ibs=broken,cap-ccf-assist=off \
		-cpu power9 -smp 1 -m 1G -nographic -vga none -nodefaults \
		-serial stdio -monitor none -no-reboot \
		-kernel "$out/vmlinux" -initrd "$work/initrd.gz" \
		-append "console=hvc0 panic=-1 ignore_loglevel cost ${BOOT_PARAMETERS-}" </dev/null 2>&1 | tr -d '\r' >"$log" || true
	grep -q 'cost: done' "$log" || die "the kernel in $out did not reach its end: see $log"
	{
		sed -nE 's/.*cost: ([^:]+): ([0-9.]+)$/\1\t\2/p' "$log"
		"${cross}size" -A "$out/vmlinux" | awk '$1 == ".text" { printf "bytes of .text\t%d\n", $2 }'
		"${cross}nm" "$out/vmlinux" | awk '
			$3 == "__start_static_call_sites" { start = $1 }
			$3 == "__stop_static_call_sites" { stop = $1 }
			END { if (start != stop) print start, stop }' |
			while read -r start stop; do
				printf 'sites in the table\t%d\n' "$(((0x$stop - 0x$start) / 16))"
			done
		sed -nE 's/.*cost_kernel: ([^:]+): ([0-9]+)$/\1\t\2/p' "$log"
		sed -nE '/Run \/init as init process$/{
			s/^\[ *([0-9]+)\.([0-9]+)\].*/instructions from the clock to \/init, in thousands\t\1\2/
			s/\t0+/\t/p
		}' "$log"
	} >"$out/cost.txt"
}

for out; do
	measure "$out"
done

printf '| caller, key, function |'
for out; do
	printf ' %s |' "${out##*/}"
done
printf '\n|---|'
for out; do
	printf '%s' '---|'
done
printf '\n'
# The first kernel sets the rows and their order; a dash stands for what another
# kernel does not have.
awk -F '\t' 'FNR == 1 { n++ }
	!($1 in row) { row[$1]; order[rows++] = $1 }
	{ value[$1, n] = $2 }
	END {
		for (i = 0; i < rows; i++) {
			printf "| %s |", order[i]
			for (k = 1; k <= n; k++)
				printf " %s |", (order[i], k) in value ? value[order[i], k] : "-"
			printf "\n"
		}
	}' "${@/%//cost.txt}"
