"""`jaxgan evaluate`, and the hook that evaluates during training."""

import json
import shutil
from pathlib import Path
from types import SimpleNamespace

import jax.numpy as jnp
import numpy as np
import pytest
from support import jaxgan, play, script

import jaxgan as jg
from jaxgan.compare.record import record
from jaxgan.data import load
from jaxgan.data.arrays import arrays
from jaxgan.errors import Refused
from jaxgan.evaluate import evaluation, hook, perceptual
from jaxgan.evaluate import panel as panels
from jaxgan.evaluate.extractor import raw
from jaxgan.evaluate.hook import evaluated
from jaxgan.metrics.metric import INTERVALS
from jaxgan.parts.distance import Distance
from jaxgan.run.reopen import reopen
from jaxgan.run.sample import sampler


@pytest.fixture(scope="module")
def ring(tmp_path_factory):
    run = tmp_path_factory.mktemp("ring") / "run"
    assert play(script("tiny"), "--out", run, "--seeds", "0:2", "--steps", 4) == 0
    return run


def read_all(run: Path) -> dict[str, dict]:
    return {path.name: json.loads(path.read_text()) for path in sorted((run / "evaluations").glob("*"))}


def test_every_lane_is_measured_deterministically(ring, monkeypatch, capsys):
    assert jaxgan(monkeypatch, "evaluate", ring, "--n", 300) == 0
    first = read_all(ring)
    assert list(first) == ["4-raw-seed=0-n=300.json", "4-raw-seed=1-n=300.json"]
    content = first["4-raw-seed=0-n=300.json"]
    assert (content["step"], content["lane"], content["n"], content["seed"]) == (4, "seed=0", 300, 0)
    assert (content["split"], content["reference_n"]) == ("drawn anew", 300)
    assert content["extractor"] == {"name": "raw", "digest": "raw", "resizer": "none"}
    assert content["rows"]["oracle"]["modes"]["value"] == content["floor"]["modes"] == 8
    assert content["better"]["reverse_kl"] == "lower"
    numbers = content["rows"]["samples"]
    ends = [(one["low"], one["value"], one["high"]) for one in numbers.values() if one["low"] is not None]
    assert ends
    assert all(low <= value <= high for low, value, high in ends)
    assert numbers != first["4-raw-seed=1-n=300.json"]["rows"]["samples"]
    out = capsys.readouterr().out
    assert "step 4, seed=1: 300 samples of seed 0 against 300 examples (drawn anew)" in out

    assert jaxgan(monkeypatch, "evaluate", ring, "--n", 300) == 0
    assert read_all(ring) == first
    assert jaxgan(monkeypatch, "evaluate", ring, "--n", 300, "--seed", 1, "--lane", "seed=1") == 0
    files = read_all(ring)
    other = files.pop("4-raw-seed=1-n=300-evaluation-seed=1.json")
    assert other["rows"] != first["4-raw-seed=1-n=300.json"]["rows"]
    assert files == first  # earlier evaluations are kept


def test_the_same_evaluation_is_the_same_file(ring, tmp_path, monkeypatch, capsys):
    """Whether its settings are given or the defaults."""
    monkeypatch.setattr(panels, "DEFAULT_N", 300)
    run = shutil.copytree(ring, tmp_path / "run", ignore=shutil.ignore_patterns("evaluations"))
    for options in ((), ("--n", 300), ("--split", "train"), ("--seed", 0), ("--extractor", "raw")):
        assert jaxgan(monkeypatch, "evaluate", run, "--lane", "seed=0", *options) == 0
        result = read_all(run)
        assert list(result) == ["4-raw-seed=0.json"]
        assert result["4-raw-seed=0.json"]["usual"]
    assert jaxgan(monkeypatch, "evaluate", run, "--lane", "seed=0", "--n", 200) == 0
    assert not read_all(run)["4-raw-seed=0-n=200.json"]["usual"]


def test_real_examples_are_compared_with_equally_many_samples(tmp_path, monkeypatch, capsys):
    run = tmp_path / "run"
    assert play(script("pictures"), "--out", run, "--steps", 3) == 0
    capsys.readouterr()
    assert jaxgan(monkeypatch, "evaluate", run, "--extractor", "raw", "--split", "train") == 0
    result, out = read_only(run), capsys.readouterr().out
    assert (result["n"], result["oracle_n"], result["reference_n"]) == (1500, 297, 1500)
    alike, rows = result["rows"]["alike"], result["rows"]
    assert alike.keys() == rows["oracle"].keys()
    assert alike["fd_raw"]["value"] > rows["samples"]["fd_raw"]["value"]  # its bias is higher for fewer
    assert "1500 samples" in out
    assert "the first 297" in out
    assert "oracle, 297" in out
    assert "compare the 297 real examples of the oracle with as many samples, the first" in out
    assert f"in brackets {INTERVALS}\n" in out
    assert jaxgan(monkeypatch, "evaluate", run, "--extractor", "raw") == 0
    result = json.loads((run / "evaluations" / "3-raw.json").read_text())
    assert (result["n"], result["oracle_n"], "alike" in result["rows"]) == (1500, 1500, False)
    assert "precision, recall, density and coverage use 297 examples on each side" in capsys.readouterr().out


def test_images_are_shown_beside_the_nearest_training_examples(tmp_path, monkeypatch):
    run = tmp_path / "run"
    assert play(script("pictures"), "--out", run, "--steps", 3) == 0
    assert jaxgan(monkeypatch, "evaluate", run, "--n", 150, "--extractor", "raw") == 0
    result = read_only(run)
    assert result["note"] == ""
    assert result["pictures"] == {"neighbours": "3-raw-n=150-neighbours.png"}
    assert (run / "evaluations" / "3-raw-n=150-neighbours.png").read_bytes()[1:4] == b"PNG"
    assert "fid" not in result["rows"]["samples"]
    assert "fd_raw" in result["rows"]["samples"]


def test_another_average_has_its_own_numbers_and_file(tmp_path, monkeypatch, capsys):
    run = tmp_path / "run"
    assert play(script("pictures"), "--out", run, "--steps", 3) == 0
    for options in ((), ("--average", "long")):
        assert jaxgan(monkeypatch, "evaluate", run, "--n", 150, "--extractor", "raw", *options) == 0
    assert "150 samples of the average long of seed 0" in capsys.readouterr().out
    first, other = (
        json.loads((run / "evaluations" / f"3-raw-n=150{name}.json").read_text())
        for name in ("", "-average=long")
    )
    assert first["rows"]["samples"]["fd_raw"] != other["rows"]["samples"]["fd_raw"]
    hows = {evaluation.how for evaluation in record(run).evaluations}
    assert len(hows) == 2  # so no table compares them
    assert sum("of the average long" in how for how in hows) == 1


def read_only(run: Path) -> dict:
    (path,) = (run / "evaluations").glob("*.json")
    return json.loads(path.read_text())


def test_invalid_options_are_refused_in_one_line(ring, tmp_path, monkeypatch, capsys):
    assert jaxgan(monkeypatch, "evaluate", tmp_path) == 2
    assert "is not a run folder" in capsys.readouterr().err
    assert jaxgan(monkeypatch, "evaluate", ring, "--extractor", "inception") == 2
    assert "Inception needs its weights: give the file pt_inception" in capsys.readouterr().err
    assert jaxgan(monkeypatch, "evaluate", ring, "--extractor", "local") == 2
    assert "the local extractor is for images, not for examples of shape (2,)" in capsys.readouterr().err
    weights = tmp_path / "weights.pth"
    weights.write_bytes(b"something else")
    assert jaxgan(monkeypatch, "evaluate", ring, "--weights", weights, "--extractor", "inception") == 2
    assert "its sha256 is" in capsys.readouterr().err
    for options in (
        ("--weights", weights),
        ("--resizer", "tf1"),
        ("--weights", weights, "--extractor", "raw"),
    ):
        assert jaxgan(monkeypatch, "evaluate", ring, *options) == 2
        message = f"error: {options[0]} is for the Inception extractor, which is not used here: leave it out"
        assert message in capsys.readouterr().err


def test_lpips_compares_pictures_with_their_true_answers(ring, tmp_path, monkeypatch, capsys):
    """By a distance that stands in for its networks, whose weights come with an extra."""

    def lpips(net, shape):
        assert (net, shape) == ("alexnet", (8, 8, 1))
        return Distance("lpips_alexnet_x4", lambda w, x, y: jnp.square(x - y).mean((1, 2, 3)))

    monkeypatch.setattr(perceptual, "lpips_of", lpips)
    run = tmp_path / "run"
    assert play(script("translated"), "--out", run) == 0
    for options in ((), ("--lpips", "alexnet")):
        assert jaxgan(monkeypatch, "evaluate", run, "--extractor", "raw", *options) == 0
    files = {path.name: json.loads(path.read_text()) for path in (run / "evaluations").glob("*.json")}
    plain, judged = (files[f"2-raw{name}.json"] for name in ("", "-lpips=alexnet"))
    rows = judged["rows"]
    assert judged["better"]["lpips_alexnet_x4"] == "lower"
    assert rows["oracle"]["lpips_alexnet_x4"]["value"] == 0
    assert 0 < rows["nearest_pair"]["lpips_alexnet_x4"]["value"] < rows["mean_picture"]["psnr"]["value"]
    rest = {row: {n: x for n, x in of.items() if not n.startswith("lpips")} for row, of in rows.items()}
    assert rest == plain["rows"]
    assert "lpips_alexnet_x4 (lower)" in capsys.readouterr().out
    assert len({evaluation.how for evaluation in record(run).evaluations}) == 2
    assert jaxgan(monkeypatch, "evaluate", ring, "--lpips", "vgg16") == 2
    assert "error: --lpips compares pictures with the true answers" in capsys.readouterr().err
    for given in ((), ("label",)):  # pictures that are made from nothing
        of_labels = load("digits"), evaluation.Options(lpips="vgg16"), SimpleNamespace(given=given)
        with pytest.raises(Refused, match="from nothing else than latents or labels"):
            evaluation._distances(*of_labels)


def moments(run, monkeypatch, times):
    """A function that makes moments of one run, while the clock shows these times."""
    again = reopen(run, lane="seed=0")
    draw = sampler(again.experiment.game, again.experiment.source)
    clock = iter(times)
    monkeypatch.setattr(hook.time, "perf_counter", lambda: next(clock))
    return lambda step, **more: jg.Moment(step, again.state, again.experiment.game, draw, **more)


def test_the_hook_and_the_command_give_the_same_numbers(ring, monkeypatch):
    assert jaxgan(monkeypatch, "evaluate", ring, "--n", 200, "--seed", 3, "--lane", "seed=0") == 0
    command = read_all(ring)["4-raw-seed=0-n=200-evaluation-seed=3.json"]["rows"]["samples"]
    at = moments(ring, monkeypatch, range(100))
    noted = []
    numbers = evaluated(load("ring"), raw, n=200, seed=3)(at(4, note=lambda *facts: noted.append(facts)))
    assert numbers == {name: one["value"] for name, one in command.items()}
    assert noted[0][1]["names"] == list(numbers)


def test_the_hook_takes_no_more_than_its_share_of_the_time(ring, monkeypatch):
    # set up at 0; measured from 0 to 10; skipped at 20, since 10 more would exceed the share; measured at 120
    # and at the last step
    at = moments(ring, monkeypatch, [0, 0, 10, 20, 120, 130, 131, 141])
    call = evaluated(load("ring"), raw, n=50, share=0.2)
    assert call(at(0))
    assert call(at(1)) == {}
    assert call(at(2))
    assert call(at(3, last=True))


def test_the_hook_measures_every_lane_or_none(ring, monkeypatch):
    # measuring both lanes takes 40; on its own the second lane would be measured at 800
    at = moments(ring, monkeypatch, [0, 0, 20, 21, 41, 390, 400, 403, 405, 408, 420, 800])
    call = evaluated(load("ring"), raw, n=50, share=0.2)
    assert [bool(call(at(0, lane=lane))) for lane in "ab"] == [True, True]
    assert not call(at(1, lane="a"))
    assert [bool(call(at(2, lane=lane))) for lane in "ab"] == [True, True]
    assert [bool(call(at(3, lane=lane))) for lane in "ab"] == [False, False]


def test_the_hook_notes_how_it_measured(ring, monkeypatch):
    noted = []
    at = moments(ring, monkeypatch, range(100))
    call = evaluated(arrays(np.zeros((2, 2))), raw, n=50, seed=3)
    for step in (0, 4):
        call(at(step, note=lambda *facts: noted.append(facts), last=True))
    ((name, facts),) = noted
    assert name == "evaluated by raw"
    assert (facts["n"], facts["seed"], facts["split"]) == (50, 3, "train")
    assert any("training examples (nothing is held out)" in line for line in facts["warnings"])
    assert any("not measured: " in line for line in facts["warnings"])


def test_samples_that_are_not_finite_stop_their_lane_only(ring, monkeypatch):
    at = moments(ring, monkeypatch, range(100))
    with pytest.raises(jg.Stop, match="samples from number 0 on hold NaN"):
        evaluated(load("ring"), raw, n=50)(at(0)._replace(sample=lambda *_: np.full((50, 2), np.nan)))


def test_a_note_explains_real_scores_below_0():
    content = {"step": 9, "lane": "", "n": 9, "seed": 0, "split": "test", "reference_n": 9, "oracle_n": 9}
    content |= {"extractor": {"name": "raw", "digest": "raw", "resizer": "none"}, "note": "", "warnings": []}
    content |= {"floor": {}, "better": {}}
    for high, noted in ((-0.1, True), (0.1, False), (None, False)):
        oracle = {"kd_raw": {"value": -0.2, "low": -0.3, "high": high}}
        words = evaluation.table({**content, "rows": {"samples": oracle, "oracle": oracle}})
        assert ("kd_raw: unbiased, so below 0 if" in words) == noted


def test_a_lane_that_cannot_be_evaluated_does_not_stop_the_others(ring, monkeypatch, capsys):
    before = set(read_all(ring))
    make, calls = evaluation.panel, []

    def broken(*args, **options):
        made = make(*args, **options)

        def fail_first(draw, **options):
            calls.append(1)
            if len(calls) == 1:
                raise Refused("7 of 40 samples hold NaN")
            return made.measure(draw, **options)

        return made._replace(measure=fail_first)

    monkeypatch.setattr(evaluation, "panel", broken)
    assert jaxgan(monkeypatch, "evaluate", ring, "--n", 40) == 0
    assert "warning: seed=0 was not evaluated at step 4: 7 of 40 samples hold NaN" in capsys.readouterr().err
    assert set(read_all(ring)) - before == {"4-raw-seed=1-n=40.json"}


def test_a_failure_is_reported_once(ring, monkeypatch, capsys):
    make = evaluation.panel

    def broken(*args, **options):
        def refuse(draw, **options):
            raise Refused("40 of 40 samples hold NaN")

        return make(*args, **options)._replace(measure=refuse)

    monkeypatch.setattr(evaluation, "panel", broken)
    assert jaxgan(monkeypatch, "evaluate", ring, "--n", 40, "--lane", "seed=0") == 2
    err = capsys.readouterr().err
    assert err.count("40 of 40 samples hold NaN") == 1
    assert "error: seed=0 was not evaluated at step 4: 40 of 40 samples hold NaN" in err
    assert jaxgan(monkeypatch, "evaluate", ring, "--n", 40) == 2
    err = capsys.readouterr().err
    assert err.count("warning: seed=") == err.count("40 of 40 samples hold NaN") == 2
    assert "error: none of the 2 lanes" in err


def test_options_are_checked_before_the_run_is_read(tmp_path, monkeypatch, capsys):
    for options, message in (
        (("--n", -5), "at least two samples, not -5"),
        (("--weights", tmp_path / "none"), "no file"),
        (("--seed", 2**32), "--seed must be from 0 to 4294967295, not 4294967296"),
        (("--seed", -1), "--seed must be from 0 to 4294967295, not -1"),
    ):
        assert jaxgan(monkeypatch, "evaluate", tmp_path, *options) == 2
        assert message in capsys.readouterr().err


def test_numbers_are_printed_even_if_they_cannot_be_written(ring, monkeypatch, capsys):
    def full(*_):
        raise OSError("No space left on device")

    monkeypatch.setattr(evaluation.files, "write", full)
    assert jaxgan(monkeypatch, "evaluate", ring, "--n", 30, "--lane", "seed=0") == 2
    out, err = capsys.readouterr()
    assert "high_quality" in out
    assert "cannot write" in err
