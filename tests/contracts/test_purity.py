"""`update` is a pure function, traced once: it reads and writes nothing but its arguments and results."""

import os
import random

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from support import experiment, final, play, rows, same, script

from jaxgan.data.source import batch
from jaxgan.parts.types import Array, PyTree
from jaxgan.rules.guard import guarded
from jaxgan.run import program

OUTSIDE = ("callback", "infeed", "outfeed", "debug", "host", "print")


@pytest.fixture(scope="module", params=["ring", "images"])
def played(request):
    """A guarded update as the run has it, its compiled form, and a state and batches to give to it."""
    made = experiment(images=request.param == "images")
    rule, source = guarded(made.rule), made.source
    batches = batch(source, (rule.batches, 2, 8), source.arrays, jax.random.key(3), 5)
    state = jax.jit(rule.init)(jax.random.key(3), batches)
    return rule.update, jax.jit(rule.update), state, batches


def everything_in(jaxpr: jax.extend.core.Jaxpr) -> set[str]:
    names = set()
    for equation in jaxpr.eqns:
        names.add(equation.primitive.name)
        for value in jax.tree.leaves(
            list(equation.params.values()), is_leaf=lambda v: hasattr(v, "eqns") or hasattr(v, "jaxpr")
        ):
            inner = getattr(value, "jaxpr", value)
            if hasattr(inner, "eqns"):
                names |= everything_in(inner)
    return names


def test_updates_have_no_callbacks(played):
    update, _, state, batches = played
    jaxpr = jax.make_jaxpr(update)(state, batches)
    assert not jaxpr.effects
    names = everything_in(jaxpr.jaxpr)
    assert "dot_general" in names  # the walk reaches into inner programs
    assert not [name for name in names if any(word in name for word in OUTSIDE)]


def test_the_walk_finds_a_callback(played):
    update, _, state, batches = played

    def leaking(state: PyTree, batches: PyTree) -> tuple[PyTree, Array]:
        state, metrics = update(state, batches)
        return state, jax.jit(lambda x: jax.pure_callback(lambda x: x, x, x))(metrics["d/adv"])

    names = everything_in(jax.make_jaxpr(leaking)(state, batches).jaxpr)
    assert any("callback" in name for name in names)


def test_same_inputs_same_outputs_and_inputs_untouched(played):
    _, compiled, state, batches = played
    before = jax.tree.map(jnp.copy, (state, batches))
    first = compiled(state, batches)
    compiled(first[0], batches)  # another state in between leaves nothing behind
    with jax.transfer_guard("disallow"):
        again = compiled(state, batches)
    same(first, again)
    same(before, (state, batches))


def test_the_program_does_not_depend_on_the_environment(played, tmp_path, monkeypatch):
    update, _, state, batches = played
    random.seed(1)
    np.random.seed(1)
    one = jax.jit(lambda *given: update(*given)).lower(state, batches).as_text()
    random.seed(2)
    np.random.seed(2)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(os.environ, "SEED", "7")
    again = jax.jit(lambda *given: update(*given))  # a new function, or it would not be traced again
    assert again.lower(state, batches).as_text() == one


def test_a_run_twice_and_traced_once_each_time(tmp_path, monkeypatch):
    module = script("tiny")
    traced, states = [], []

    def counting(rule, **options):
        def update(state, batches):
            traced.append(None)
            return rule.update(state, batches)

        return guarded(rule._replace(update=update), **options)

    monkeypatch.setattr(program, "guarded", counting)
    for name in ("a", "b"):
        traced.clear()
        # logs, saves, pictures, hooks, a step played again and one gone back to: all with the one program
        options = ("--sample-every", 2, "--best-at", 4, "--nan-at", 5, "--on-nan", "restore")
        assert play(module, "--out", tmp_path / name, *options) == 0
        assert len(traced) == 1
        states.append(final(tmp_path / name))
    same(*states)
    assert rows(tmp_path / "a") == rows(tmp_path / "b")


def test_lanes_on_many_devices_are_traced_no_more_often_than_on_one(tmp_path):
    tiny, traced = script("tiny"), []

    def build(config, source):
        built = tiny.build(config, source)

        def update(state, batches):
            traced.append(None)
            return built.rule.update(state, batches)

        return built._replace(rule=built.rule._replace(update=update))

    build.__module__ = tiny.build.__module__
    counted = type("Counted", (), {"Config": tiny.Config, "build": staticmethod(build)})
    often = []
    for devices in (1, 3):
        traced.clear()
        options = ("--seeds", "0:3", "--lanes", "loop", "--devices", devices, "--steps", 1)
        assert play(counted, "--out", tmp_path / str(devices), *options) == 0
        often.append(len(traced))
    assert often[0] == often[1] > 0
