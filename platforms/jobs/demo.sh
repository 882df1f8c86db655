#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# ./run demo: build, then extract one voice from each of two recordings that come with ligero
set -eu
. platforms/jobs/lib/build.sh

demo=build/demo
samples=platforms/demo

# demo_pair NAME WHO: enrols, extracts, draws and scores one of the recordings in platforms/demo.
demo_pair() {
    say "$2"
    "$ligero" enroll --model "$demo/bsrnn-live.lgm" "$samples/$1_anchor.flac" -o "$demo/$1.profile"
    "$ligero" extract --model "$demo/bsrnn-live.lgm" --profile "$demo/$1.profile" \
        "$samples/$1_mixture.flac" -o "$demo/$1_extracted.wav" \
        --report "$demo/$1.html" --reference "$samples/$1_target.flac"
    "$ligero" score --reference "$samples/$1_target.flac" "$demo/$1_extracted.wav" \
        --mixture "$samples/$1_mixture.flac" >"$demo/$1.score"
    cat "$demo/$1.score"
}

gain_of() { sed -n 's/^SI-SNR improvement *//p' "$demo/$1.score"; }

build_tools
mkdir -p "$demo"
pretrained=model/pretrained/bsrnn-live
say "converting $pretrained.safetensors"
"$convert" $pretrained.safetensors --config $pretrained.json -o "$demo/bsrnn-live.lgm"
demo_pair mixed_pair "a woman and a man speak at once; the woman is enrolled"
demo_pair same_sex_pair "two men speak at once; one of them is enrolled"
cat <<END

Voices extracted from two-talker mixtures, with pages to look at and to listen with:
  $root/$demo/mixed_pair_extracted.wav     mixed_pair.html
  $root/$demo/same_sex_pair_extracted.wav  same_sex_pair.html
SI-SNR gained: $(gain_of mixed_pair) (woman and man), $(gain_of same_sex_pair) (two men)
END
