"""`jg.fit` makes the same run as a script; without a folder it leaves no files."""

import json
import threading
from pathlib import Path

import jax
import numpy as np
import pytest
from support import experiment, jaxgan, same

import jaxgan as jg
from jaxgan.folder import codec
from jaxgan.folder.create import create
from jaxgan.folder.folder import find_folder
from jaxgan.folder.manifest import OLD_FORMAT
from jaxgan.folder.settings import Settings
from jaxgan.games.toy import bilinear
from jaxgan.run.run import Run

QUIET = {"batch_size": 8, "log_every": 2, "bar": False}


@pytest.fixture(scope="module")
def ring() -> jg.Experiment:
    return experiment()


@pytest.fixture(scope="module")
def uninterrupted(ring: jg.Experiment) -> jg.Fitted:
    return jg.fit(ring, 6, **QUIET)


def test_without_a_folder_nothing_is_written(
    ring: jg.Experiment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    steps: list[int] = []
    hooked = ring._replace(hooks=[jg.Hook(2, lambda moment: steps.append(moment.step) or {"calls": 1.0})])
    fitted = jg.fit(hooked, 4, batch_size=8, log_every=2)
    assert not list(tmp_path.iterdir())
    assert steps == [0, 2, 4]
    assert int(fitted.state.step) == 4
    assert "step 2/4" in capsys.readouterr().err  # lines, because this is no terminal


def test_a_run_equals_its_updates_written_out(ring: jg.Experiment, uninterrupted: jg.Fitted) -> None:
    rule, source, key = ring.rule, ring.source, jax.random.key(0)
    layout = (rule.batches, 1, 8)
    state = jax.jit(rule.init)(key, jg.data.batch(source, layout, source.arrays, key, 0))
    update = jax.jit(rule.update)
    for step in range(6):
        state, _ = update(state, jg.data.batch(source, layout, source.arrays, key, step))
    for expected, run in zip(jax.tree.leaves(state.g), jax.tree.leaves(uninterrupted.state.g), strict=True):
        np.testing.assert_allclose(expected, run, atol=1e-5)


def test_with_a_folder_the_run_is_the_same_and_resumes_bit_for_bit(
    ring: jg.Experiment, uninterrupted: jg.Fitted, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    jg.fit(ring, 4, out=out, **QUIET)
    again = jg.fit(ring, 6, out=out, **QUIET)
    same(again.state, uninterrupted.state)
    third = jg.fit(ring, 6, out=out, **QUIET)
    same(third.state, uninterrupted.state)
    assert len(json.loads((out / "manifest.json").read_text())["sessions"]) == 2  # none of the third call
    assert (out / "samples" / "step_000006.png").is_file()
    with pytest.raises(jg.Refused, match=r"has made 6 steps already: ask for at least as many"):
        jg.fit(ring, 5, out=out, **QUIET)
    with pytest.raises(jg.Refused, match=r"was started with other options: seed 0 -> 1"):
        jg.fit(ring, 8, out=out, seed=1, **QUIET)


def test_commands_that_need_a_script_refuse_the_folder(
    ring: jg.Experiment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "run"
    jg.fit(ring, 2, out=out, **QUIET)
    assert jaxgan(monkeypatch, "info", out) == 0
    assert "none: made by jg.fit" in capsys.readouterr().out
    for command in ("resume", "sample", "evaluate", "export"):
        assert jaxgan(monkeypatch, command, out) == 2
        [line] = capsys.readouterr().err.splitlines()
        assert "made by jg.fit, which keeps no script: the same call, with" in line


def test_a_stop_rule_and_what_is_not_finite_end_the_run(ring: jg.Experiment) -> None:
    stopped = jg.fit(
        ring._replace(
            hooks=[jg.Hook(1, lambda moment: {"x": float(moment.step)})], stops=[jg.reached("x", at_least=3)]
        ),
        9,
        **QUIET,
    )
    assert int(stopped.state.step) == 3
    import optax

    wild = jg.alternating(bilinear(start=1e30), optax.sgd(1e30), optax.sgd(1e30))
    with pytest.raises(jg.NotFinite, match=r'step 0: .* is (-?inf|nan).*; on_nan="skip" discards'):
        jg.fit(jg.Experiment(wild, ring.source), 4, **QUIET)


def test_samples_and_measures_of_the_result(ring: jg.Experiment, uninterrupted: jg.Fitted) -> None:
    five = jg.sample(ring, uninterrupted, n=5, seed=1)
    np.testing.assert_array_equal(five, jg.sample(ring, uninterrupted.state, n=9, seed=1)[:5])
    numbers = jg.measure(ring, uninterrupted, n=200)
    assert numbers["modes"].value <= 8
    assert numbers == jg.measure(ring, uninterrupted, n=200)


def test_fit_can_be_called_in_any_thread(ring: jg.Experiment, tmp_path: Path) -> None:
    states: list[jg.State] = []
    thread = threading.Thread(
        target=lambda: states.append(jg.fit(ring, 2, out=tmp_path / "run", **QUIET).state)
    )
    thread.start()
    thread.join()
    assert int(states[0].step) == 2


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"steps": -1}, "steps must be at least 0"),
        ({"on_nan": "restore"}, 'on_nan must be "stop" or "skip" in jg.fit'),
        ({"batch_size": 0}, "batch-size must be at least 1"),
    ],
)
def test_invalid_arguments_are_refused(ring: jg.Experiment, options: dict, message: str) -> None:
    with pytest.raises(jg.Refused, match=message):
        jg.fit(ring, **{"steps": 2, "bar": False, **options})
    with pytest.raises(jg.Refused, match=r"expected a jg\.Experiment"):
        jg.fit(ring.rule, 2)  # type: ignore[arg-type]


def test_the_run_of_a_script_is_refused(ring: jg.Experiment, tmp_path: Path) -> None:
    from support import play, script

    assert play(script("tiny"), "--out", tmp_path / "run", "--steps", 1) == 0
    with pytest.raises(jg.Refused, match="is the run of a script: go on with `jaxgan resume"):
        jg.fit(ring, 2, out=tmp_path / "run", **QUIET)


def test_train_takes_a_run_as_one_value(ring: jg.Experiment, tmp_path: Path) -> None:
    run = Run(ring, Settings(steps=2, batch_size=8, log_every=1), bar=False)
    assert len(jg.train(run).history) == 2
    with pytest.raises(jg.Refused, match="not a run folder"):
        find_folder(tmp_path)


@pytest.mark.parametrize("command", ["resume", "sample", "info", "report", "compare", "evaluate", "export"])
def test_a_folder_of_an_older_jaxgan_is_refused_in_one_line(
    command: str,
    ring: jg.Experiment,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    place = find_folder(new_folder(tmp_path / "old"))
    manifest = json.loads(place.manifest.read_text())
    place.manifest.write_text(json.dumps({name: x for name, x in manifest.items() if name != "format"}))
    more = [new_folder(tmp_path / "new")] if command == "compare" else []
    assert jaxgan(monkeypatch, command, place.path, *more) == 2
    [line] = capsys.readouterr().err.splitlines()
    assert line == f"error: {place.path} {OLD_FORMAT}"
    with pytest.raises(jg.Refused, match="was made by an older jaxgan"):
        jg.fit(ring, 2, out=place.path, **QUIET)


def new_folder(path: Path) -> Path:
    """Creates a run folder without any steps."""
    return create(path, None, codec.dumps(Settings()), 0, {"fingerprint": "", "note": ""}).path
