#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
#
# Build what is released twice, from two clones of HEAD in DIRECTORY, and compare the
# bytes. The clones differ in what must not matter: path, time, history, an empty
# build cache each, umask, time zone, locale, and tags. The module cache is shared.
# Then the tarball is unpacked outside any git tree, and has to build the same bytes.
#
#   reproducible.sh DIRECTORY

set -euo pipefail

dir=${1:?usage: reproducible.sh DIRECTORY}
head=$(git rev-parse HEAD)
rm -rf "$dir"
mkdir -p "$dir"
dir=$(cd "$dir" && pwd)

# clone NAME ARG...: clone HEAD into DIRECTORY/NAME.
clone() {
	local to=$dir/$1
	shift
	git clone -q --no-checkout "$@" "$to"
	git -C "$to" -c advice.detachedHead=false checkout -q --detach "$head"
}

# build NAME: what is released, below DIRECTORY/NAME.
build() {
	printf '== %s\n' "$1"
	GOCACHE=$dir/cache-$2 make --no-print-directory -C "$dir/$1" "${@:3}"
}

clone first "$PWD"
(umask 022 && TZ=UTC LC_ALL=C build first 1 build dist deb)

mkdir -p "$dir/second/in a deeper"
clone 'second/in a deeper/place' --depth 1 "file://$PWD"
git -C "$dir/second/in a deeper/place" -c user.name=n -c user.email=e tag -a -m tag v99.0.0
(umask 077 && TZ=Asia/Tokyo LC_ALL=C.UTF-8 build 'second/in a deeper/place' 2 build dist deb)

mkdir "$dir/tarball"
tar -C "$dir/tarball" -xzf "$dir"/first/build/scpatch-*.tar.gz
tree=$(ls "$dir/tarball")
build "tarball/$tree" 1 build demo deb
said=$("$dir/tarball/$tree/build/scpatch" --version)
if [ "$said" != "scpatch ${tree#scpatch-} ($head)" ]; then
	printf 'the tarball %s of %s made: %s\n' "$tree" "$head" "$said" >&2
	exit 1
fi

# A tree from the tarball cannot make a tarball.
cd "$dir/first/build"
cmp scpatch-*.tar.gz "$dir/second/in a deeper/place/build"/scpatch-*.tar.gz
for f in scpatch scpatch_*.deb; do
	cmp "$f" "$dir/second/in a deeper/place/build/$f"
	cmp "$f" "$dir/tarball/$tree/build/$f"
done
sha256sum scpatch scpatch[-_]*
rm -rf "$dir"
