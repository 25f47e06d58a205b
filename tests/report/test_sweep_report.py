"""The page of a sweep: its sections say what they show, and failures are named."""

import re
from itertools import pairwise

import numpy as np
import pytest
from sweep_folders import sweep_folder
from test_page import Page

from jaxgan.cli.inspect import report as command
from jaxgan.errors import Refused
from jaxgan.report import settings
from jaxgan.report.profiles import _strata, best_settings
from jaxgan.report.scale import scale
from jaxgan.report.sweep import report_sweep
from jaxgan.sweep import table as tables
from jaxgan.sweep.cells import draws, log, uniform
from jaxgan.sweep.plan import Pack
from jaxgan.sweep.table import Value

SECTIONS = ["Settings", "Table", "Sensitivity", "Performance profiles", "Learning curves", "Failures"]
SECTIONS += ["Where it comes from"]


def score(cell, step):
    base = {"hinge": 1.0, "wasserstein": 3.0}.get(cell.get("loss"), 2.0) + 10 * cell.get("gamma", 0.0)
    base += abs(np.log10(cell["lr"]) + 3) if "lr" in cell else 0.0
    return {"energy": base + 0.1 * cell["seed"] + (100 - step) / 10, "zeal": 1.0}


def page(home, **options):
    text = report_sweep(home, **options).read_text()
    parsed = Page(text)
    assert all(address.startswith(("#", "data:image/png;base64,")) for address in parsed.refers)
    assert "http" not in text
    assert len(parsed.ids) == len(set(parsed.ids))
    assert re.findall("<h2>(.*?)</h2>", text) == SECTIONS
    return text, parsed.words


@pytest.fixture(scope="module")
def two(tmp_path_factory):
    """Two axes, with cells that halted and a pack that ended by an error."""
    gammas = ({"gamma": 0.0}, {"gamma": 1.0})
    packs = [Pack({"loss": loss}, gammas, (0, 1, 2)) for loss in ("hinge", "wasserstein", "other")]
    home = tmp_path_factory.mktemp("two") / "sweep"

    def halted(cell):
        return (cell["loss"], cell["gamma"]) == ("hinge", 1.0) and cell["seed"] < 2

    return sweep_folder(home, packs, score, halted, lost=(2,), axes="loss=hinge,... gamma=0,1 seed=0:3")


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    cells = draws(50, lr=log(1e-5, 1e-2), gamma=uniform(0, 0.9))
    return sweep_folder(tmp_path_factory.mktemp("drawn") / "sweep", [Pack({}, cells, (0, 1, 2))], score)


def test_the_page_of_two_axes(two, tmp_path):
    text, words = page(two, figures=tmp_path / "figures", baseline="loss=wasserstein,gamma=0.0")
    for said in (
        "✗ Found: unfinished, failed cells.",
        "This page is about energy at the last step of each cell (lower is better). None was named, and this "
        "is the one that hooks measure in most cells. For another, give --metric: d/adv, zeal.",
        "12 of 18 cells are done, 6 failed.",
        "Best. loss=hinge, gamma=0.0: median 1.1, mean 1.1 [0.852, 1.35], of 3 cells. It is the best",
        "8 of 18 cells failed: loss=other-",
        "ValueError: the shapes differ",
        "loss=hinge, gamma=1.0, seed=1",
        "mean of 3 cells; brighter is better; ×: how many of them failed",
        "Against the baseline loss=wasserstein,gamma=0.0",
        "2 cells end before step 100",
        "loss=hinge,... gamma=0,1 seed=0:3",
    ):
        assert said in words, said
    assert "14.4 ×2" in text  # in the map, as text
    names = {path.stem for path in (tmp_path / "figures").iterdir()}
    assert names == {
        *("settings", "map-loss-gamma", "sensitivity-loss", "sensitivity-gamma"),
        *("profiles", "profiles-loss", "profiles-gamma", "learning-curves"),
    }


def test_the_page_of_random_draws(drawn):
    _, words = page(drawn, metric="energy")
    for said in (
        "✓ No fault found.",
        "All 150 cells are done.",
        "No cell failed.",
        "energy by lr and gamma",
        "the best 5 of 50 settings",
        "grey: the medians of 45 other settings",
        "means over 5 ranges of values",
        "All 50 settings",
        "Every cell is done, and none failed.",
    ):
        assert said in words, said
    assert "None was named" not in words


def test_every_cell_is_a_point_and_rows_do_not_overlap(drawn):
    table = tables.table(drawn, metric="energy")
    chart = settings.points(table, settings.metric_scale(table))
    axes = chart.figure.axes[0]
    dots = np.concatenate([np.asarray(points.get_offsets()) for points in axes.collections])
    np.testing.assert_allclose(
        sorted(dots[:, 0]), sorted(cell.value for cells in table.values.values() for cell in cells)
    )
    chart.figure.draw_without_rendering()
    labels = [label.get_window_extent() for label in axes.get_yticklabels()]
    assert len(labels) == 50
    assert all(above.y0 >= below.y1 - 1 for above, below in pairwise(labels))
    assert min(label.x0 for label in labels) >= 0
    medians = [float(np.median(dots[np.abs(dots[:, 1] + n) < 0.4, 0])) for n in range(50)]
    assert medians == sorted(medians)


def test_many_settings_are_the_best_and_the_worst(drawn, monkeypatch):
    monkeypatch.setattr(settings, "SHOWN", 30)
    table = tables.table(drawn, metric="energy")
    chart = settings.points(table, settings.metric_scale(table))
    assert len(chart.figure.axes[0].get_yticks()) == 30
    assert "the 20 best and the 10 worst of 50 settings" in chart.note


def test_long_settings_are_numbered_as_in_the_table():
    long = [tuple((f"option_{n}", f"value_{m}") for n in range(5)) for m in range(3)]
    labels, note = settings._labels(long)
    assert [labels[setting] for setting in long] == ["1", "2", "3"]
    assert note == "rows: the ranks of the table"


def test_few_settings_are_all_drawn_in_their_order(two):
    assert list(best_settings(tables.table(two, metric="energy")))[:2] == [
        "loss=hinge, gamma=0.0",
        "loss=hinge, gamma=1.0",
    ]


def test_settings_of_one_cell_are_one_stratum():
    """Drawn anew within itself, a single cell is always the same, and the band would have no width."""
    cells = [Value({"loss": "a", "lr": lr, "seed": 0}, float(lr), "") for lr in range(20)]
    [apart] = _strata([[cell] for cell in cells])
    assert apart.tolist() == [cell.value for cell in cells]
    assert [len(runs) for runs in _strata([cells[:5], cells[5:]])] == [5, 15]


def test_a_cell_far_off_does_not_dwarf_the_others():
    axis = scale([*np.linspace(1, 2, 50), 1e9, np.nan], share=False)
    assert axis.high < 4
    assert axis.words == "1 beyond the axis, drawn as triangles at its edge, up to 1e9"
    wide = scale(np.geomspace(0.01, 100, 50), share=False)
    assert wide.logarithmic
    assert wide.beyond == ()
    assert wide.share(1.0) == pytest.approx(0.5)
    assert not scale([0.001, 0.5, 1.0], share=True).logarithmic


def test_the_command_takes_a_sweep_alone(two, tmp_path, capsys):
    command((two,), out=tmp_path / "page.html", by="loss")
    assert capsys.readouterr().out == f"{tmp_path / 'page.html'}\n"
    assert "wasserstein" in (tmp_path / "page.html").read_text()
    with pytest.raises(Refused, match="--metric is of the report of one sweep: give its folder alone"):
        command((two, two), metric="energy")
    with pytest.raises(Refused, match=r"no cell of .* has a metric fid; there are d/adv, energy, zeal"):
        command((two,), metric="fid")


def test_where_the_seed_was_split_its_parts_have_their_shares(tmp_path):
    def of_parts(cell, step):
        return {"energy": 5.0 * cell["seed_init"] + 0.1 * cell["seed_init"] * cell["seed_data"] + step / 100}

    parts = tuple({"seed_init": i, "seed_data": d} for i in range(3) for d in range(3))
    home = sweep_folder(tmp_path / "split", [Pack({"loss": "hinge"}, parts, (0,))], of_parts)
    text = report_sweep(home).read_text()
    assert "<h2>Spread over seeds</h2>" in text
    assert "initialisation" in text
    assert "seed_init" not in "".join(re.findall("<h2>Sensitivity.*?<h2>", text, re.DOTALL))
    (row,) = tables.table(home, metric="energy").rows  # the parts of the seed make no setting
    assert row.cells == 9
