#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
#
# Make a Debian package in OUTDIR of what "make install" installs. The binary is
# static and the package has no scripts, so dpkg-deb is all that is needed. The
# same commit makes the same bytes: every time in it is SOURCE_DATE_EPOCH, which
# "make deb" sets to the commit's.
#
#   deb.sh OUTDIR VERSION
#
# Environment: SOURCE_DATE_EPOCH, REVISION (the commit, for the changelog), GO.

set -euo pipefail
export LC_ALL=C
umask 022

out=$1
version=$2-1
go=${GO:-go}
: "${SOURCE_DATE_EPOCH:?}" "${REVISION:?}"
maintainer='The scpatch authors <scpatch@users.noreply.github.com>'

goarch=$($go env GOARCH)
case $goarch in
386) arch=i386 ;;
arm) arch=armhf ;;
ppc64le) arch=ppc64el ;;
*) arch=$goarch ;;
esac

root=$out/deb/root
doc=$root/usr/share/doc/scpatch
rm -rf "$out/deb"
mkdir -p "$root/DEBIAN" "$doc"

# Debian wants binaries without symbols.
make --no-print-directory install B="$out/deb" LDFLAGS='-s -w' DESTDIR="$root" PREFIX=/usr \
	ZSHDIR=/usr/share/zsh/vendor-completions

# modules prints what is linked into the binary: path, version and directory.
modules() {
	$go list -deps -f '{{with .Module}}{{if not .Main}}{{.Path}} {{.Version}} {{.Dir}}{{end}}{{end}}' ./cmd/scpatch | sort -u
}

# copyright prints our licence and those of the modules linked into the binary.
copyright() {
	local module version dir
	printf 'scpatch, https://github.com/scpatch/scpatch\n\n'
	cat LICENSE
	modules | while read -r module version dir; do
		printf '\n%s\n\nThe binary contains %s %s:\n\n' "$rule" "$module" "$version"
		cat "$dir/LICENSE"
	done
	printf '\n%s\n\nThe binary contains the run time and the library of Go:\n\n' "$rule"
	cat "$($go env GOROOT)/LICENSE"
}
rule=------------------------------------------------------------------------

# spdx prints a list of the binary's components (SPDX 2.3, tag-value), with its
# checksum.
spdx() {
	local module version dir
	cat <<-END
		SPDXVersion: SPDX-2.3
		DataLicense: CC0-1.0
		SPDXID: SPDXRef-DOCUMENT
		DocumentName: scpatch-$1-$arch
		DocumentNamespace: https://github.com/scpatch/scpatch/spdx/$REVISION/$arch
		Creator: Tool: packaging/deb.sh
		Created: $(date -ud "@$SOURCE_DATE_EPOCH" +%FT%TZ)
	END
	spdx_package scpatch "$1" LICENSE pkg:golang/github.com/scpatch/scpatch
	echo "PackageChecksum: SHA256: $(sha256sum <"$root/usr/bin/scpatch" | cut -d ' ' -f 1)"
	echo 'Relationship: SPDXRef-DOCUMENT DESCRIBES SPDXRef-scpatch'
	{
		modules
		echo "stdlib $($go env GOVERSION) $($go env GOROOT)"
	} | while read -r module version dir; do
		spdx_package "$module" "$version" "$dir/LICENSE" "pkg:golang/$module"
		echo "Relationship: SPDXRef-scpatch STATIC_LINK SPDXRef-${module//[!A-Za-z0-9.]/-}"
	done
}

# spdx_package NAME VERSION LICENCE PURL: print the part on one package.
spdx_package() {
	local license
	if grep -q 'Permission is hereby granted, free of charge' "$3"; then
		license=MIT
	elif grep -q 'Neither the name' "$3" && grep -q 'Redistribution and use' "$3"; then
		license=BSD-3-Clause
	else
		echo "${0##*/}: what licence is $3?" >&2
		return 1
	fi
	cat <<-END

		PackageName: $1
		SPDXID: SPDXRef-${1//[!A-Za-z0-9.]/-}
		PackageVersion: $2
		PackageDownloadLocation: NOASSERTION
		FilesAnalyzed: false
		PackageLicenseConcluded: $license
		PackageLicenseDeclared: $license
		PackageCopyrightText: NOASSERTION
		ExternalRef: PACKAGE-MANAGER purl $4@$2
	END
}

copyright >"$doc/copyright"
spdx "$2" >"$doc/scpatch.spdx"
mkdir -p "$root/usr/share/lintian/overrides"
cp packaging/lintian-overrides "$root/usr/share/lintian/overrides/scpatch"
gzip -9nc CHANGELOG.md >"$doc/changelog.gz"
{
	printf 'scpatch (%s) unstable; urgency=medium\n\n' "$version"
	printf '  * Built from commit %s.\n\n' "$REVISION"
	printf ' -- %s  %s\n' "$maintainer" "$(date -uRd "@$SOURCE_DATE_EPOCH")"
} | gzip -9n >"$doc/changelog.Debian.gz"
find "$root/usr/share/man" -name '*.[1-9]' -exec gzip -9n {} +

# Not with du, which counts blocks: these depend on the file system.
size=$(find "$root/usr" -type f -printf '%s\n' | awk '{ kib += int(($1 + 1023) / 1024) } END { print kib }')
cat >"$root/DEBIAN/control" <<END
Package: scpatch
Version: $version
Architecture: $arch
Maintainer: $maintainer
Installed-Size: $size
Section: devel
Priority: optional
Provides: libscpatch-dev (= $version)
Homepage: https://github.com/scpatch/scpatch
Description: rewrite the static-call sites of ppc64le objects
 A static call is a call through a pointer that changes rarely or never.
 scpatch takes relocatable objects for 64-bit little-endian Power (ELFv2),
 makes each static call go straight to its function wherever that is sound,
 and writes the table of sites that tells a run time where the calls are.
 It works on objects of the Linux kernel and on user-space programs.
 .
 The package has the command, its manual, and what programs need: the header
 and its run time, a fragment for make, and a module for CMake.
END
(cd "$root" && find usr -type f -print0 | sort -z | xargs -0 md5sum) >"$root/DEBIAN/md5sums"

dpkg-deb --root-owner-group -Zxz --threads-max=1 --build "$root" "$out/scpatch_${version}_$arch.deb"
rm -rf "$out/deb"
