# SPDX-License-Identifier: Apache-2.0
"""The models that ship: what their configurations say of licence and training data stands in their cards."""

import json
import re
from pathlib import Path

import pytest

PRETRAINED = Path(__file__).resolve().parents[2] / "model" / "pretrained"
CONFIGS = sorted(PRETRAINED.glob("*.json"))


@pytest.mark.parametrize("path", CONFIGS, ids=lambda p: p.stem)
def test_licence_and_training_data_are_those_of_the_card(path):
    config = json.loads(path.read_text())
    card = " ".join(path.with_suffix(".md").read_text().split())
    assert f"The weights are under {config['licence']}" in card
    stated = re.sub(r"\(.*?\)|noise:", "", config["training_data"])
    names = [part.split()[0] for part in re.split("[,;]", stated)]
    assert len(names) >= 3, config["training_data"]
    for name in names:
        assert name in card[card.index("Data and licence"):], name


def test_every_model_has_a_configuration_and_a_card():
    names = {p.name.split(".")[0].removesuffix("-int8").removesuffix("-resume") for p in PRETRAINED.iterdir()}
    assert names == {p.stem for p in CONFIGS}
