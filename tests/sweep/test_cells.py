"""Cells as they are declared: products, pairs, draws, and what is refused."""

import dataclasses
from typing import Literal

import numpy as np
import pytest

import jaxgan as jg
from jaxgan.errors import Refused
from jaxgan.sweep.declare import declared


@dataclasses.dataclass(frozen=True)
class Config(jg.Settings):
    loss: Literal["hinge", "wasserstein"] = "hinge"
    lr: jg.NonNegative = 1e-3
    width: jg.Count = 8
    fast: bool = False


def test_a_product_of_options_of_every_type():
    cells = declared(Config, "loss=hinge,wasserstein lr=0.1,1e-4 fast=true,false width=8,16 seed=0:2,7", {})
    assert len(cells) == 2 * 2 * 2 * 2 * 3
    assert cells[0] == {"loss": "hinge", "lr": 0.1, "fast": True, "width": 8, "seed": 0}
    assert {type(cell["width"]) for cell in cells} == {int}
    assert {cell["seed"] for cell in cells} == {0, 1, 7}


def test_a_function_of_the_script_and_an_axis_are_combined():
    def losses():
        yield {"loss": "hinge"}
        yield {"loss": "wasserstein", "lr": 0.5}

    cells = declared(Config, "losses seed=0:2", {"losses": losses})
    assert cells[2] == {"loss": "wasserstein", "lr": 0.5, "seed": 0}
    assert len(cells) == 4


def test_draws_lie_in_their_range_and_more_of_them_begin_with_the_same():
    few = declared(Config, "lr=log(1e-5,1e-2) width=uniform(4,64)", {}, count=20, seed=3)
    more = declared(Config, "lr=log(1e-5,1e-2) width=uniform(4,64)", {}, count=500, seed=3)
    assert more[:20] == few
    assert declared(Config, "lr=log(1e-5,1e-2)", {}, count=20, seed=4) != [{"lr": c["lr"]} for c in few]
    rates = np.log10([cell["lr"] for cell in more])
    assert -5 <= rates.min() < -4.9
    assert -2.1 < rates.max() <= -2
    assert abs(rates.mean() + 3.5) < 0.15  # uniform in the logarithm: standard error 0.04
    assert all(type(cell["width"]) is int for cell in more)


def test_axes_of_python():
    pairs = jg.sweep.zip_(lr=[0.1, 0.2], width=[8, 16])
    cells = jg.sweep.product(pairs, loss=["hinge"], seed=range(3))
    assert len(cells) == 6
    assert jg.sweep.chain(cells, cells, [{"lr": 9.0}]) == (*cells, {"lr": 9.0})
    with pytest.raises(Refused, match="axes of one length, not of lr 2, width 1"):
        jg.sweep.zip_(lr=[0.1, 0.2], width=[8])
    with pytest.raises(Refused, match="names lr twice"):
        jg.sweep.product(pairs, lr=[0.3])


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("los=hinge", r"--sweep: there is no option 'los'; did you mean 'loss'\?"),
        ("loss=hinge,softmax", r"--sweep loss=softmax: Invalid enum value 'softmax'"),
        ("width=8,wide", r"--sweep width=wide: Expected `int`"),
        ("width=0", r"--width must be at least 1, not 0"),
        ("lr=nan", r"--lr must be a finite number, not nan"),
        ("lr=0.1 lr=0.2", r"--sweep names lr twice"),
        ("lr=0.1,0.10", r"--sweep lr=0.1,0.10 names a value twice"),
        ("lr=log(1e-5,1e-2)", r"--sweep lr=...: say how many values to draw, by --draws N"),
        ("lr=log(1,x)", r"--sweep lr=log\(1,x\): the bounds must be numbers"),
        ("loss=log(1,2)", r"only numbers are drawn, and loss is none"),
        ("seed=3:0", r"--sweep seed=3:0 is not a list of seeds"),
        ("out=a,b", r"--sweep cannot vary out"),
        ("losses", r"--sweep losses: the script has no function losses"),
        ("", r"--sweep is empty"),
        ("loss='hinge", r"No closing quotation"),
        ("lr=", r"--sweep lr=: Expected `float`"),
    ],
)
def test_what_cannot_be_declared_is_one_line(text, line):
    with pytest.raises(Refused, match=line):
        declared(Config, text, {})


def test_draws_without_a_range_and_functions_that_yield_no_options():
    with pytest.raises(Refused, match="--draws is for axes such as"):
        declared(Config, "lr=0.1", {}, count=3)
    with pytest.raises(Refused, match="--draws must be at least 1, not 0"):
        declared(Config, "lr=log(1,2)", {}, count=0)
    with pytest.raises(Refused, match=r"cells\(\) must yield options as a dict, not 3"):
        declared(Config, "cells", {"cells": lambda: [3]})
    with pytest.raises(Refused, match=r"cells\(\) yields no cells"):
        declared(Config, "cells", {"cells": list})
