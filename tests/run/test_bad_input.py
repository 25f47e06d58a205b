"""Bad input is refused in one line with a status other than 0, and nothing is lost."""

import json
import re
import shutil
import sys
from pathlib import Path

import numpy as np
import optax
import pytest
from support import SCRIPTS, ended, final, jaxgan, play, rows, same, script, start, steps

import jaxgan as jg
from jaxgan.compare.record import record
from jaxgan.folder.folder import find_folder
from jaxgan.folder.manifest import read_manifest

TINY = script("tiny")
PATH = SCRIPTS / "tiny.py"


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A run of 8 steps that tests must not change; `copy` is a copy of it."""
    run = tmp_path_factory.mktemp("runs") / "finished"
    assert play(TINY, "--out", run, "--keep", 9) == 0
    return run


@pytest.fixture
def copy(finished, tmp_path):
    return Path(shutil.copytree(finished, tmp_path / "copy"))


def contents(folder):
    files = [path for path in folder.rglob("*") if path.is_file() and path.name != ".lock"]
    return {path.relative_to(folder): path.read_bytes() for path in files}


def refused(capsys, *args):
    """Returns the one line with which a command line is refused."""
    assert play(TINY, *args) == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1, lines
    assert lines[0].startswith("error: ")
    return lines[0]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--stesp", "3"], "Perhaps you meant:.*--steps"),
        (["--steps", "ten"], "--steps.*'ten'"),
        (["--on-nan", "ignore"], "'ignore'.*'stop', 'skip', 'restore'"),
        (["--resume", "/nowhere/at/all"], "error: /nowhere/at/all is not a run folder"),
    ],
)
def test_invalid_options_at_a_real_command_line(options, message, tmp_path):
    err = ended(start(PATH, "--out", tmp_path / "run", *options), 2)
    assert re.search(message, err, re.DOTALL), err
    assert "Traceback" not in err
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--keep", 0], "--keep must be at least 1, not 0"),
        (["--keep", -1], "--keep must be at least 1, not -1"),
        (["--batch-size", 0], "--batch-size must be at least 1, not 0"),
        (["--batch-size", -4], "--batch-size must be at least 1, not -4"),
        (["--micro-batches", 0], "--micro-batches must be at least 1, not 0"),
        (["--steps", -1], "--steps must be at least 0, not -1"),
        (["--memory", -1], "--memory must be at least 0, not -1"),
        (["--retries", -1], "--retries must be at least 0, not -1"),
        (["--log-every", -3], "--log-every must be at least 0, not -3"),
        (["--seed", -1], "--seed must be from 0 to 4294967295, not -1"),
        (["--seed", 2**32], "--seed must be from 0 to 4294967295, not 4294967296"),
        (["--seed", 2**70], f"--seed must be from 0 to 4294967295, not {2**70}"),
        (["--steps", 10**20], f"--steps must be at most 2147483647, not {10**20}"),
        (["--width", 0], "--width must be at least 1, not 0"),
        (["--width", -1], "--width must be at least 1, not -1"),
        (["--width", 10**20], f"--width must be at most 2147483647, not {10**20}"),
        (["--lr", -1.0], "--lr must be at least 0, not -1.0"),
        (["--lr", "nan"], "--lr must be a finite number, not nan"),
        (["--over", "lr=1e-3,-1e-3"], "--lr must be at least 0, not -0.001"),
    ],
)
def test_numbers_out_of_range_are_refused(options, message, tmp_path, capsys):
    assert refused(capsys, "--out", tmp_path / "run", *options) == f"error: {message}"
    assert not (tmp_path / "run").exists()


def test_a_batch_larger_than_the_data_is_refused(tmp_path, capsys):
    np.savez(tmp_path / "small.npz", x=np.zeros((12, 2), np.float32))  # 2 are held out
    options = ("--out", tmp_path / "run", "--data", tmp_path / "small.npz")
    assert "a batch of 16 is more than the 10 examples" in refused(capsys, *options)
    assert not (tmp_path / "run").exists()  # so the same command can be corrected and repeated
    assert play(TINY, *options, "--batch-size", 10, "--steps", 2) == 0


def test_data_of_another_shape_than_the_samples_are_refused(tmp_path, capsys):
    np.savez(tmp_path / "odd.npz", x=np.zeros((50, 3), np.float32))
    line = refused(capsys, "--out", tmp_path / "run", "--data", tmp_path / "odd.npz")
    assert "the generator makes examples of shape (2,), the data have (3,)" in line
    assert not (tmp_path / "run").exists()


def test_unknown_data_names_the_nearest(tmp_path, capsys):
    assert "did you mean ring" in refused(capsys, "--out", tmp_path / "run", "--data", "rings")
    assert not (tmp_path / "run").exists()


def test_a_folder_that_cannot_be_created_is_refused(tmp_path, capsys):
    (tmp_path / "file").write_text("mine")
    assert "cannot write the run folder" in refused(capsys, "--out", tmp_path / "file")
    assert "cannot write the run folder" in refused(capsys, "--out", tmp_path / "file" / "below")
    assert (tmp_path / "file").read_text() == "mine"
    assert "cannot write the run folder" in refused(capsys, "--out", "/proc/jaxgan")  # for root too


@pytest.mark.parametrize("option", ["--out", "--data", "--weights"])
def test_a_path_that_is_too_long_is_refused(option, tmp_path, monkeypatch, capsys):
    path = tmp_path / ("a" * 300)
    out = () if option == "--out" else ("--out", tmp_path / "run")
    assert "File name too long" in refused(capsys, *out, option, path)
    assert jaxgan(monkeypatch, "info", path) == 2
    assert "File name too long" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_a_folder_that_is_not_empty_is_refused(tmp_path, capsys, copy):
    before = contents(copy)
    assert f"holds a run already; go on with `jaxgan resume {copy}`" in refused(capsys, "--out", copy)
    assert contents(copy) == before
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter1").write_text("precious")
    assert "is not empty; choose another --out" in refused(capsys, "--out", tmp_path / "thesis")
    assert (tmp_path / "thesis" / "chapter1").read_text() == "precious"


def test_an_empty_folder_is_accepted(tmp_path):
    assert play(TINY, "--out", tmp_path, "--steps", 1) == 0


def test_resume_with_other_options_needs_force(copy, monkeypatch, capsys):
    before = contents(copy)
    line = refused(capsys, "--resume", copy, "--steps", 10, "--lr", 0.1, "--width", 9)
    assert "was started with other options: lr 0.001 -> 0.1, width 8 -> 9; --force" in line
    assert contents(copy) == before
    assert play(TINY, "--resume", copy, "--steps", 10, "--log-every", 3) == 0  # these change no update
    assert play(TINY, "--resume", copy, "--steps", 12, "--lr", 0.1, "--force") == 0
    assert json.loads((copy / "config.json").read_text())["lr"] == 0.1
    first, *_, last = read_manifest(find_folder(copy)).sessions
    assert (first.changed, last.changed) == ({}, {"lr": (0.001, 0.1)})
    capsys.readouterr()
    assert jaxgan(monkeypatch, "info", copy) == 0
    assert "step 10 to 12, finished; by --force lr 0.001 -> 0.1" in capsys.readouterr().out
    assert record(copy).changed == ("lr was 0.001 up to step 10, and is 0.1 only from there on",)


@pytest.mark.parametrize("option", [("--seed", 5), ("--seeds", "0:2"), ("--over", "lr=1e-3,1e-2")])
def test_force_does_not_change_the_seeds(option, copy, capsys):
    before = contents(copy)
    line = refused(capsys, "--resume", copy, "--steps", 10, "--force", *option)
    assert f"{option[0]} cannot change while a run goes on, not even by --force" in line
    assert contents(copy) == before


def test_resume_with_another_out_is_refused(copy, tmp_path, capsys):
    before = contents(copy)
    line = refused(capsys, "--resume", copy, "--steps", 10, "--out", tmp_path / "fork")
    assert f"--resume goes on in {copy} itself: leave out --out {tmp_path / 'fork'}" in line
    assert contents(copy) == before
    assert not (tmp_path / "fork").exists()
    assert play(TINY, "--resume", copy, "--steps", 10, "--out", copy) == 0


@pytest.mark.parametrize("option", ["--resume", "--weights"])
def test_an_empty_path_is_refused(option, tmp_path, capsys):
    line = refused(capsys, option, "", "--out", tmp_path / "run")
    assert line == f"error: {option} is empty: is a variable of the shell not set?"
    assert not (tmp_path / "run").exists()


def test_resume_with_another_network_is_refused_even_by_force(copy, capsys):
    before = contents(copy)
    assert play(TINY, "--resume", copy, "--steps", 10, "--width", 9, "--force") == 2
    assert capsys.readouterr().err.splitlines() == [
        "error: checkpoint 8 is of another recipe: its arrays have other names or shapes"
    ]
    after = contents(copy)
    del before[Path("manifest.json")], after[Path("manifest.json")]  # which notes the attempt
    assert after == before
    assert play(TINY, "--resume", copy, "--steps", 10) == 0


def test_resume_of_a_finished_run_without_more_steps_is_refused(copy, capsys):
    line = refused(capsys, "--resume", copy, "--keep", 1)
    assert "has made 8 steps already; ask for more with --steps" in line
    assert json.loads((copy / "config.json").read_text())["keep"] == 9
    assert steps(copy) == [0, 2, 4, 6, 8]


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda text: text[:40], "config.json is not JSON"),
        (lambda text: "", "config.json is not JSON"),
        (lambda text: "[]", "config.json must hold an object"),
        (lambda text: text.replace('"steps"', '"stesp"'), "no option 'stesp'; did you mean 'steps'"),
        (lambda text: text.replace("0.001", '"fast"'), "config.json: .*lr"),
    ],
)
def test_a_damaged_config_is_refused(copy, damage, message, capsys):
    (copy / "config.json").write_text(damage((copy / "config.json").read_text()))
    before = contents(copy)
    assert re.search(message, refused(capsys, "--resume", copy, "--steps", 10))
    assert contents(copy) == before


@pytest.mark.parametrize("text", ["", "{", "[1]", '{"script": "x.py"}'])
def test_a_damaged_manifest_without_a_copy_in_a_checkpoint_is_refused(copy, text, capsys):
    (copy / "manifest.json").write_text(text)
    for step in steps(copy):
        (copy / "checkpoints" / str(step) / "_CHECKPOINT_METADATA").unlink()
    assert "manifest.json" in refused(capsys, "--resume", copy, "--steps", 10)
    assert steps(copy) == [0, 2, 4, 6, 8]


def test_resume_with_a_changed_script_needs_force(tmp_path, monkeypatch, capsys):
    monkeypatch.delitem(sys.modules, "other", raising=False)
    mine = tmp_path / "mine.py"
    mine.write_text("import other\n" + PATH.read_text())
    (tmp_path / "other.py").write_text("x = 1\n")
    run = tmp_path / "run"
    ended(start(mine, "--out", run, "--steps", 2))

    copied_run = Path(shutil.copytree(run, tmp_path / "copy"))
    mine.write_text(mine.read_text() + "# a change\n")
    direct = start(mine, "--resume", run, "--steps", 4)
    (tmp_path / "other.py").write_text("x = 2\n")
    assert "error: changed since the run was started: mine.py" in ended(direct, 2)
    assert jaxgan(monkeypatch, "resume", copied_run, "--steps", 4) == 2  # its script.py has not changed
    changed = f"error: {copied_run}: changed since the run was started: other.py"
    assert capsys.readouterr().err == f"{changed}; --trust runs it anyway\n"
    assert jaxgan(monkeypatch, "resume", run, "--steps", 4, "--force", "--trust") == 0
    assert steps(run)[-1] == 4
    assert "changed since the run was started: mine.py" in ended(
        start(mine, "--resume", run, "--steps", 6), 2
    )
    ended(start(mine, "--resume", run, "--steps", 6, "--force"))
    assert (run / "script.py").read_text() == mine.read_text()  # with which the run is opened from now on
    assert re.fullmatch(
        r"mine\.py was [0-9a-f]{8} up to step 4, and is [0-9a-f]{8} only from there on",
        record(run).changed[-1],
    )
    assert jaxgan(monkeypatch, "resume", run, "--steps", 7) == 0  # without force

    away = shutil.copytree(tmp_path, tmp_path / "away", ignore=lambda *_: ["run", "copy", "away"])
    assert ended(start(away / "mine.py", "--resume", run, "--steps", 8)).count("finished") == 1
    (away / "other.py").write_text("x = 3\n")
    assert "started: other.py;" in ended(start(away / "mine.py", "--resume", run, "--steps", 9), 2)


def test_a_module_that_build_imports_is_found_and_checked_by_other_commands(tmp_path, monkeypatch, capsys):
    mine, run = tmp_path / "mine.py", tmp_path / "run"
    mine.write_text(PATH.read_text().replace("    import time\n", "    import time\n    import other\n", 1))
    (tmp_path / "other.py").write_text("x = 1\n")
    ended(start(mine, "--out", run, "--steps", 2))

    def sampled(status, *options):
        monkeypatch.delitem(sys.modules, "other", raising=False)
        assert jaxgan(monkeypatch, "sample", run, "--out", tmp_path / "grid.png", *options) == status
        return capsys.readouterr().err

    assert sampled(0) == ""
    (tmp_path / "other.py").write_text("x = 2\n")
    changed = f"{run}: changed since the run was started: other.py"
    assert sampled(2) == f"error: {changed}; --trust runs it anyway\n"
    assert sampled(0, "--trust") == f"warning: {changed}\n"
    (tmp_path / "other.py").unlink()
    assert f"error: {changed} (missing); --trust" in sampled(2)
    assert sampled(2, "--trust").endswith(
        f"error: {run}/script.py cannot be run: No module named 'other'; it looks for modules in {tmp_path}\n"
    )


def add_empty_step(newest):
    (newest.parent / "99").mkdir()


def truncate(newest):
    file = max((path for path in newest.rglob("*") if path.is_file()), key=lambda path: path.stat().st_size)
    file.write_bytes(file.read_bytes()[:100])


def delete_arrays(newest):
    (newest / "state" / "manifest.ocdbt").unlink()


def delete_metadata(newest):
    (newest / "_CHECKPOINT_METADATA").unlink()


@pytest.mark.parametrize("harm", [add_empty_step, truncate, delete_arrays, delete_metadata])
def test_a_damaged_checkpoint_is_set_aside_and_the_run_ends_the_same(harm, finished, copy, tmp_path, capsys):
    metrics = copy / "metrics.jsonl"
    metrics.write_bytes(metrics.read_bytes()[:-10] + b"\xff{")  # a cut line as well
    harm(copy / "checkpoints" / "8")
    assert play(TINY, "--resume", copy, "--steps", 10) == 0
    err = capsys.readouterr().err
    bad, good = (99, 8) if harm is add_empty_step else (8, 6)
    expected = (
        f"warning: checkpoint {bad} is damaged .* it was renamed to damaged-{bad}; going on from step {good}"
    )
    assert re.search(expected, err)
    assert (copy / "checkpoints" / f"damaged-{bad}").is_dir()
    assert steps(copy)[-2:] == [8, 10]

    intact = Path(shutil.copytree(finished, tmp_path / "intact"))
    assert play(TINY, "--resume", intact, "--steps", 10) == 0
    same(final(intact), final(copy))
    if harm is not add_empty_step:  # it resumes at step 8, whose row was cut
        assert rows(copy) == rows(intact)


def test_with_every_checkpoint_damaged_the_run_does_not_silently_start_over(copy, capsys):
    for step in steps(copy):
        delete_arrays(copy / "checkpoints" / str(step))
    assert play(TINY, "--resume", copy, "--steps", 10) == 2
    assert re.search("error: every checkpoint in .* is damaged: 8 .*", capsys.readouterr().err)
    assert steps(copy) == [0, 2, 4, 6, 8]


@pytest.mark.parametrize(
    ("conditioning", "classes"),
    [
        (jg.conditioning.unconditional(), 0),
        (jg.conditioning.concatenation(3), 0),
        (jg.conditioning.projection(3), 3),
    ],
    ids=["unconditional", "concatenation", "projection"],
)
def test_a_label_outside_the_classes_is_refused_before_the_first_step(conditioning, classes, tmp_path):
    """For every conditioning: one-hot it would be all zeros, embedded NaN."""
    complete = jg.data.arrays.arrays(np.zeros((9, 2), np.float32), np.arange(9) % 3)
    source = complete._replace(arrays={**complete.arrays, "label": complete.arrays["label"].at[7].set(3)})
    game = jg.gan(
        jg.from_linen(jg.models.mlp.Generator((2,), (4,))),
        jg.from_linen(jg.models.mlp.Discriminator((4,), classes=classes)),
        latent=jg.latents.normal(2),
        objective=jg.objectives.hinge(),
        conditioning=conditioning,
    )
    sgd = optax.sgd(0.1)
    experiment = jg.Experiment(jg.simultaneous(game, sgd, sgd), source)
    with pytest.raises(jg.Refused, match="example 7 has the label 3, which is none of 0 to 2"):
        jg.fit(experiment, steps=1, batch_size=3, bar=False, out=tmp_path / "run")
    assert not (tmp_path / "run").exists()
