"""Checkpoints load completely or not at all, and the best one is kept."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from support import same

from jaxgan.errors import Refused
from jaxgan.folder.checkpoint import Checkpoints, Replaced, SaveFailed, read


def state(step):
    return {
        "w": jnp.arange(1000.0) * (step + 1),
        "n": jnp.int32(step),
        "key": jax.random.key(step),
        "none": None,
        "pair": (jnp.ones((2, 3), jnp.bfloat16), ()),
    }


@pytest.fixture
def path(tmp_path):
    """A folder with the steps 1, 2 and 3."""
    with Checkpoints(tmp_path / "c", keep=3) as checkpoints:
        for step in (1, 2, 3):
            checkpoints.save(step, state(step), attempt=step)
    return tmp_path / "c"


def newest(path, like=None):
    with Checkpoints(path, keep=3) as checkpoints:
        return checkpoints.newest(state(0) if like is None else like)


def files(step_path):
    return sorted(p for p in step_path.rglob("*") if p.is_file())


def test_round_trip(path):
    restored = newest(path)
    assert (restored.step, restored.attempt, restored.damaged) == (3, 3, [])
    same(restored.state, state(3))
    with Checkpoints(path) as checkpoints:
        same(checkpoints.at(2, state(0)), state(2))
        with pytest.raises(Refused, match=r"no checkpoint of step 7; there are \[1, 2, 3\]"):
            checkpoints.at(7, state(0))


def test_running_out_of_memory_is_not_damage(path, monkeypatch):
    with Checkpoints(path, keep=3) as checkpoints:

        def load(*_):
            raise ValueError("RESOURCE_EXHAUSTED: Out of memory allocating 4000 bytes.")

        monkeypatch.setattr(checkpoints._orbax, "load", load)
        with pytest.raises(Refused, match="checkpoint 3 cannot be loaded: out of memory"):
            checkpoints.newest(state(0))
    assert newest(path).step == 3


def test_an_empty_folder_has_no_checkpoint(tmp_path):
    assert newest(tmp_path / "c") is None


def flip(file):
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data)


def truncate(file):
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


def delete(file):
    file.unlink()


@pytest.mark.parametrize("harm", [flip, truncate, delete])
def test_damage_to_each_file_of_the_newest_checkpoint(path, harm):
    """It is detected and the checkpoint renamed, or it is harmless: the numbers are right either way."""
    detected = 0
    for i, name in enumerate(str(file.relative_to(path / "3")) for file in files(path / "3")):
        copy = path.parent / f"copy{i}"
        shutil.copytree(path, copy)
        harm(copy / "3" / name)
        restored = newest(copy)
        same(restored.state, state(restored.step))
        assert restored.state["key"].dtype == state(0)["key"].dtype
        assert restored.attempt == restored.step
        if restored.step == 2:
            detected += 1
            (line,) = restored.damaged
            assert "checkpoint 3 is damaged" in line
            assert "\n" not in line
            assert (copy / "damaged-3").is_dir()
            with Checkpoints(copy, keep=3) as checkpoints:  # and the same step can be saved again
                checkpoints.save(3, state(3), attempt=3)
            assert newest(copy).step == 3
        else:
            assert not restored.damaged
    assert detected >= 3


def test_numbers_changed_on_disk_are_detected(path, monkeypatch):
    """No file format detects this: the arrays load, but differ from those that were saved."""
    with Checkpoints(path, keep=3) as checkpoints:
        load = checkpoints._orbax.load

        def one_bit_off(step, like):
            loaded = load(step, like)
            w = loaded["w"].at[7].set(np.nextafter(loaded["w"][7], 1e9))
            return {**loaded, "w": w} if step == 3 else loaded

        monkeypatch.setattr(checkpoints._orbax, "load", one_bit_off)
        restored = checkpoints.newest(state(0))
    assert restored.step == 2
    assert "not those that were saved" in restored.damaged[0]


def test_an_empty_step_folder_is_skipped(path):
    (path / "9").mkdir()
    restored = newest(path)
    assert restored.step == 3
    assert "checkpoint 9 is damaged" in restored.damaged[0]


def test_if_all_are_damaged_nothing_is_renamed(path):
    for step in (1, 2, 3):
        shutil.rmtree(path / str(step) / "state", ignore_errors=True)
        for file in files(path / str(step)):
            if file.stat().st_size:
                truncate(file)
    before = sorted(path.rglob("*"))
    with pytest.raises(Refused, match=r"every checkpoint in .* is damaged: 3 .*, 2 .*, 1 "):
        newest(path)
    assert sorted(path.rglob("*")) == before


@pytest.mark.parametrize(
    "like",
    [
        {**state(0), "w": jnp.zeros(999)},
        {**state(0), "w": jnp.zeros(1000, jnp.bfloat16)},
        {**state(0), "more": jnp.zeros(1)},
        {name: x for name, x in state(0).items() if name != "n"},
    ],
)
def test_another_recipe_is_refused_and_nothing_is_renamed(path, like):
    with pytest.raises(Refused, match=r"^checkpoint 3 is of another recipe"):
        newest(path, like)
    assert sorted(p.name for p in path.iterdir() if p.is_dir()) == ["1", "2", "3"]


def test_the_best_is_kept_with_the_newest(tmp_path):
    scores = {1: 0.1, 2: 0.9, 3: float("nan"), 4: None, 5: 0.3, 6: float("inf"), 7: 0.2}
    with Checkpoints(tmp_path / "c", keep=1) as checkpoints:
        for step, score in scores.items():
            checkpoints.save(step, state(step), scores={} if score is None else {"": score})
        checkpoints.wait()
        assert checkpoints.best() == 2
        assert checkpoints.steps() == [2, 7]
        same(checkpoints.at(2, state(0)), state(2))


def test_the_best_of_each_lane_is_kept(tmp_path):
    scores = {1: {"a": 0.9, "b": 0.1}, 2: {"a": 0.2, "b": 0.3}, 3: {"b": 0.2}, 4: {}, 5: {"a": float("nan")}}
    with Checkpoints(tmp_path / "c", keep=1, lanes=("a", "b", "never")) as checkpoints:
        for step, of_lanes in scores.items():
            checkpoints.save(step, state(step), scores=of_lanes)
        checkpoints.wait()
        assert [checkpoints.best(lane) for lane in ("a", "b", "never", "")] == [1, 2, None, None]
        assert {1, 2, 5} <= set(checkpoints.steps())


def test_the_error_of_a_damaged_checkpoint_says_what_to_do(path):
    """A resume skips the newest; it does not read an older one, as the best may be."""
    for step, way in ((3, "`jaxgan resume` skips it"), (1, f"so delete {path / '1'}")):
        for file in files(path / str(step)):
            file.write_bytes(b"")
        with Checkpoints(path) as checkpoints, pytest.raises(Refused, match=re.escape(way)):
            checkpoints.at(step, state(0))


def test_a_checkpoint_that_a_run_replaced_meanwhile_is_not_damaged(path):
    with Checkpoints(path) as reader:
        shutil.rmtree(path / "1")
        with pytest.raises(Refused, match=r"^checkpoint 1 was just replaced by a newer one: try again$"):
            reader.at(1, state(0))


def test_a_state_that_is_not_finite_is_not_saved(tmp_path):
    with Checkpoints(tmp_path / "c", keep=1) as checkpoints:
        for dtype in (jnp.float32, jnp.bfloat16):
            with pytest.raises(SaveFailed, match=r"step 1 is not finite \(\['w'\]\)"):
                checkpoints.save(1, {**state(1), "w": jnp.array([1.0, jnp.nan], dtype)})
        assert checkpoints.steps() == []


def test_a_reader_leaves_a_save_in_progress_alone(path):
    writing = path / "4.orbax-checkpoint-tmp"
    writing.mkdir()
    with Checkpoints(path) as checkpoints:
        same(checkpoints.at(3, state(0)), state(3))
    assert writing.is_dir()


@pytest.mark.parametrize("name", ["r[1]", "[a", "back\\slash", "r*", "q?", "\udcff", "b#c%20d", "{x}", ".."])
def test_a_folder_of_any_name_can_hold_checkpoints(name, tmp_path):
    """Orbax finds files by a glob pattern with the whole path; TensorStore reads a backslash as a slash."""
    home = tmp_path / "run" / name
    (tmp_path / "run" / "rest" / "c").mkdir(parents=True)  # what the pattern would match
    with Checkpoints(home / "c", keep=2) as checkpoints:
        for step in (0, 1, 2):
            checkpoints.save(step, state(step))
        checkpoints.read_back(2, state(0))
    restored = newest(home / "c")
    same(restored.state, state(2))
    assert sorted(p.name for p in (home / "c").iterdir() if p.is_dir()) == ["1", "2"]
    assert not [p for p in Path(tempfile.gettempdir()).glob("jaxgan-*") if os.path.lexists(p / "c")]


def test_a_temporary_folder_that_also_needs_a_link_is_refused(tmp_path, monkeypatch):
    (tmp_path / "t[1]").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "t[1]"))
    with pytest.raises(Refused, match=r"r\[1\] cannot hold checkpoints: "):
        Checkpoints(tmp_path / "r[1]", keep=2)
    assert not list((tmp_path / "t[1]").iterdir())


def test_a_checkpoint_that_cannot_be_read_back_is_an_error(tmp_path):
    with Checkpoints(tmp_path / "c", keep=2) as checkpoints:
        checkpoints.save(0, state(0))
        checkpoints.wait()
        shutil.rmtree(tmp_path / "c" / "0" / "state" / "d")
        with pytest.raises(SaveFailed, match=r"^checkpoint 0 was written and cannot be read back: "):
            checkpoints.read_back(0, state(0))


def test_a_checkpoint_of_another_step_or_run_is_skipped(tmp_path):
    for run in ("mine", "other"):
        with Checkpoints(tmp_path / run, keep=3, run=run) as checkpoints:
            for step in (1, 2):
                checkpoints.save(step, state(step))
    shutil.copytree(tmp_path / "mine" / "1", tmp_path / "mine" / "7")
    shutil.copytree(tmp_path / "other" / "2", tmp_path / "mine" / "6")
    os.rename(tmp_path / "mine" / "6", tmp_path / "mine" / "3")
    shutil.rmtree(tmp_path / "mine" / "2")
    shutil.copytree(tmp_path / "other" / "2", tmp_path / "mine" / "2")
    with Checkpoints(tmp_path / "mine", keep=3, run="mine") as checkpoints:
        with pytest.raises(Refused, match=r"^checkpoint 2 is damaged: it was saved by another run; "):
            checkpoints.at(2, state(0))
        restored = checkpoints.newest(state(0))
    assert restored.step == 1
    same(restored.state, state(1))
    whys = ["it was saved at step 1", "it was saved at step 2", "it was saved by another run"]
    assert [why in line for why, line in zip(whys, restored.damaged, strict=True)] == [True] * 3
    with Checkpoints(tmp_path / "other", keep=3) as checkpoints:  # of any run, if none is given
        same(checkpoints.at(2, state(0)), state(2))


def test_if_the_chosen_step_is_removed_another_is_chosen(path):
    chosen = []

    def newest_step(checkpoints):
        chosen.append(max(checkpoints.steps()))
        if len(chosen) == 1:
            raise FileNotFoundError  # as Orbax does if a step is removed while it is listed
        if len(chosen) == 2:
            shutil.rmtree(path / "3")
        return chosen[-1]

    same(read(path, newest_step, state(0)), state(2))
    assert chosen == [3, 3, 2]
    assert read(path, lambda checkpoints: None, state(0)) is None


def test_a_step_that_is_being_removed_is_not_damaged(path, monkeypatch):
    load = Checkpoints._load

    def removed_meanwhile(self, step, like):
        shutil.rmtree(path / "3" / "state", ignore_errors=True)
        return load(self, step, like)

    monkeypatch.setattr(Checkpoints, "_load", removed_meanwhile)
    with Checkpoints(path) as checkpoints, pytest.raises(Replaced, match=r"^checkpoint 3 was just replaced"):
        checkpoints.at(3, state(0))


NOISE = """
import sys, time, jax.numpy as jnp
from pathlib import Path
from jaxgan.errors import Refused
from jaxgan.folder.checkpoint import Checkpoints
like = {f"w{i}": jnp.zeros(1000) for i in range(20)}
path = Path(sys.argv[1])
with Checkpoints(path, 2) as checkpoints:
    checkpoints.save(1, like)
for file in (path / "1" / "state" / "d").iterdir():
    file.unlink()
for _ in range(3):
    try:
        with Checkpoints(path) as checkpoints:
            checkpoints.at(1, like)
    except Refused as error:
        print(error)
time.sleep(1)
"""


def test_a_damaged_checkpoint_is_one_line(tmp_path):
    """What the libraries' threads log and raise later is dropped."""
    process = subprocess.run(
        [sys.executable, "-c", NOISE, tmp_path / "c"], capture_output=True, text=True, check=True
    )
    assert process.stderr == ""
    assert [line[:24] for line in process.stdout.splitlines()] == ["checkpoint 1 is damaged:"] * 3


WRITER = """
import sys, jax.numpy as jnp
from pathlib import Path
from jaxgan.folder.checkpoint import Checkpoints
with Checkpoints(Path(sys.argv[1]), 1) as checkpoints:
    for step in range(100_000):
        checkpoints.save(step, {"w": jnp.arange(1000.0) * step})
"""


@pytest.mark.slow
def test_reading_while_a_run_removes_checkpoints(tmp_path):
    path = tmp_path / "c"
    writer = subprocess.Popen([sys.executable, "-c", WRITER, path])
    try:
        while not list(path.glob("[0-9]*")):
            time.sleep(0.1)
        for _ in range(40):
            loaded = read(path, lambda checkpoints: max(checkpoints.steps()), {"w": jnp.zeros(1000)})
            same(loaded, {"w": jnp.arange(1000.0) * int(loaded["w"][1])})
    finally:
        writer.kill()
        writer.communicate()


@pytest.mark.parametrize("harm", ["", '{"score": ', "[1]", '{"score": "high"}', None])
def test_damaged_scores_count_as_missing(harm, tmp_path):
    """Orbax lists no checkpoint at all if the scores of one are damaged."""
    path = tmp_path / "c"
    with Checkpoints(path, keep=3) as checkpoints:
        for step in (1, 2, 3):
            checkpoints.save(step, state(step), scores={"": float(step)})
    file = path / "3" / "metrics" / "metrics"
    file.unlink()
    file.mkdir() if harm is None else file.write_text(harm)
    if harm in ("", None):
        with pytest.raises(Refused, match=r"^scores in .* are damaged \(.*\); a resume skips them$"):
            Checkpoints(path)
    with Checkpoints(path, keep=3) as checkpoints:
        restored = checkpoints.newest(state(0))
        assert (restored.step, checkpoints.best()) == (3, 2)
        assert restored.damaged == ["the scores of checkpoint 3 are damaged; it counts as not scored"]
        same(restored.state, state(3))
        checkpoints.save(4, state(4), scores={"": 4.0})
    with Checkpoints(path) as checkpoints:
        assert checkpoints.best() == 4
