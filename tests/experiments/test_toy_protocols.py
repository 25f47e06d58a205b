"""The toy benchmark: its protocols as sweeps, its recipes, its scores, and the picture of its results."""

import sys
from dataclasses import replace
from pathlib import Path
from typing import get_args, get_type_hints

import numpy as np
import pytest
from PIL import Image
from support import built

from jaxgan.data import load
from jaxgan.data.source import labelled
from jaxgan.errors import Refused
from jaxgan.sweep.declare import declared

sys.path.append(str(Path(__file__).parents[2] / "experiments"))
NUMBERS = {"modes": 7.0, "high_quality": 0.95, "reverse_kl": 0.1}


def test_every_protocol_is_a_sweep_of_the_script() -> None:
    import toy

    counts = {"light": 2 * 8 * 10, "many_dimensions": 3 * 3, "turns": 2 * 2 * 3, "pacgan": 2 * 2 * 3}
    for name, count in counts.items():
        assert len(declared(toy.Config, name, vars(toy))) == count


def test_batches_of_pacgan_are_a_hundred_packs_of_any_size() -> None:
    import toy

    sizes = {(cell["recipe"], cell["batch_size"]) for cell in toy.pacgan()}
    assert sizes == {("non_saturating", 100), ("pack2", 200)}


def test_a_fixed_number_of_examples_and_simultaneous_steps() -> None:
    import toy

    source = toy.data(toy.Config(simultaneous=True, examples=50))
    reference = labelled(load("ring"), toy.PAIRED)["x"]
    assert source.modes is not None  # for `jaxgan evaluate`
    np.testing.assert_array_equal(source.modes.centres, load("ring").modes.centres)
    assert source.size == 50
    assert not {tuple(x) for x in np.asarray(source.arrays["x"])} & {tuple(x) for x in reference}
    with pytest.raises(Refused, match="5 steps of D to one of G: leave --simultaneous out"):
        built(toy, toy.Config(recipe="wgan_gp", simultaneous=True))


def test_every_seed_is_in_the_picture(tmp_path: Path) -> None:
    """Each seed is a dot; a failed run has none."""
    import toy_picture

    def pixels(cells):
        toy_picture.draw(
            cells, {"ring": {"oracle": [NUMBERS]}, "grid": {"oracle": [NUMBERS]}}, tmp_path / "a.png"
        )
        return np.asarray(Image.open(tmp_path / "a.png"))

    single = {"light/ring/r1/0": {**NUMBERS, "reverse_kl": 0.01}, "light/ring/pack2/3": {"failed": "NaN"}}
    two = {**single, "light/ring/r1/9": {**NUMBERS, "reverse_kl": 0.03}}
    assert (pixels(single) == pixels({**single, "light/ring/pack2/3": {}})).all()
    assert (pixels(single) != pixels(two)).any()


def test_every_recipe_builds_with_either_network() -> None:
    """By tracing only; and the picture shows each."""
    import toy
    import toy_picture

    from jaxgan.run.program import start_shapes

    hints = get_type_hints(toy.Config)
    recipes = get_args(hints["recipe"])
    assert set(toy_picture.LOSSES) == set(recipes)
    for recipe in recipes:
        for network in get_args(hints["network"]):
            config = replace(toy.Config(), recipe=recipe, network=network, width=8, batch_size=8)
            assert start_shapes(built(toy, config), config).step.shape == ()


def test_common_mistakes_in_mixtures_change_the_scores() -> None:
    """Seven centres with the first twice miss all other true ones; a variance of sigma is too wide."""
    import jax
    import jax.numpy as jnp

    from jaxgan.data.mixtures import ring, ring_mixture, sampled
    from jaxgan.metrics.mixture import mode_coverage

    def scored(mixture):
        source = sampled(mixture)
        x = source.take(source.arrays, jax.random.key(0), jnp.arange(2000))["x"]
        return mode_coverage(x, *ring().modes)

    angle = np.linspace(0, 2 * np.pi, 8)
    seven = ring_mixture()._replace(centres=np.stack([np.cos(angle), np.sin(angle)], axis=1))
    wide = ring_mixture()._replace(sigma=ring_mixture().sigma ** 0.5)
    assert len(np.unique(seven.centres.round(9) + 0.0, axis=0)) == 7
    assert scored(seven)["modes"] == 1
    assert scored(seven)["high_quality"] == pytest.approx(2 / 8, abs=0.03)
    assert scored(wide)["high_quality"] == pytest.approx(1 - np.exp(-4.5 * 0.01), abs=0.02)


def test_in_many_dimensions_misses_are_measured_by_distance() -> None:
    """True samples have distance 1 from their mode; three times the offset is three times the distance."""
    import toy

    from jaxgan.data.mixtures import gaussian_1200d
    from jaxgan.data.source import examples

    source = gaussian_1200d()
    true = examples(source, 300)
    centres = source.modes.centres
    offset = true - centres[np.linalg.norm(true[:, None] - centres, axis=2).argmin(axis=1)]
    found, three, one = (toy.score(x, source) for x in (true, true + 2 * offset, true[:1].repeat(9, axis=0)))
    assert found["distance"] == pytest.approx(1, abs=0.01)
    assert three["distance"] == pytest.approx(3 * found["distance"])
    assert [x["nearest_modes"] for x in (found, three, one)] == [10, 10, 1]
    assert three["modes"] == 0
    assert three["nearest_kl"] == found["nearest_kl"] < 0.1
    assert one["nearest_kl"] == pytest.approx(np.log(10))
