"""Charts of logged numbers: which series and points are drawn, and how they are distinguished."""

import numpy as np
from run_folders import evaluated, logged, run_folder

from jaxgan.compare.record import record, records
from jaxgan.folder.rows import Row
from jaxgan.pictures.chart import Chart, chart_style, files, new_axes, svg
from jaxgan.report import charts
from jaxgan.report.curves import axis_limits, curve, names, panels, thin


def test_a_long_legend_does_not_shrink_the_axes_of_a_figure_for_papers(tmp_path):
    rows = [{**row, "d/adv": [float(n) for n in range(14)]} for row in logged()]
    over = ["learning_rate=" + ",".join(str(n / 100) for n in range(1, 15))]
    run = run_folder(tmp_path / "run", rows, config={"learning_rate": 0.1, "over": over})
    chart = charts.panel_chart(panels(["d/adv"])[0], charts.series([record(run)]))
    assert files([chart])
    chart.figure.draw_without_rendering()
    (axes,) = chart.figure.axes
    assert axes.get_window_extent().height / chart.figure.dpi > 1.5  # inches
    assert chart.figure.get_suptitle() == chart.title


def test_the_score_of_real_examples_is_drawn_where_all_agree(tmp_path):
    def note(name, *real):
        runs = []
        for n, x in enumerate(real):
            numbers = {"energy": 5.0} if x is None else {"energy": 5.0, "energy_real": x}
            rows = [{"step": step, **numbers} for step in (0, 9)]
            runs.append(run_folder(tmp_path / name / str(n), rows))
            evaluated(runs[-1], 9, {"energy": 5.0}, {"energy": 3.0}, n=100)
        return charts.panel_chart(panels(["energy"])[0], charts.series(records(runs))).note

    assert note("alike", 0.1, None, 0.1) == "dotted: real examples, 0.1"
    assert note("unlike", 0.1, 0.2) == note("none", None) == ""


def test_a_note_says_where_lanes_end(tmp_path):
    rows = [{**row, "d/adv": [0.5, None if row["step"] > 500 else 0.7, 2.0]} for row in logged()]
    run = run_folder(tmp_path / "run", rows, config={"seeds": "0:3"})
    note = charts.panel_chart(panels(["d/adv"])[0], charts.series([record(run)])).note
    assert note == "after step 500 of 2 of 3 lanes"


def test_every_dash_is_in_the_legend_whichever_run_has_it(tmp_path):
    """The first has no penalty, the second one, the third both."""
    penalties = [{}, {"d/r1": 0.1}, {"d/r1": 0.1, "d/r2": 0.2}]
    runs = [run_folder(tmp_path / str(n), logged(**more)) for n, more in enumerate(penalties)]
    chart = charts.panel_chart(panels(["d/r1", "d/r2"])[0], charts.series(records(runs)))
    assert [text.get_text() for text in chart.figure.axes[0].get_legend().get_texts()] == ["d/r1", "d/r2"]


def test_a_long_curve_keeps_its_spikes():
    random = np.random.default_rng(0)
    for size in (501, 5_000, 123_456):
        y = random.normal(size=size)
        y[size // 3], y[size // 2] = 50.0, -50.0
        y[size // 4 : size // 4 + size // 20] = np.nan
        places = thin(y)
        assert len(places) <= 500
        assert (np.diff(places) > 0).all()
        assert (places[0], places[-1]) == (0, size - 1)
        assert (np.nanmin(y[places]), np.nanmax(y[places])) == (-50.0, 50.0)
        assert np.isnan(y[places]).any()


def test_the_axis_is_cut_only_where_the_beginning_dwarfs_the_rest():
    def falling(first, count=20):
        rows = [Row(n, "measured", {"x": first if n == 0 else 1 + n / count}) for n in range(count)]
        return curve([rows], "x")

    assert axis_limits([falling(100.0)]) is not None
    assert axis_limits([falling(3.0)]) is None
    assert axis_limits([falling(100.0, count=3)]) is None  # two later points are no range
    # ended before a tenth of the other
    exploding = [Row(n, "measured", {"x": -(10.0**n)}) for n in range(10)]
    assert axis_limits([falling(1.0, count=200), curve([exploding], "x")]) is None


def test_every_number_is_in_one_panel(tmp_path):
    run = run_folder(tmp_path / "run", [*logged(**{"d/spectral/a": 1.0, "d/spectral/b": 2.0, "new": 1.0})])
    logged_names = names(record(run).members)
    shown = [name for panel in panels(logged_names) for name in panel.names]
    assert sorted(shown) == sorted(set(logged_names) - {"images_per_s"})


def test_text_that_looks_like_svg_is_unchanged_in_a_page():
    label = 'id="a" href="#b" url(#c) font-family: x; #0072b2'
    with chart_style():
        figure, axes = new_axes()
        axes.set_xlabel(label)
    text = svg(Chart("losses", "Losses", figure))
    assert f">{label}</text>" in text
    assert 'id="losses-figure_1"' in text
    assert "font-family: '" not in text


def test_a_number_may_begin_with_a_digit(tmp_path):
    rows = [{**row, "1nn_accuracy": 0.5} for row in logged()]
    chart = charts.panel_chart(
        panels(["1nn_accuracy"])[0], charts.series([record(run_folder(tmp_path / "run", rows))])
    )
    assert f'id="{chart.name}-' in svg(chart)
