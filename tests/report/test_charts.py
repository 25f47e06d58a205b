"""Charts: what is drawn of the numbers, how it is told apart, and what is left out."""

import numpy as np
from run_folders import evaluated, logged, run_folder

from jaxgan.compare.record import record, records
from jaxgan.folder.rows import Row
from jaxgan.pictures.chart import files, svg
from jaxgan.report import charts
from jaxgan.report.curves import curve, cut, kept, names, panels


def test_a_long_key_takes_nothing_of_a_figure_for_papers(tmp_path):
    rows = [{**row, "d/adv": [float(n) for n in range(14)]} for row in logged()]
    over = ["learning_rate=" + ",".join(str(n / 100) for n in range(1, 15))]
    run = run_folder(tmp_path / "run", rows, config={"learning_rate": 0.1, "over": over})
    chart = charts.panel(panels(["d/adv"])[0], charts.series([record(run)]))
    assert files([chart])
    chart.figure.draw_without_rendering()
    (axes,) = chart.figure.axes
    assert axes.get_window_extent().height / chart.figure.dpi > 1.5  # inches
    assert chart.figure.get_suptitle() == chart.title


def test_what_real_examples_score_is_drawn_where_all_agree(tmp_path):
    def drawn(name, *real):
        runs = []
        for n, x in enumerate(real):
            own = {"energy": 5.0} if x is None else {"energy": 5.0, "energy_real": x}
            rows = [{"step": step, **own} for step in (0, 9)]
            runs.append(run_folder(tmp_path / name / str(n), rows))
            evaluated(runs[-1], 9, {"energy": 5.0}, {"energy": 3.0}, n=100)
        return charts.panel(panels(["energy"])[0], charts.series(records(runs))).note

    assert drawn("alike", 0.1, None, 0.1) == "dotted: real examples, 0.1"
    assert drawn("unlike", 0.1, 0.2) == drawn("none", None) == ""


def test_lanes_that_stand_still_are_missed(tmp_path):
    rows = [{**row, "d/adv": [0.5, None if row["step"] > 500 else 0.7, 2.0]} for row in logged()]
    run = run_folder(tmp_path / "run", rows, config={"seeds": "0:3"})
    note = charts.panel(panels(["d/adv"])[0], charts.series([record(run)])).note
    assert note == "after step 500 of 2 of 3 lanes"


def test_every_dash_is_in_the_legend_whichever_run_has_it(tmp_path):
    """The first has no penalty, the second one, the third both."""
    own = [{}, {"d/r1": 0.1}, {"d/r1": 0.1, "d/r2": 0.2}]
    runs = [run_folder(tmp_path / str(n), logged(**more)) for n, more in enumerate(own)]
    chart = charts.panel(panels(["d/r1", "d/r2"])[0], charts.series(records(runs)))
    assert [text.get_text() for text in chart.figure.axes[0].get_legend().get_texts()] == ["d/r1", "d/r2"]


def test_a_long_curve_keeps_its_spikes():
    random = np.random.default_rng(0)
    for size in (501, 5_000, 123_456):
        y = random.normal(size=size)
        y[size // 3], y[size // 2] = 50.0, -50.0
        y[size // 4 : size // 4 + size // 20] = np.nan
        places = kept(y)
        assert len(places) <= 500
        assert (np.diff(places) > 0).all()
        assert (places[0], places[-1]) == (0, size - 1)
        assert (np.nanmin(y[places]), np.nanmax(y[places])) == (-50.0, 50.0)
        assert np.isnan(y[places]).any()


def test_the_axis_is_cut_only_where_the_beginning_dwarfs_the_rest():
    def falling(first, count=20):
        rows = [Row(n, "measured", {"x": first if n == 0 else 1 + n / count}) for n in range(count)]
        return curve([rows], "x")

    assert cut([falling(100.0)]) is not None
    assert cut([falling(3.0)]) is None
    assert cut([falling(100.0, count=3)]) is None  # two later points tell no range
    exploding = [
        Row(n, "measured", {"x": -(10.0**n)}) for n in range(10)
    ]  # and ended before a tenth of the other
    assert cut([falling(1.0, count=200), curve([exploding], "x")]) is None


def test_every_number_is_in_one_panel(tmp_path):
    run = run_folder(tmp_path / "run", [*logged(**{"d/spectral/a": 1.0, "d/spectral/b": 2.0, "new": 1.0})])
    found = names(record(run).members)
    shown = [name for panel in panels(found) for name in panel.names]
    assert sorted(shown) == sorted(set(found) - {"images_per_s"})


def test_a_number_may_begin_with_a_digit(tmp_path):
    rows = [{**row, "1nn_accuracy": 0.5} for row in logged()]
    chart = charts.panel(
        panels(["1nn_accuracy"])[0], charts.series([record(run_folder(tmp_path / "run", rows))])
    )
    assert f'id="{chart.name}-' in svg(chart)
