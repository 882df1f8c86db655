#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Makes the demo's recordings with Debian's speech synthesizer, in this folder. Needs flite and sox;
# the demo itself needs neither. Voices: CMU Arctic's rms and awb (male) and slt (female).
set -eu
cd "$(dirname "$0")"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

seconds=4  # of each mixture

# say VOICE NAME SENTENCE: 16 kHz mono, pauses at the ends cut, RMS set to -26 dB below full scale.
say() {
    flite -voice "$1" -t "$3" -o "$work/raw.wav"
    sox -V1 -D "$work/raw.wav" -r 16000 -c 1 "$work/trimmed.wav" silence 1 0.02 0.2% reverse \
        silence 1 0.02 0.2% reverse highpass 50
    level=$(sox "$work/trimmed.wav" -n stats 2>&1 | sed -n 's/^RMS lev dB *//p')
    gain=$(awk "BEGIN { print -26 - ($level) }")
    sox -V1 -D "$work/trimmed.wav" "$work/$2.wav" gain "$gain"
}

# pair NAME TARGET OTHER: both cut or filled up to the same length and added at 0 dB.
pair() {
    for voice in "$2" "$3"; do
        sox -V1 -D "$work/$voice.wav" "$work/$voice-cut.wav" pad 0 "$seconds" trim 0 "$seconds"
    done
    sox -V1 -D "$work/$2-cut.wav" -b 16 "$1_target.flac"
    sox -V1 -D -m -v 1 "$work/$2-cut.wav" -v 1 "$work/$3-cut.wav" -b 16 "$1_mixture.flac"
}

say rms rms_anchor "The river runs quietly past the old mill, and nobody remembers who built the bridge."
say slt slt_anchor "On Sunday mornings we walk along the harbour and count the boats that come home."
say rms rms "Please put the yellow lamp beside the window before the guests arrive tonight."
say slt slt "My brother wants to learn the piano, although he has never had much patience."
say awb awb "Twelve small ships left the northern port with barrels of salt and winter apples."

pair mixed_pair slt rms
pair same_sex_pair rms awb
sox -V1 -D "$work/slt_anchor.wav" -b 16 mixed_pair_anchor.flac
sox -V1 -D "$work/rms_anchor.wav" -b 16 same_sex_pair_anchor.flac
