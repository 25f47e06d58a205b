"""What the scripts of translation load."""

from typing import get_args, get_type_hints

import numpy as np
import pytest
from experiments.test_methods import import_script

translating = import_script("translating")
CHOICES = get_args(get_type_hints(translating.Config)["source"])


@pytest.mark.parametrize("choice", CHOICES)
def test_each_choice_makes_a_source_of_the_size_of_x(choice):
    config = translating.Config(data="shapes", source=choice)
    source = translating.data(config)
    channels = 1 if choice in ("edges", "grey") else 3
    assert source.leaves["source"].shape == (16, 16, channels)
    assert ("mask" in source.leaves) == (choice in ("centre_hole", "boxes", "strokes"))
    assert source.asks[0] == "source"
    assert source.held_out().leaves == source.leaves


def test_a_source_of_the_data_is_kept(tmp_path):
    x = np.zeros((20, 16, 16, 1), np.uint8)
    np.savez(tmp_path / "a.npz", x=x, sketch=x + 255)
    config = translating.Config(data=f"{tmp_path}/a.npz:source=sketch", source="noisy")
    source = translating.data(config)
    assert (source.size, float(source.arrays["source"].min())) == (18, 255)
