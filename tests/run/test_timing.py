"""How lanes are placed on an accelerator is measured once. A CPU stands in for the accelerator."""

import json
from dataclasses import replace

import optax
import pytest
from support import play, same, script

from jaxgan.data import load
from jaxgan.folder.settings import Settings
from jaxgan.games.toy import bilinear
from jaxgan.rules.alternating import alternating
from jaxgan.run import timing
from jaxgan.run.check import source_of
from jaxgan.run.experiment import Experiment
from jaxgan.run.lane import lanes
from jaxgan.run.regroup import Part, regroup
from jaxgan.run.reopen import reopen

TINY = script("tiny")
SECONDS = timing.seconds
RUN = ("--seeds", "0:2", "--devices", 1)


@pytest.fixture
def measured(tmp_path, monkeypatch):
    """The times that were measured, in turns of two ways, of which the second is the faster."""
    times = []

    def timed(placed):
        times.append(0.002 - 0.001 * (len(times) % 2))
        return times[-1]

    monkeypatch.setattr(timing, "seconds", timed)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("JAX_COMPILATION_CACHE_DIR", "given")  # so that compiled programs stay where they are
    monkeypatch.setattr("jaxgan.run.devices.accelerator", lambda: "One")
    return times


def way(run):
    return json.loads((run / "config.json").read_text())["lanes"]


def test_a_run_takes_the_faster_way_and_keeps_it(measured, tmp_path, monkeypatch, capsys):
    run, given, options = tmp_path / "run", tmp_path / "given", tmp_path / "options.json"
    timed = timing.seconds
    monkeypatch.setattr(timing, "seconds", lambda placed: timed(placed) if SECONDS(placed) > 0 else None)
    assert play(TINY, "--out", run, *RUN, "--steps", 2) == 0
    assert (measured, way(run)) == ([0.002, 0.001], "loop")
    line = "2 lanes on One: an update takes 2 ms side by side, 1 ms in turn; trained in turn\n"
    assert capsys.readouterr().err.count(line) == 1

    config = replace(TINY.Config(), seeds="1:2")  # as a search that goes on with one of the lanes
    regroup([Part(run, [1])], config, TINY.build, source_of(config, None), tmp_path / "one")
    assert way(tmp_path / "one") == "loop"

    assert play(TINY, "--out", given, *RUN, "--steps", 4, "--lanes", "loop") == 0
    assert "lanes on One" not in capsys.readouterr().err
    options.write_text(json.dumps({"out": str(run), "lanes": "auto", "steps": 4}))
    monkeypatch.setattr("jaxgan.run.devices.accelerator", lambda: "Other")
    assert play(TINY, "--resume", run, "--options", options, *RUN) == 0  # as workers of a sweep do
    assert (len(measured), way(run)) == (2, "loop")
    same(reopen(run, lane="seed=1").state, reopen(given, lane="seed=1").state)


def test_times_are_measured_once_for_each_program_and_kind_of_device(measured):
    def chosen(kind, rate=0.1, d_steps=1, **options):
        settings = Settings(devices=1, **{"seeds": "0:2", **options})
        rule = alternating(bilinear(), optax.sgd(rate), optax.sgd(rate), d_steps=d_steps)
        experiment, members = Experiment(rule, load("ring")), lanes(settings)
        return timing.with_faster(settings, experiment, members, lambda _: rule, kind).lanes, len(measured)

    assert chosen("One") == ("loop", 2)
    assert chosen("One", rate=0.2, seeds="5,6") == ("loop", 2)
    assert chosen("Other") == ("loop", 4)
    assert chosen("One", seeds="0:3") == ("loop", 6)
    assert chosen("One", d_steps=2) == ("loop", 8)
    for kind, options in (("", {}), ("New", {"seeds": ""}), ("New", {"lanes": "vmap"})):  # nothing to choose
        assert chosen(kind, **options) == (options.get("lanes", "auto"), 8)


@pytest.mark.parametrize("content", ["", "{}", '{"loop": 1.0}', '{"vmap": "fast"}', "[" * 100_000, "\xff"])
def test_a_damaged_file_of_times_is_measured_again(content, tmp_path):
    path = tmp_path / "times.json"
    path.write_text(content, encoding="latin-1")
    assert timing.remembered(path, lambda: {"vmap": 3.0}) == {"vmap": 3.0}
    assert json.loads(path.read_text()) == {"vmap": 3.0}


def test_a_cache_that_cannot_be_written_is_no_error(tmp_path):
    (tmp_path / "file").touch()
    for path in (tmp_path / "file" / "times.json", tmp_path):
        assert timing.remembered(path, lambda: {"vmap": 3.0}) == {"vmap": 3.0}
