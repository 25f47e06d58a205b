"""Charts of runs in the plane, against known densities and logits."""

import jax.numpy as jnp
import numpy as np
import pytest
from run_folders import run_folder
from support import play, script

from jaxgan.data import load
from jaxgan.games.game import Looks, Side
from jaxgan.games.toy import bilinear
from jaxgan.report.page import report
from jaxgan.report.plane import density, extent, landscape, planes
from jaxgan.run.reopen import reopen

ENDS = (-1.0, 1.0, -2.0, 2.0)


def linear(d, x, given):
    """Known logits: w . x + 10 label."""
    return x @ d.params + 10.0 * given.get("label", 0.0)


def test_the_landscape_holds_the_logits_of_each_point():
    game = bilinear()._replace(looks=Looks(judge=linear))
    free, labelled = load("spiral"), load("ring")
    d = Side(jnp.array([1.0, 100.0]), {})
    logits = landscape(game, d, free, ENDS, side=5)
    x, y = np.linspace(-1, 1, 5), np.linspace(-2, 2, 5)
    np.testing.assert_allclose(logits, x[None] + 100 * y[:, None], atol=1e-4)
    over = landscape(game._replace(given=("label",)), d, labelled, ENDS, side=5)
    np.testing.assert_allclose(over, logits + 10 * 3.5, atol=1e-4)  # the mean of eight labels


class Axes:
    """Records what is drawn instead of drawing it."""

    def imshow(self, shown, **options):
        self.shown, self.options = shown, options


def test_the_density_counts_every_point_once():
    axes = Axes()
    points = np.array([[-0.99, -1.99]] * 9 + [[0.99, -1.99]] * 4 + [[5.0, 0.0], [np.nan, 0.0], [0.0, 0.0]])
    note = density(axes, points, ENDS)
    assert note == "16 points, 12.5 % of them outside the picture"
    assert axes.shown[0, 0] == 3.0  # the lower left, nine points, by the square root
    assert axes.shown[0, -1] == 2.0  # the lower right
    assert (axes.shown**2).sum() == pytest.approx(14)
    assert axes.options["origin"] == "lower"
    assert axes.options["extent"] == ENDS


def test_a_square_holds_all_points():
    points = np.random.default_rng(0).normal(size=(100, 2)) * [3, 1] + [7, -5]
    left, right, bottom, top = extent(points)
    assert right - left == pytest.approx(top - bottom)
    assert (points > [left, bottom]).all()
    assert (points < [right, top]).all()
    assert extent(np.zeros((3, 2))) == (-0.625, 0.625, -0.625, 0.625)


def test_a_run_in_the_plane_has_three_charts(tmp_path):
    run = tmp_path / "run"
    assert play(script("tiny"), "--out", run, "--sample-every", 4, "--seeds", "0:2") == 0
    charts = planes(run, "seed=1")
    assert [chart.title for chart in charts] == ["Real examples", "Generated", "Logits of D"]
    opened = reopen(run, lane="seed=1")
    (picture,) = charts[2].figure.axes[0].images
    ends = tuple(picture.get_extent())
    expected = landscape(opened.experiment.game, opened.state.d.side, opened.experiment.source, ends)
    np.testing.assert_array_equal(picture.get_array(), expected)
    assert "<h2>The plane</h2>" in report([run], figures=tmp_path / "figures").read_text()
    files = {path.name for path in (tmp_path / "figures").iterdir()}
    assert {f"plane-{name}.svg" for name in ("real", "generated", "landscape")} <= files


def test_images_have_no_plane(tmp_path):
    run = tmp_path / "run"
    assert play(script("pictures"), "--out", run) == 0
    text = report([run]).read_text()
    assert "The plane" not in text
    assert "could not be loaded" not in text


def test_a_script_that_fails_is_a_note(tmp_path):
    run = run_folder(tmp_path / "run")
    (run / "script.py").write_text("raise OSError('no such <disk>')")
    text = report([run], trust=True).read_text()
    assert "the networks of run could not be loaded: no such &lt;disk&gt;" in text
