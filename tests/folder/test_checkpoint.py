"""Checkpoints come back whole or not at all, and the best one stays."""

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
    found = newest(path)
    assert (found.step, found.attempt, found.aside) == (3, 3, [])
    same(found.state, state(3))
    with Checkpoints(path) as checkpoints:
        same(checkpoints.at(2, state(0)), state(2))
        with pytest.raises(Refused, match=r"no checkpoint of step 7; there are \[1, 2, 3\]"):
            checkpoints.at(7, state(0))


def test_what_memory_cannot_hold_is_not_damaged(path, monkeypatch):
    with Checkpoints(path, keep=3) as checkpoints:

        def load(*_):
            raise ValueError("RESOURCE_EXHAUSTED: Out of memory allocating 4000 bytes.")

        monkeypatch.setattr(checkpoints._orbax, "load", load)
        with pytest.raises(Refused, match="checkpoint 3 cannot be loaded: memory has run out"):
            checkpoints.newest(state(0))
    assert newest(path).step == 3


def test_an_empty_folder_has_none(tmp_path):
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
def test_every_file_of_the_newest_damaged_in_turn(path, harm):
    """Each damage is noticed and set aside, or else harmless: the numbers are right either way."""
    noticed = 0
    for i, name in enumerate(str(file.relative_to(path / "3")) for file in files(path / "3")):
        copy = path.parent / f"copy{i}"
        shutil.copytree(path, copy)
        harm(copy / "3" / name)
        found = newest(copy)
        same(found.state, state(found.step))
        assert found.state["key"].dtype == state(0)["key"].dtype
        assert found.attempt == found.step
        if found.step == 2:
            noticed += 1
            assert len(found.aside) == 1
            assert "checkpoint 3 is damaged" in found.aside[0]
            assert "\n" not in found.aside[0]
            assert (copy / "damaged-3").is_dir()
            with Checkpoints(copy, keep=3) as checkpoints:  # and the same step can be saved again
                checkpoints.save(3, state(3), attempt=3)
            assert newest(copy).step == 3
        else:
            assert not found.aside
    assert noticed >= 3


def test_numbers_that_changed_on_the_disk_are_noticed(path, monkeypatch):
    """What no file format notices: the arrays load, and are not those that were saved."""
    with Checkpoints(path, keep=3) as checkpoints:
        load = checkpoints._orbax.load

        def one_bit_off(step, like):
            loaded = load(step, like)
            w = loaded["w"].at[7].set(np.nextafter(loaded["w"][7], 1e9))
            return {**loaded, "w": w} if step == 3 else loaded

        monkeypatch.setattr(checkpoints._orbax, "load", one_bit_off)
        found = checkpoints.newest(state(0))
    assert found.step == 2
    assert "not those that were saved" in found.aside[0]


def test_an_empty_step_folder_is_set_aside(path):
    (path / "9").mkdir()
    found = newest(path)
    assert found.step == 3
    assert "checkpoint 9 is damaged" in found.aside[0]


def test_with_none_whole_nothing_is_touched(path):
    for step in (1, 2, 3):
        shutil.rmtree(path / str(step) / "state", ignore_errors=True)
        for file in files(path / str(step)):
            if file.stat().st_size:
                truncate(file)
    before = sorted(path.rglob("*"))
    with pytest.raises(Refused, match=r"no checkpoint in .* is whole: 3 .*, 2 .*, 1 "):
        newest(path)
    assert sorted(path.rglob("*")) == before


@pytest.mark.parametrize(
    "other",
    [
        {**state(0), "w": jnp.zeros(999)},
        {**state(0), "w": jnp.zeros(1000, jnp.bfloat16)},
        {**state(0), "more": jnp.zeros(1)},
        {name: x for name, x in state(0).items() if name != "n"},
    ],
)
def test_another_recipe_is_refused_and_sets_nothing_aside(path, other):
    with pytest.raises(Refused, match=r"^checkpoint 3 is of another recipe"):
        newest(path, other)
    assert sorted(p.name for p in path.iterdir() if p.is_dir()) == ["1", "2", "3"]


def test_the_best_is_kept_beside_the_newest(tmp_path):
    scores = {1: 0.1, 2: 0.9, 3: float("nan"), 4: None, 5: 0.3, 6: float("inf"), 7: 0.2}
    with Checkpoints(tmp_path / "c", keep=1) as checkpoints:
        for step, score in scores.items():
            checkpoints.save(step, state(step), scores={} if score is None else {"": score})
        checkpoints.wait()
        assert checkpoints.best() == 2
        assert checkpoints.steps() == [2, 7]
        same(checkpoints.at(2, state(0)), state(2))


def test_each_lane_has_a_best_of_its_own(tmp_path):
    scores = {1: {"a": 0.9, "b": 0.1}, 2: {"a": 0.2, "b": 0.3}, 3: {"b": 0.2}, 4: {}, 5: {"a": float("nan")}}
    with Checkpoints(tmp_path / "c", keep=1, lanes=("a", "b", "never")) as checkpoints:
        for step, of_lanes in scores.items():
            checkpoints.save(step, state(step), scores=of_lanes)
        checkpoints.wait()
        assert [checkpoints.best(lane) for lane in ("a", "b", "never", "")] == [1, 2, None, None]
        assert {1, 2, 5} <= set(checkpoints.steps())


def test_a_damaged_checkpoint_says_how_to_be_rid_of_it(path):
    """Of the newest that is a resume; an older one, as the best may be, no resume reads."""
    for step, said in ((3, "`jaxgan resume` steps over it"), (1, f"so delete {path / '1'}")):
        for file in files(path / str(step)):
            file.write_bytes(b"")
        with Checkpoints(path) as checkpoints, pytest.raises(Refused, match=re.escape(said)):
            checkpoints.at(step, state(0))


def test_a_checkpoint_that_a_run_has_replaced_meanwhile_is_not_damaged(path):
    with Checkpoints(path) as reader:
        shutil.rmtree(path / "1")
        with pytest.raises(Refused, match=r"^checkpoint 1 has just given way to a newer one: ask again$"):
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
def test_a_folder_of_whatever_name_keeps_its_checkpoints(name, tmp_path):
    """Orbax looks for files by a pattern that the path is part of, and TensorStore knows no backslash."""
    home = tmp_path / "run" / name
    (tmp_path / "run" / "rest" / "c").mkdir(parents=True)  # what a pattern would find instead
    with Checkpoints(home / "c", keep=2) as checkpoints:
        for step in (0, 1, 2):
            checkpoints.save(step, state(step))
        checkpoints.read_back(2, state(0))
    found = newest(home / "c")
    same(found.state, state(2))
    assert sorted(p.name for p in (home / "c").iterdir() if p.is_dir()) == ["1", "2"]
    assert not [p for p in Path(tempfile.gettempdir()).glob("jaxgan-*") if os.path.lexists(p / "c")]


def test_no_folder_for_a_link_to_a_folder_of_such_a_name(tmp_path, monkeypatch):
    (tmp_path / "t[1]").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "t[1]"))
    with pytest.raises(Refused, match=r"^no checkpoints can be kept in .*r\[1\]"):
        Checkpoints(tmp_path / "r[1]", keep=2)
    assert not list((tmp_path / "t[1]").iterdir())


def test_what_is_written_and_cannot_be_read_is_said_at_once(tmp_path):
    with Checkpoints(tmp_path / "c", keep=2) as checkpoints:
        checkpoints.save(0, state(0))
        checkpoints.wait()
        shutil.rmtree(tmp_path / "c" / "0" / "state" / "d")
        with pytest.raises(SaveFailed, match=r"^checkpoint 0 was written and cannot be read back: "):
            checkpoints.read_back(0, state(0))


def test_a_checkpoint_of_another_step_or_run_is_stepped_over(tmp_path):
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
        found = checkpoints.newest(state(0))
    assert found.step == 1
    same(found.state, state(1))
    whys = ["it was saved at step 1", "it was saved at step 2", "it was saved by another run"]
    assert [why in line for why, line in zip(whys, found.aside, strict=True)] == [True] * 3
    with Checkpoints(tmp_path / "other", keep=3) as checkpoints:  # of whichever run, where none is asked for
        same(checkpoints.at(2, state(0)), state(2))


def test_a_step_that_gives_way_while_it_is_read_is_chosen_again(path):
    chosen = []

    def newest_step(checkpoints):
        chosen.append(max(checkpoints.steps()))
        if len(chosen) == 1:
            raise FileNotFoundError  # as Orbax does that lists what is just removed
        if len(chosen) == 2:
            shutil.rmtree(path / "3")
        return chosen[-1]

    same(read(path, newest_step, state(0)), state(2))
    assert chosen == [3, 3, 2]
    assert read(path, lambda checkpoints: None, state(0)) is None


def test_a_step_of_which_something_is_left_while_it_is_removed(path, monkeypatch):
    load = Checkpoints._load

    def removed_meanwhile(self, step, like):
        shutil.rmtree(path / "3" / "state", ignore_errors=True)
        return load(self, step, like)

    monkeypatch.setattr(Checkpoints, "_load", removed_meanwhile)
    with Checkpoints(path) as checkpoints, pytest.raises(Replaced, match=r"^checkpoint 3 has just given way"):
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
    """What threads of the libraries log and raise later is left out."""
    done = subprocess.run(
        [sys.executable, "-c", NOISE, tmp_path / "c"], capture_output=True, text=True, check=True
    )
    assert done.stderr == ""
    assert [line[:24] for line in done.stdout.splitlines()] == ["checkpoint 1 is damaged:"] * 3


WRITER = """
import sys, jax.numpy as jnp
from pathlib import Path
from jaxgan.folder.checkpoint import Checkpoints
with Checkpoints(Path(sys.argv[1]), 1) as checkpoints:
    for step in range(100_000):
        checkpoints.save(step, {"w": jnp.arange(1000.0) * step})
"""


@pytest.mark.slow
def test_reading_beside_a_run_that_removes_checkpoints(tmp_path):
    path = tmp_path / "c"
    writer = subprocess.Popen([sys.executable, "-c", WRITER, path])
    try:
        while not list(path.glob("[0-9]*")):
            time.sleep(0.1)
        for _ in range(40):
            found = read(path, lambda checkpoints: max(checkpoints.steps()), {"w": jnp.zeros(1000)})
            step = int(found["w"][1])
            same(found, {"w": jnp.arange(1000.0) * step})
    finally:
        writer.kill()
        writer.communicate()


@pytest.mark.parametrize("harm", ["", '{"score": ', "[1]", '{"score": "high"}', None])
def test_scores_that_cannot_be_read(harm, tmp_path):
    """Orbax lists no checkpoint at all where those of one are damaged."""
    path = tmp_path / "c"
    with Checkpoints(path, keep=3) as checkpoints:
        for step in (1, 2, 3):
            checkpoints.save(step, state(step), scores={"": float(step)})
    file = path / "3" / "metrics" / "metrics"
    file.unlink()
    file.mkdir() if harm is None else file.write_text(harm)
    if harm in ("", None):
        with pytest.raises(Refused, match=r"^scores in .* are damaged \(.*\); a resume leaves them out$"):
            Checkpoints(path)
    with Checkpoints(path, keep=3) as checkpoints:
        found = checkpoints.newest(state(0))
        assert (found.step, checkpoints.best()) == (3, 2)
        assert found.aside == ["the scores of checkpoint 3 are damaged; it counts as not scored"]
        same(found.state, state(3))
        checkpoints.save(4, state(4), scores={"": 4.0})
    with Checkpoints(path) as checkpoints:
        assert checkpoints.best() == 4
