#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# ./run web: build the WebAssembly package and page into build/web/site, and test them in headless Chromium
set -eu
. platforms/jobs/lib/counts.sh

web_packages="emscripten chromium python3"
site=build/web/site
work=build/web/work
most_bytes=700000

# build_web PRESET TARGET
build_web() {
    use_preset "$1"
    build_targets "$2"
}

# The package, the page and two models, as a web server would serve them.
make_site() {
    rm -rf $site
    mkdir -p $site/ligero $site/models
    cp platforms/web/page/* $site
    cp platforms/web/package/* LICENSE NOTICE $site/ligero
    for kind in simd scalar; do
        cp build/web-$kind/platforms/web/ligero_web.wasm $site/ligero/ligero-$kind.wasm
        bytes=$(wc -c <$site/ligero/ligero-$kind.wasm)
        say "ligero-$kind.wasm: $bytes bytes of at most $most_bytes, $(gzip -9c $site/ligero/ligero-$kind.wasm | wc -c) with gzip"
        [ "$bytes" -le $most_bytes ] && count 1 0 0 || count 0 1 0
    done
    cp model/pretrained/bsrnn-live-int8.lgm model/pretrained/lgr-tse-small-live-int8.lgm $site/models
}

# The vector kernels against the references, under node. The module has no threads and no fused
# multiply-add, so tests of these are left out.
test_kernels() {
    say "testing the kernels in WebAssembly"
    log=build/web/kernels.log
    if node --no-experimental-fetch build/web-tests/tests/test_kernels.js --no-colors \
        "--test-case-exclude=*threads*,*fused multiply-add*" >$log 2>&1; then
        # shellcheck disable=SC2046
        count $(sed -n 's/^.*test cases:.*| *\([0-9]*\) passed | *\([0-9]*\) failed | *\([0-9]*\) skipped/\1 \2 \3/p' $log)
    else
        cat $log
        count 0 1 0
    fi
}

# shellcheck disable=SC2086
install_packages $tools_packages $rest_packages $web_packages
build_targets ligero ligero-convert ligero_test_files
native=$root/$build
build_web web-simd ligero_web
build_web web-scalar ligero_web
build_web web-tests test_kernels
make_site
test_kernels
mkdir -p $work
for part in anchor mixture; do
    "$native/tests/ligero_test_files" copy platforms/demo/mixed_pair_$part.flac $work/$part.wav
done
rm -f $work/counts
python3 tests/web/web_test.py $site $work "$native" || :
# shellcheck disable=SC2046
count $(cat $work/counts || echo 0 1 0)
say "the page: python3 -m http.server -d $site, then http://localhost:8000"
report_counts
