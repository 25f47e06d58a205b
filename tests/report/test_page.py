"""The page: one valid HTML file without external references, with the numbers of the run folders."""

import json
import re
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from run_folders import evaluated, logged, run_folder
from support import line

from jaxgan.compare.record import record
from jaxgan.errors import Refused
from jaxgan.metrics.metric import INTERVALS
from jaxgan.pictures.chart import SIZE
from jaxgan.report import charts
from jaxgan.report.curves import curve, panels
from jaxgan.report.film import choose
from jaxgan.report.page import report

SECTIONS = ["Curves", "Samples", "Metrics", "Health", "Memorisation", "Options", "Where it comes from"]
VOID = {"meta", "img", "input", "br", "hr", "link"}
KNOWN = {"html", "head", "meta", "title", "style", "body", "main", "h1", "h2", "h3", "section", "div", "p"}
KNOWN |= {"span", "b", "i", "small", "code", "ul", "li", "details", "summary", "figure", "figcaption", "img"}
KNOWN |= {"table", "thead", "tbody", "tr", "th", "td", "button", "input", "output", "script"}
KNOWN |= {"svg", "defs", "g", "path", "use", "text", "tspan", "clippath", "rect", "image"}


class Page(HTMLParser):
    """Checks that every tag is known and closed in order, and collects ids, references and text."""

    def __init__(self, text):
        super().__init__()
        self.open, self.ids, self.refers, self.text, self.scripts = [], [], [], [], 0
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag, attributes):
        assert tag in KNOWN, tag
        self.scripts += tag == "script"
        for name, value in attributes:
            assert not name.startswith("on"), name
            if name == "id":
                self.ids.append(value)
            if name in ("src", "href", "xlink:href", "srcset", "data"):
                self.refers.append(value)
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.handle_starttag(tag, attributes)
        if tag not in VOID:
            self.handle_endtag(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open[-1:] not in (["style"], ["script"]):
            self.text.append(data)

    @property
    def words(self):
        return " ".join("".join(self.text).split())


def page(*runs, **options):
    """The report of these runs, checked to have no external references."""
    text = report(runs, **options).read_text()
    parsed = Page(text)
    outside = [
        address for address in parsed.refers if not address.startswith(("data:image/png;base64,", "#"))
    ]
    assert not outside
    assert "http" not in text
    assert not re.search(r"url\((?!#)|@import", text)
    assert len(parsed.ids) == len(set(parsed.ids))
    assert parsed.scripts == 1
    assert '<meta name="viewport" content="width=device-width' in text
    return text, parsed


def test_all_sections_of_a_page(tmp_path):
    rows = [{"step": 0, "energy": 5.0, "energy_real": -0.01}, *logged(), {"step": 1000, "energy": 0.0123456}]
    run = run_folder(tmp_path / "run", rows, pictures=range(0, 1001, 250), note="procedural: no reference")
    samples = {"fd_local": 1.23456, "coverage": 0.5, "copies": 0.017}
    evaluated(run, 1000, samples, {"fd_local": 0.25}, floor={"coverage": 0.97}, warnings=["297 are few"])
    text, parsed = page(run)
    assert (run / "report.html").is_file()
    assert re.findall("<h2>(.*?)</h2>", text) == SECTIONS
    for words in (
        "✓ No fault found.✓ good End. Finished: 1,000 of 1,000 steps in 90 s.",
        "– info Score. fd_local 1.23 [1.11, 1.36] at step 1,000, 10,000 samples (lower is better).",
        "Real examples: 0.25 [0.225, 0.275].",
        "procedural: no reference",
        "297 are few",
        "10,000 samples of seed 0, against 297 examples of the test split, extractor local ab12cd34",
        "dotted: real examples, −0.01",
        "commit0123abcd with changes",
        "versionspython 3.11.7, jax 0.10.2",
        "commandpython mine.py",
        "copies 0.017 [0.0153, 0.0187] (fresh draws: 0)",
    ):
        assert words in parsed.words, words
    assert text.count("<img") == 5
    cells = re.findall(r"<t[dh].*?>(.*?)</t[dh]>", text)
    row = cells[cells.index("fd_local ↓") :][:4]
    assert row == ["fd_local ↓", "1.23<small>[1.11, 1.36]</small>", "0.25<small>[0.225, 0.275]</small>", ""]
    assert cells[cells.index("coverage ↑") :][3] == "0.97"


def test_samples_stand_beside_true_answers_and_what_needs_no_gan(tmp_path):
    first = {"step": 0, "l1": 0.5, "l1_of_input": 0.3, "l1_of_nearest_pair": 0.125}
    run = run_folder(tmp_path / "run", [first, *logged(l1=0.1)], pictures=[0, 1000])
    place = evaluated(run, 1000, {"fd_local": 0.5, "l1": 0.1}, {"fd_local": 0.2, "l1": 0.0})
    content = json.loads(place.read_text())
    content["rows"]["nearest_pair"] = {"l1": {"value": 0.125, "low": 0.12, "high": 0.13}}
    place.write_text(json.dumps(content))
    text, parsed = page(run)
    assert "dash-dotted, without a GAN: input 0.3, nearest pair 0.125" in parsed.words
    assert "l1_of_input" not in parsed.words  # has no chart of its own
    cells = re.findall(r"<t[dh](?: .*?)?>(.*?)</t[dh]>", text[text.index("Beside the true answers") :])
    assert cells[:8] == [
        "", "l1 ↓",
        "samples", "0.1<small>[0.09, 0.11]</small>",
        "the true answers", "0",
        "nearest pair", "0.125<small>[0.12, 0.13]</small>",
    ]  # fmt: skip


def test_as_many_samples_as_real_examples_have_a_column(tmp_path):
    run = run_folder(tmp_path / "run", logged())
    place = evaluated(
        run, 1000, {"fd_local": 0.48}, {"fd_local": 0.687}, n=1500, oracle_n=297, neighbours_n=297
    )
    content = json.loads(place.read_text())
    content["rows"]["alike"] = {"fd_local": {"value": 1.6, "low": 1.5, "high": 1.7}}
    place.write_text(json.dumps(content))
    text, parsed = page(run)
    heads = re.findall(r"<th.*?>(.*?)</th>", text)
    assert "real examples<small>297</small>" in heads
    assert "its first<small>297</small>" in heads
    cells = re.findall(r"<t[dh].*?>(.*?)</t[dh]>", text)
    row = cells[cells.index("fd_local ↓") :][:4]
    assert [cell.partition("<")[0] for cell in row] == ["fd_local ↓", "0.48", "1.6", "0.687"]
    assert "neighbours of 297 on either side, real examples by 297" in parsed.words
    assert INTERVALS in parsed.words


def test_the_same_run_makes_the_same_page(tmp_path):
    run = run_folder(tmp_path / "run", logged(), pictures=[0, 100])
    assert page(run, out=tmp_path / "a.html")[0] == page(run, out=tmp_path / "b.html")[0]


EVIL = "<script>alert(1)</script>&\"'`x`"


def test_all_text_from_a_folder_is_escaped(tmp_path):
    rows = [{**row, EVIL: 1.0} for row in logged(4)]
    still, note = {"seed=0": f"stands still: {EVIL}"}, f"note {EVIL}"
    config = {"data": EVIL}
    run = run_folder(
        tmp_path / "<b>&'run", rows, config=config, note=note, ended=f"Bad: {EVIL}", still=still, pictures=[0]
    )
    evaluated(run, 200, {EVIL: 1.0, "copies": 1.0}, {EVIL: 1.0}, warnings=[EVIL], split=EVIL)
    (run / "evaluations" / "<i>.json").write_text("{")
    text, parsed = page(run)
    assert "<script>alert" not in text
    assert "<b>&'run" in parsed.words
    assert parsed.words.count("<script>alert(1)</script>") >= 9


def test_the_section_on_memorisation(tmp_path):
    """It names the lane of each picture, or says why there is nothing."""
    run = run_folder(tmp_path / "run", config={"seeds": "0:2"})
    assert "Nothing was measured of copies: <code>jaxgan evaluate</code> does" in page(run)[0]
    evaluated(run, 9, {"modes": 8.0}, lane="seed=0")
    assert "Nothing was measured of copies: that needs images, some of them held out" in page(run)[0]
    for n in range(2):
        evaluated(run, 9, {"copies": 0.0}, lane=f"seed={n}", pictures={"neighbours": f"{n}.png"})
        Image.new("L", (4, 4)).save(run / "evaluations" / f"{n}.png")
    assert re.findall(r"<figcaption>(seed=\d): Samples", page(run)[0]) == ["seed=0", "seed=1"]


def test_lanes_have_bands_and_films(tmp_path):
    rows = [{**row, "d/adv": [0.5, 0.7, 2.0]} for row in logged()]
    names = [f"seed={n}" for n in range(3)]
    run = run_folder(tmp_path / "run", rows, config={"seeds": "0:3"}, pictures=[0, 50], lanes=names)
    text, parsed = page(run)
    assert "bands reach from the lowest lane to the highest" in parsed.words
    assert text.count('<figure class="film">') == 3
    members = record(run).members
    assert [float(line[-1]) for line in curve(members, "d/adv")] == [1000.0, 0.7, 0.5, 2.0]
    (axes,) = charts.panel_chart(panels(["d/adv"])[0], charts.series([record(run)])).figure.axes
    (band,) = axes.collections
    heights = band.get_paths()[0].vertices[:, 1]
    assert (heights.min(), heights.max()) == (0.5, 2.0)


def test_lanes_of_different_options_are_different_lines(tmp_path):
    rows = [{**row, "d/adv": [1.0, 2.0, 3.0, 4.0]} for row in logged()]
    run = run_folder(tmp_path / "run", rows, config={"seeds": "0:2", "over": ["lr=0.1,0.2"]})
    assert record(run).groups == {"lr=0.1": (0, 1), "lr=0.2": (2, 3)}
    series = charts.series([record(run)])
    lines = charts.panel_chart(panels(["d/adv"])[0], series).figure.axes[0].lines
    assert [float(line.get_ydata()[0]) for line in lines] == [1.5, 3.5]
    assert len({line.get_color() for line in lines}) == 2
    assert "lr=0.1lr=0.2" in page(run)[1].words


def test_several_runs(tmp_path):
    a = run_folder(tmp_path / "a", logged(), pictures=[0])
    b = run_folder(tmp_path / "b", logged(**{"d/adv": 3.0}), config={"lr": 0.5}, pictures=[0])
    twin = run_folder(tmp_path / "other" / "a", logged())
    text, parsed = page(a, b, twin, out=tmp_path / "all.html")
    options = re.search(r"<h2>Options that differ</h2>.*?</table>", text, re.DOTALL)[0]
    assert '<div class="wide" tabindex="0" role="region" aria-label="Options that differ">' in options
    assert re.findall(r'<th scope="col">(.*?)</th>', options)[0] == "option"
    assert re.findall(r'<th scope="row">(.*?)</th>', options) == ["lr"]
    assert re.findall(r"<td>(.*?)</td>", options) == ["0.001", "0.5", "0.001"]
    assert parsed.words.count("✓ good End.") == 3
    assert "other/a" in parsed.words
    for colour in ("--c0", "--c1", "--c2"):
        assert f"stroke: var({colour})" in text


def test_more_series_than_colours_differ_by_dashes(tmp_path):
    seeds = ",".join(map(str, range(9)))
    rows = [{**row, "d/adv": [1.0] * 9, "g/adv": [1.0] * 9} for row in logged()]
    run = run_folder(tmp_path / "run", rows, config={"seeds": "0:1", "over": [f"lr={seeds}"]})
    chart = charts.panel_chart(panels(["d/adv", "g/adv"])[0], charts.series([record(run)]))
    styles = {(line.get_color(), str(line._unscaled_dash_pattern)) for line in chart.figure.axes[0].lines}
    assert len(styles) == 18
    assert len({(colour, str(dash)) for _, colour, dash in chart.key}) == 9
    keys = set(re.findall(r'<i style="(.*?)">', page(run)[0]))
    assert len(keys) == 9
    assert "border-top: .25em dashed var(--c0)" in keys


def test_missing_files_are_listed(tmp_path):
    run = run_folder(tmp_path / "a b" / "run", ended=None)
    (run / "metrics.jsonl").unlink()
    text, parsed = page(run)
    assert re.findall("<h2>(.*?)</h2>", text) == SECTIONS
    for words in (
        "! Found: unfinished, missing or damaged files.",
        "Killed after 0 of 1,000 steps",
        "Nothing was logged yet",
        "There are no pictures",
        f"No evaluation yet, so no intervals: run jaxgan evaluate '{run}'",
        "Nothing was measured of copies",
        "metrics.jsonl is missing or empty",
        "there are no checkpoints",
        "the networks of run could not be loaded",
    ):
        assert words in parsed.words, words


def test_damaged_files_are_listed(tmp_path):
    run = run_folder(tmp_path / "run", logged())
    with (run / "metrics.jsonl").open("a") as file:
        file.write(line({"step": 1050, "d/adv": "what"}) + '{"step": 1100, "kin')
    place = evaluated(run, 1000, {"fd_local": 1.0})
    content = json.loads(place.read_text())
    damaged = [json.dumps(x) for x in ([], {**content, "rows": {}}, {**content, "n": None})]
    for n, text in enumerate(["{", *damaged]):
        place.with_name(f"damaged-{n}.json").write_text(text)
    words = page(run)[1].words
    for n in range(4):
        assert f"evaluations/damaged-{n}.json is damaged" in words
    assert "fd_local" in words


@pytest.mark.parametrize(
    ("file", "text", "words"),
    [
        ("config.json", None, "is not a run folder"),
        ("config.json", "{", "config.json is damaged"),
        ("config.json", '{"seeds": 3}', "config.json is damaged"),
        ("manifest.json", "{", "manifest.json cannot be read"),
        ("manifest.json", "{}", "manifest.json is damaged"),
    ],
)
def test_a_folder_without_a_run_is_refused(file, text, words, tmp_path):
    run = run_folder(tmp_path / "run", logged())
    (run / file).unlink() if text is None else (run / file).write_text(text)
    with pytest.raises(Refused, match=words):
        report([run])
    assert not (run / "report.html").exists()


def test_no_run_and_a_path_that_cannot_be_written_are_refused(tmp_path):
    with pytest.raises(Refused, match="at least one run"):
        report([])
    run = run_folder(tmp_path / "run", logged())
    (tmp_path / "file").touch()
    with pytest.raises(Refused, match="cannot write"):
        report([run], tmp_path / "file" / "page.html")
    for folder in (tmp_path, Path()):
        with pytest.raises(Refused, match="is a folder: give the name of the page"):
            report([run], folder)
    assert not list(tmp_path.parent.glob(f"{tmp_path.name}.tmp"))


def test_without_matplotlib_the_error_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(Refused, match=r"install jaxgan\[report\]"):
        report([run_folder(tmp_path / "run", logged())])


def test_figures_for_papers(tmp_path):
    run = run_folder(tmp_path / "run", logged())
    report([run], tmp_path / "page.html", tmp_path / "figures")
    names = sorted(path.name for path in (tmp_path / "figures").iterdir())
    titles = ["accuracy-of-d", "losses", "norms-of-the-gradients", "update-weight"]
    assert names == sorted(f"{title}.{kind}" for title in titles for kind in ("svg", "png"))
    for path in (tmp_path / "figures").glob("*.png"):
        with Image.open(path) as picture:
            assert picture.width == pytest.approx(200 * SIZE[0], abs=2)
    svg = (tmp_path / "figures" / "losses.svg").read_text()
    assert "var(--" not in svg
    assert ">step</text>" in svg


def test_a_long_film_is_thinned_evenly(tmp_path):
    run = run_folder(tmp_path / "run", pictures=range(0, 5000, 50))
    pictures = record(run).pictures()
    assert [step for step, _ in pictures] == list(range(0, 5000, 50))
    shown = [step for step, _ in choose(pictures)]
    assert (len(shown), shown[0], shown[-1]) == (40, 0, 4950)
    assert set(np.diff(shown)) == {100, 150}
    assert len(choose(pictures, room=1)) == 2


@pytest.mark.slow
def test_a_browser_shows_it_without_an_error(tmp_path):
    browser = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if browser is None:
        pytest.skip("no Chromium is installed to show the page in")

    def shown(path):
        command = [browser, "--headless", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr"]
        command += [f"--user-data-dir={tmp_path / 'browser'}", "--virtual-time-budget=2000", "--dump-dom"]
        command.append(path.as_uri())
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
        return done.stdout, [line for line in done.stderr.splitlines() if "CONSOLE" in line]

    run = run_folder(tmp_path / "run", logged(), pictures=range(0, 1001, 100))
    complete = report([run], tmp_path / "complete.html")
    dom, errors = shown(complete)
    assert not errors
    assert '<figure class="film moving">' in dom
    assert "<output>step 1,000</output>" in dom
    broken = tmp_path / "broken.html"
    broken.write_text(complete.read_text().replace("for (const film of", "for (const film off"))
    assert shown(broken)[1]
