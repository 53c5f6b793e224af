#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
#
# Install a package in a root of its own, use it, remove and purge it, and check that nothing
# is left. The root is a minimal Debian, of this machine's suite or of SUITE, whose own dpkg
# is used; if none can be fetched, it is an empty directory, with dpkg --root. Run this as
# root.
#
#   deb-test.sh PACKAGE OBJECT [SUITE]

set -euo pipefail
export LC_ALL=C

deb=$(realpath "$1")
object=$(realpath "$2")
die() {
	printf '%s: %s\n' "${0##*/}" "$*" >&2
	exit 1
}

tmp=$(mktemp -d)
trap 'rm -rf --one-file-system "$tmp"' EXIT
root=$tmp/debian
suite=${3:-$(. /etc/os-release && echo "${VERSION_CODENAME:-stable}")}
if mmdebstrap --quiet --variant=essential "$suite" "$root" 2>"$tmp/log"; then
	echo "a minimal $suite"
	dpkg=(chroot "$root" dpkg)
	mkdir "$root/try"
	cp "$deb" "$root/try/scpatch.deb"
	file=try/scpatch.deb # chroot starts in the root
else
	sed 's/^/  /' "$tmp/log"
	[ $# -lt 3 ] || die "no root of $suite"
	echo 'mmdebstrap fails: an empty directory'
	rm -rf "$root"
	mkdir -p "$root/var/lib/dpkg/"{info,updates,triggers} "$root/var/log" "$root/try"
	: >"$root/var/lib/dpkg/status"
	: >"$root/var/lib/dpkg/available"
	dpkg=(dpkg "--root=$root")
	file=$deb
fi
cp "$object" "$root/try/object.o"

# files prints what is in the root, with a sum of every file, except for dpkg's
# own data.
files() {
	(
		cd "$root"
		find . \( -path ./var/lib/dpkg -o -path ./var/log/dpkg.log -o -path ./try \) -prune -o \
			-printf '%M %p %l\n' -type f -fprint0 "$tmp/list" | sort
		sort -z "$tmp/list" | xargs -0r sha256sum
	)
}
files >"$tmp/before"

"${dpkg[@]}" --install "$file"
"${dpkg[@]}" --verify scpatch
in_root() { chroot "$root" "$@"; }
in_root /usr/bin/scpatch --version
in_root /usr/bin/scpatch try/object.o
in_root /usr/bin/scpatch verify try/object.o
! cmp -s "$object" "$root/try/object.o" || die 'the object is not patched'
for f in include/scpatch/static_call.h share/man/man1/scpatch.1.gz share/doc/scpatch/copyright share/pkgconfig/scpatch.pc; do
	[ -s "$root/usr/$f" ] || die "no /usr/$f"
done
sum=$(sha256sum <"$root/usr/bin/scpatch")
grep -qx "PackageChecksum: SHA256: ${sum%% *}" "$root/usr/share/doc/scpatch/scpatch.spdx" || die 'scpatch.spdx is not of this binary'
version=$(dpkg-deb -f "$deb" Version)
[[ $(in_root /usr/bin/scpatch --version) == "scpatch ${version%-*} ("* ]] || die 'another version'

# gone COMMAND: after dpkg's COMMAND, everything has to be as it was before.
gone() {
	"${dpkg[@]}" "$1" scpatch
	[ -z "$("${dpkg[@]}" --get-selections scpatch 2>/dev/null)" ] || die "$1: dpkg still knows the package"
	files >"$tmp/after"
	diff "$tmp/before" "$tmp/after" || die "$1: not everything is as it was"
}
gone --remove
"${dpkg[@]}" --install "$file"
gone --purge
echo "${deb##*/}, $suite: installed, used, removed, purged, nothing left"
