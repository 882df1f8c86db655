# SPDX-License-Identifier: Apache-2.0
"""Offline extraction with PyTorch: one anchor, one mixture, one output file.

python -m ligero_torch.evaluate.infer --config C.json --checkpoint X --enroll A.wav MIX.wav -o OUT.wav
"""

from __future__ import annotations

import argparse
import sys

import soundfile
import torch

from ..data import low_cut
from ..data.audio import SAMPLE_RATE_HZ, DataError, read_audio
from ..files.weights import load_model
from ..nets.config import ConfigError


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--config", required=True)
    parser.add_argument("--checkpoint", required=True)
    parser.add_argument("--enroll", required=True, metavar="ANCHOR")
    parser.add_argument("mix", metavar="MIX")
    parser.add_argument("-o", "--output", required=True)
    options = parser.parse_args(arguments)
    try:
        model = load_model(options.config, options.checkpoint)
        with torch.inference_mode():
            anchor, mix = (torch.from_numpy(low_cut.cut(read_audio(file)))[None]
                           for file in (options.enroll, options.mix))
            wave, _, _ = model.extract(mix, model.enroll(anchor))
        soundfile.write(options.output, low_cut.restore(wave[0].numpy()), SAMPLE_RATE_HZ,
                        subtype="FLOAT")
    except (ConfigError, DataError, OSError, soundfile.LibsndfileError) as e:
        print(f"error: {e}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
