"""Precision, recall, density and coverage against prdc: `pip install -e ".[verify]"`."""

import numpy as np
import pytest

from jaxgan.metrics.neighbours import precision_recall

prdc = pytest.importorskip("prdc", reason="the extra `verify` is not installed")


@pytest.mark.parametrize("k", [3, 5])
@pytest.mark.parametrize(("d", "kind"), [(2, "normal"), (64, "positive"), (512, "sparse")])
def test_all_four_agree_with_prdc(d, kind, k):
    draw = np.random.RandomState(d)
    real, generated = draw.normal(size=(600, d)), 0.9 * draw.normal(size=(500, d)) + 0.1
    if kind == "positive":  # like features after a ReLU
        real, generated = np.maximum(real, 0), np.maximum(generated, 0)
    elif kind == "sparse":  # few relevant directions, like features of trained networks
        real, generated = (x * np.exp(-np.arange(d) / 8) for x in (real, generated))
    real, generated = real.astype(np.float32), generated.astype(np.float32)
    expected = prdc.compute_prdc(real.astype(float), generated.astype(float), k)
    numbers = precision_recall(real, k, block=256).compute((generated,))
    assert {name: f.value for name, f in numbers.items()} == pytest.approx(expected, abs=1e-12)
