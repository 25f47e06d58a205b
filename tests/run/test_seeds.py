"""The seed split in three: each part moves what it is of, and nothing else; lanes and resume keep to it."""

import jax
import numpy as np
import pytest
from support import final, jaxgan, play, same, script

from jaxgan.compare.methods import read_methods
from jaxgan.data import load
from jaxgan.data.source import batch
from jaxgan.games.game import SplitState, State
from jaxgan.run.reopen import reopen
from jaxgan.run.seeds import root_keys

TINY = script("tiny")
SPLIT = ("--over", "seed_init:seed_data:seed_noise=0:0:0,1:0:0,0:1:0,0:0:1")


@pytest.fixture(scope="module")
def split(tmp_path_factory):
    run = tmp_path_factory.mktemp("seeds") / "split"
    assert play(TINY, "--out", run, "--steps", 4, *SPLIT) == 0
    return run


def lane(run, init, data, noise) -> State:
    return reopen(run, lane=f"seed=0,seed_init={init},seed_data={data},seed_noise={noise}").state


def start(tmp_path, *options) -> State:
    run = tmp_path / "-".join(options)
    assert play(TINY, "--out", run, "--steps", 0, *options) == 0
    return final(run)


def equal(a, b) -> bool:
    return all(map(np.array_equal, jax.tree.leaves(a), jax.tree.leaves(b)))


def test_each_part_of_the_seed_moves_what_it_is_of_alone(tmp_path):
    before = start(tmp_path)
    init, data, noise = (start(tmp_path, f"--seed-{part}", "5") for part in ("init", "data", "noise"))
    whole = start(tmp_path, "--seed", "5")
    params = [state.g.params for state in (before, init, data, noise, whole)]
    assert [equal(params[0], x) for x in params[1:]] == [False, True, True, False]
    assert equal(init.g.params, whole.g.params)
    assert [bool(state.key == before.key) for state in (init, data, noise)] == [True, True, False]
    assert [bool(state.data_key == before.data_key) for state in (init, data, noise)] == [True, False, True]
    assert data.data_key == whole.data_key
    assert noise.key == whole.key


def test_the_order_of_the_data_is_that_of_its_seed_alone():
    digits, shape = load("digits"), (1, 1, 8)
    one, other = (root_keys([TINY.Config(seed=seed, seed_data=3)])[0] for seed in (0, 9))
    a, b = (batch(digits, shape, digits.arrays, keys.of_data, 2) for keys in (one, other))
    assert equal(a, b)
    c = batch(digits, shape, digits.arrays, one.noise, 2)
    assert not equal(a, c)


def test_lanes_of_split_seeds_are_the_single_runs(split, tmp_path):
    for number, parts in enumerate(((0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 0, 1))):
        run = tmp_path / str(number)
        options = (
            f"--seed-{part}={seed}" for part, seed in zip(("init", "data", "noise"), parts, strict=True)
        )
        assert play(TINY, "--out", run, "--steps", 4, *options) == 0
        same(final(run), lane(split, *parts))
    assert not equal(lane(split, 0, 0, 0).g.params, lane(split, 0, 1, 0).g.params)  # so the data matter
    assert not equal(lane(split, 0, 0, 0).g.params, lane(split, 0, 0, 1).g.params)


@pytest.mark.parametrize("way", ["loop", "vmap"])
def test_a_resumed_run_of_split_seeds_equals_one_without_a_pause(way, split, tmp_path, monkeypatch):
    run = tmp_path / "run"
    assert play(TINY, "--out", run, "--steps", 2, "--lanes", way, *SPLIT) == 0
    assert jaxgan(monkeypatch, "resume", run, "--steps", 4) == 0
    if way == "loop":
        for parts in ((0, 0, 0), (0, 1, 0)):
            same(lane(run, *parts), lane(split, *parts))
    assert isinstance(lane(run, 0, 1, 0), SplitState)
    assert not isinstance(lane(run, 1, 0, 0), SplitState)  # as in its single run


def test_a_lane_that_is_taken_out_goes_on_as_its_single_run(split, tmp_path, monkeypatch):
    for number, name in enumerate(("seed_init=0,seed_data=1", "seed_init=1,seed_data=0")):
        taken = tmp_path / f"taken-{number}"
        assert jaxgan(monkeypatch, "take", split, f"seed=0,{name},seed_noise=0", "--out", taken) == 0
        alone = tmp_path / f"alone-{number}"
        options = [f"--{part.replace('_', '-')}" for part in name.replace("seed_noise", "").split(",")]
        assert play(TINY, "--out", alone, "--steps", 6, *options) == 0
        assert jaxgan(monkeypatch, "resume", taken, "--steps", 6) == 0
        same(final(taken), final(alone))


def test_parts_of_the_seed_make_no_other_method(split):
    (method,), _ = read_methods([split])
    assert [seed.key for seed in method.seeds] == [(0, 0, 0, 0), (0, 1, 0, 0), (0, 0, 1, 0), (0, 0, 0, 1)]


def test_no_part_of_the_seed_changes_while_a_run_goes_on(split, capsys):
    assert play(TINY, "--resume", split, "--steps", 6, "--seed-data", 3) == 2
    assert "--seed-data cannot change" in capsys.readouterr().err


def test_what_is_no_seed_is_refused(tmp_path, capsys):
    for option in ("--seed-init=-1", "--over=seed_data=1,-1", "--over=seed_noise=1,x"):
        assert play(TINY, "--out", tmp_path / "run", option) == 2
        assert capsys.readouterr().err.count("\n") == 1
