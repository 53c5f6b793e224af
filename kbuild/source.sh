#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Print the path of the tarball that has the source of Linux SERIES:
#
#   source.sh SERIES
#
# That is LINUX_SOURCE if it is set; else that of the installed package
# linux-source-SERIES in /usr/src, the last by name; else what .ci/fetch-source left in
# build/linux-SERIES. Nothing is downloaded.

set -euo pipefail
export LC_ALL=C

here=$(CDPATH='' cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
series=$1
tarball=${LINUX_SOURCE-}
if [ -z "$tarball" ]; then
	for f in "$(dirname "$here")/build/linux-$series"/linux-source-*.tar.* \
		/usr/src/linux-source-"$series".tar.* /usr/src/linux-source-"$series".[0-9]*.tar.*; do
		[ ! -f "$f" ] || tarball=$f
	done
fi
if [ -z "$tarball" ] || [ ! -f "$tarball" ]; then
	printf '%s: no source of Linux %s in /usr/src: install the Debian package %s, or run %s\n' \
		"${0##*/}" "$series" "linux-source-$series" \
		".ci/fetch-source build/linux-$series SUITE linux-source-$series" >&2
	exit 1
fi
printf '%s\n' "$tarball"
