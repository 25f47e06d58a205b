"""The table of a sweep: its statistics are SciPy's, and what is asked for wrongly is named."""

import numpy as np
import pytest
from run_folders import run_folder
from scipy import stats

from jaxgan.compare import statistics
from jaxgan.errors import Refused
from jaxgan.sweep import folder
from jaxgan.sweep import table as tables
from jaxgan.sweep.folder import Paths, Planned, Sweep
from jaxgan.sweep.plan import Pack
from jaxgan.sweep.table import Value, _rows


def cells(loss, values, failed=()):
    return [
        Value({"loss": loss, "seed": seed}, float(x), "not finite" if seed in failed else "")
        for seed, x in enumerate(values)
    ]


@pytest.fixture
def values():
    draws = np.random.default_rng(0).normal(size=(2, 8))
    a, b = 1 + draws[0], 0.2 + 0.9 * draws[0] + 0.1 * draws[1]
    return a, b, {(("loss", "a"),): cells("a", a), (("loss", "b"),): cells("b", b, failed=(3,))}


def test_a_row_is_what_scipy_says(values):
    a, b, groups = values
    base, row = _rows(groups, (("loss", "a"),), "lower")
    assert base.difference is None
    assert row.mean.value == pytest.approx(b.mean(), abs=1e-12)
    ends = stats.t.interval(0.95, 7, b.mean(), stats.sem(b))
    assert [row.mean.low, row.mean.high] == pytest.approx(ends, abs=1e-10)
    assert row.median == pytest.approx(np.median(b))
    assert row.iqm == pytest.approx(np.sort(b)[2:6].mean())
    assert list(row.failed) == pytest.approx([1 / 8, *stats.binomtest(1, 8).proportion_ci()], abs=1e-9)
    test = stats.ttest_rel(b, a)
    assert row.difference.paired
    assert row.difference.p == pytest.approx(test.pvalue, rel=1e-9)
    assert row.p == row.difference.p  # a single comparison
    wins = stats.mannwhitneyu(a, b).statistic / 64  # of b being lower
    assert row.improves == pytest.approx(wins)


def test_cells_without_a_partner_are_compared_by_welch(values):
    a, b, groups = values
    late = [cell._replace(options={**cell.options, "seed": 100 + n}) for n, cell in enumerate(cells("b", b))]
    row = _rows({**groups, (("loss", "b"),): late}, (("loss", "a"),), "lower")[1]
    assert not row.difference.paired
    assert row.difference.p == pytest.approx(stats.ttest_ind(b, a, equal_var=False).pvalue, rel=1e-9)


def test_pooled_options_pair_by_seed_and_by_what_both_groups_vary():
    groups = {
        (("loss", loss),): [
            Value({"loss": loss, "lr": lr, "seed": seed}, float(add + 10 * lr + seed**2), "")
            for lr in (1, 2)
            for seed in range(3)
        ]
        for loss, add in (("a", 0), ("b", 0.5))
    }
    row = _rows(groups, (("loss", "a"),), None)[1]
    assert row.difference.paired
    assert row.difference.seeds == 6
    assert row.difference.interval.value == pytest.approx(0.5)


def test_false_alarms_come_at_their_level(monkeypatch):
    """Four settings like the baseline, 1,000 times: at most one table in twenty has a p below 0.05."""
    monkeypatch.setattr(statistics, "_sign_flip_p", lambda differences: 1.0)  # these two are slow
    monkeypatch.setattr(tables, "proportion", lambda count, n: None)
    draws, alarms = np.random.default_rng(1), 0
    for _ in range(1000):
        groups = {(("loss", name),): cells(name, draws.normal(size=6)) for name in "abcde"}
        alarms += any(row.p < 0.05 for row in _rows(groups, (("loss", "a"),), "lower") if row.p is not None)
    assert alarms / 1000 < 0.05 + 3 * np.sqrt(0.05 * 0.95 / 1000)


def test_formats(values):
    *_, groups = values
    table = tables.Table("kl", "lower", _rows(groups, (("loss", "a"),), "lower"), groups)
    assert tables.markdown(table).splitlines()[1].startswith("| --- |")
    assert r"95 \%" in tables.latex(table)
    assert "loss=b" in tables.text(table).splitlines()[2]


@pytest.mark.parametrize(
    ("asked", "line"),
    [
        ({"metric": "fid"}, "no cell of .* has a metric fid; there are energy, modes"),
        ({"metric": ""}, "say which metric, by --metric: energy, modes"),
        ({"metric": "modes", "by": ["gamma"]}, "--by gamma: the axes of .* are width"),
        (
            {"metric": "modes", "baseline": "width=7"},
            "--baseline width=7 is none of the settings: width=4; width=8",
        ),
    ],
)
def test_what_is_asked_for_wrongly_is_named(asked, line, measured):
    with pytest.raises(Refused, match=line):
        tables.table(measured, **asked)


def test_a_real_sweep_has_a_table(measured):
    table = tables.table(measured, metric="energy", baseline="width=4")
    assert [row.setting for row in table.rows] == [{"width": 4}, {"width": 8}]
    assert [row.cells for row in table.rows] == [2, 2]
    assert table.better == "lower"
    assert table.rows[1].difference.paired


@pytest.fixture(scope="module")
def measured(tmp_path_factory):
    """A sweep of run folders as they would be left by workers: two widths, two seeds."""
    home = tmp_path_factory.mktemp("sweep")
    packs = [Pack({"width": width}, ({},), (0, 1)) for width in (4, 8)]
    planned = [
        Planned(name=p.name, program=p.program, shared=dict(p.shared), values=[{}], seeds=[0, 1])
        for p in packs
    ]
    folder.save(home, Sweep(script="s.py", files={}, options={"steps": 100}, packs=planned))
    for pack in planned:
        width = pack.shared["width"]
        rows = [
            {"step": step, "energy": [width + 1.0, width + 2.0], "modes": [1.0, 2.0]} for step in (0, 100)
        ]
        config = {"seeds": "0:2", "width": width, "steps": 100}
        run_folder(Paths(home).run(pack.name), rows, config=config)
    return home
