#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# ./run cross ARCH [shared]: build for arm64 or armhf into build/ligero-ARCH[-shared].tar.gz; without shared, static
set -eu
. platforms/jobs/lib/cross.sh

arch=${1:-}
[ -n "$(compiler_of "$arch")" ] || fail "cross: expected arm64 or armhf, not '$arch'"
case ${2:-} in
    '') name=ligero-$arch preset=$arch-static parts="ligero ligero_static" ;;
    shared)
        name=ligero-$arch-shared preset=$arch
        parts="ligero ligero_static ligero_shared ligero_ladspa"
        ;;
    *) fail "cross: expected shared or nothing, not '$2'" ;;
esac
prepare_cross "$arch"
build_tools
# shellcheck disable=SC2086
build_cross "$preset" OFF $parts
tree=build/archive/$name
models=$tree/models
rm -rf "$tree"
mkdir -p "$models"
cmake --install "$build" --prefix "$tree" --strip >build/install.log || fail "installing failed (build/install.log)"
say "converting the small models"
mv "$tree"/share/ligero/models/* "$models" && rmdir "$tree/share/ligero/models"
for model in bsrnn-live lgr-tse-small lgr-tse-small-live lgr-tse-tiny-live; do
    host_model $model f16
done
sed "s/@ARCH@/$arch/" platforms/toolchains/check.sh >"$tree/check.sh"
chmod +x "$tree/check.sh"
cp LICENSE NOTICE "$tree"
tar -C build/archive --sort=name --owner=0 --group=0 --numeric-owner -czf "build/$name.tar.gz.part" "$name"
mv "build/$name.tar.gz.part" "build/$name.tar.gz"
say "$(du -h --apparent-size "build/$name.tar.gz" | cut -f1) in build/$name.tar.gz; on the board: tar xzf $name.tar.gz && $name/check.sh"
