"""Shares of the spread over split seeds: of crossed settings alone, in the order of the seeds' values."""

import json

import numpy as np
from sweep_folders import sweep_folder

from jaxgan.sweep.exports import rliable
from jaxgan.sweep.plan import Pack
from jaxgan.sweep.spread import spreads, text
from jaxgan.sweep.table import Table, Value, table


def cells(values):
    """A value for each seed of initialisation and of the noise, in an order of their own."""
    return [
        Value({"loss": "hinge", "seed": 0, "seed_init": i, "seed_noise": n}, values[i, n], "")
        for n in reversed(range(values.shape[1]))
        for i in range(values.shape[0])
    ]


def test_what_only_the_initialisation_moves_is_its_share():
    by_init = np.arange(5.0)[:, None] + 1e-3 * np.random.RandomState(0).normal(size=(5, 4))
    found = spreads(Table("reverse_kl", "lower", (), {(("loss", "hinge"),): cells(by_init)}))
    assert list(found) == ["loss=hinge"]
    init, noise = found["loss=hinge"]["initialisation"], found["loss=hinge"]["noise"]
    assert init.alone.value > 0.99
    assert noise.total.value < 0.01
    assert "initialisation     alone 100% [" in text(found)


def test_settings_that_are_not_crossed_have_no_shares():
    values = np.random.RandomState(1).normal(size=(3, 3))
    whole = cells(values)
    failed = [*whole[:-1], whole[-1]._replace(value=np.nan)]
    unsplit = [cell._replace(options={"seed": n}) for n, cell in enumerate(whole)]
    for some in (whole[:-1], failed, unsplit, [*whole, whole[0]]):
        assert spreads(Table("reverse_kl", "lower", (), {(("loss", "hinge"),): some})) == {}
    assert text({}) == ""


def test_a_part_that_is_not_given_is_that_of_the_seed(tmp_path):
    parts = [{"seed_init": i, "seed_data": d} for i in range(2) for d in range(2)]
    split = Pack({"loss": "hinge"}, tuple(parts[1:]), (0,))
    plain = Pack({"loss": "hinge"}, ({},), (0,))  # which is the first of the parts

    def score(cell, step):
        return {"energy": 3.0 * cell.get("seed_init", 0) + cell.get("seed_data", 0)}

    home = sweep_folder(tmp_path / "s", [plain, split], score)
    made = table(home, metric="energy")
    assert list(spreads(made)) == ["all"]
    assert len(json.loads(rliable(made).text)["scores"]["all"]) == 4
