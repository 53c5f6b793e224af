#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Check every call at every moment of every update, with the kernel's own code
# (model.c). Then put faults into that code, one by one: the model must find each.
#
#   run.sh TREE [DEPTH]    DEPTH is the number of updates (2)
#   run.sh TREE -t         print the table of states.md
# TREE is a patched kernel source.
#
# Environment: HOSTCC (default: gcc).

set -eu -o pipefail
export LC_ALL=C

here=$(CDPATH='' cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
tree=${1:?usage: run.sh TREE [DEPTH | -t]}
depth=${2-2}
cc=${HOSTCC:-gcc}
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

# The kernel's headers that have to be its own; the others are in kernel.h.
real='include/linux/static_call.h include/linux/static_call_types.h
arch/powerpc/include/asm/static_call.h arch/powerpc/include/asm/ppc-opcode.h
arch/powerpc/include/asm/disassemble.h'
arch=$tree/arch/powerpc/kernel/static_call.c
generic=$tree/kernel/static_call_inline.c
for f in $real; do
	mkdir -p "$dir/include/$(basename "$(dirname "$f")")"
	cp "$tree/$f" "$dir/include/$(basename "$(dirname "$f")")/"
done
sed -n 's/^#include <\(.*\)>.*/\1/p' "$arch" "$generic" "$dir"/include/*/*.h | sort -u | while read -r h; do
	mkdir -p "$dir/include/$(dirname "$h")"
	[ -e "$dir/include/$h" ] || : >"$dir/include/$h"
done

flags=(-std=gnu11 -O2 -no-pie -include "$here/kernel.h" -I"$dir/include")

# build ARCH GENERIC: with these files instead of the tree's.
build() {
	"$cc" "${flags[@]}" -w -Darch_static_call_transform=arch_transform -c -o "$dir/arch.o" -x c "$1"
	"$cc" "${flags[@]}" -w -c -o "$dir/generic.o" -x c "$2"
	"$cc" -no-pie -Wl,--defsym,__static_call_return0=0x40101000 -o "$dir/model" "$dir"/{model,arch,generic}.o
}

"$cc" "${flags[@]}" -Wall -Wno-parentheses -Wno-address-of-packed-member -c -o "$dir/model.o" "$here/model.c"
build "$arch" "$generic"

"$dir/model" -t >"$dir/table"
if [ "$depth" = -t ]; then
	cat "$dir/table"
	exit
fi
sed -n '/^|/p' "$here/states.md" | diff - "$dir/table" || {
	echo "$0: states.md is not what the code does" >&2
	exit 1
}
"$dir/model" "$depth"

# NAME: what sed does to arch/powerpc/kernel/static_call.c, or to the file in kernel/.
faults='no load after the call: s/set_slot(site + sizeof(u32));/;/;s/!restores(site + 1)/false/
the CPUs are not synchronised: s/kick_all_cpus_sync();/;/
the CPUs are synchronised for each site: s/slots_unseen = true;/kick_all_cpus_sync();/
the load after the key: s/set_slot(site + sizeof(u32));/;/;s/!restores(site + 1)/(set_slot(site + 1), false)/
the key before the load, in kernel: /^void __static_call_update/,/^}/s/^#ifdef arch_static_call_prepare_site/\tkey->func = func;\n&/
the load is taken back: /^static void transform_kernel/,/^}/s/^\twrite_insn(site, insn);/&if (image) write_insn(site + 1, PPC_RAW_NOP());/
each function is one of the image: s/return !func || core_kernel_text.*;/return true;/
an unknown entry is the local one: /^static u32 .local_entry/,/^}/s/return NULL;/return p;/
no entry of the large model: s/return p + 2;/return p;/
a cell that is NULL: s/WRITE_ONCE(.cell, do_nothing);/WRITE_ONCE(*cell, NULL);/
a cell that stays: s/WRITE_ONCE(.cell, entry ?: func);/;/
a cell that leads past the local entry: s/WRITE_ONCE(.cell, entry ?: func);/WRITE_ONCE(*cell, (void *)ppc_function_entry(func));/
a direct call without a save: s/if (func && !stub_saves(stub))/if (func)/
a load without a save: s/PPC_RAW_BRANCH(8)/PPC_RAW_NOP()/'
while IFS= read -r fault; do
	name=${fault%%: *}
	file=$arch
	[[ $name != *", in kernel" ]] || file=$generic
	sed -e "${fault#*: }" "$file" >"$dir/faulty.c"
	if cmp -s "$file" "$dir/faulty.c"; then
		echo "$0: the code has no place for the fault \"$name\"" >&2
		exit 1
	fi
	if [ "$file" = "$arch" ]; then
		build "$dir/faulty.c" "$generic"
	else
		build "$arch" "$dir/faulty.c"
	fi
	if found=$("$dir/model" 2); then
		echo "$0: not found: $name" >&2
		exit 1
	fi
	printf 'found: %s\n%s\n' "$name" "$found" | sed '2,$s/^/\t/'
done <<<"$faults"
