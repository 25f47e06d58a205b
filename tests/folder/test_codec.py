"""Configurations are read from JSON exactly as they were, or are refused with the name of the option."""

import json
import math
from dataclasses import dataclass
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jaxgan.errors import Refused
from jaxgan.folder import codec
from jaxgan.folder.settings import Settings


@dataclass(frozen=True)
class Wide(Settings):
    lr: float = 1e-3
    reach: float = math.inf
    flag: bool = False
    name: str | None = None
    loss: Literal["hinge", "minimax", 3] = "hinge"
    widths: tuple[int, ...] = (8, 16)
    stages: tuple[tuple[float, int], ...] = ()
    pair: tuple[float, str] = (0.5, "a")
    limit: int | None = None


FLOATS = st.floats(allow_nan=False)
WIDE = st.builds(
    Wide,
    seed=st.integers(0, 2**32 - 1),
    lr=FLOATS,
    reach=FLOATS,
    flag=st.booleans(),
    name=st.none() | st.text(),
    loss=st.sampled_from(["hinge", "minimax", 3]),
    widths=st.lists(st.integers(-(2**63), 2**63 - 1), max_size=4).map(tuple),
    stages=st.lists(st.tuples(FLOATS, st.integers(-5, 5)), max_size=3).map(tuple),
    pair=st.tuples(FLOATS, st.text()),
    limit=st.none() | st.integers(0, 9),
)


@given(WIDE)
def test_round_trip(config):
    back = codec.loads(codec.dumps(config), Wide)
    assert back == config
    assert repr(back) == repr(config)  # types too, and the sign of zero
    assert codec.differences(back, config) == {}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"sede": 1}', "no option 'sede'; did you mean 'seed'"),
        ('{"zzz": 1}', "no option 'zzz'"),
        ('{"seed": "three"}', "seed"),
        ('{"seed": 1.5}', "seed"),
        ('{"lr": true}', "lr"),
        ('{"loss": "hing"}', "loss"),
        ('{"widths": [1, "a"]}', "widths"),
        ('{"seed": 1', "is not JSON"),
        ("[1]", "must hold an object"),
    ],
)
def test_an_invalid_option_is_refused_by_name(text, message):
    with pytest.raises(Refused, match=r"here\.json") as error:
        codec.loads(text, Wide, "here.json")
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_bytes_that_are_not_utf8_are_refused():
    with pytest.raises(Refused, match="is not JSON"):
        codec.loads(b'{"seed": \xff}', Wide)


def test_differences_name_the_fields():
    assert codec.differences(Wide(lr=1.0, seed=2), Wide(seed=2)) == {"lr": (1.0, 1e-3)}
    assert json.loads(codec.dumps(Wide()))["reach"] == math.inf
