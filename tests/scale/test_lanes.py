"""Vectorised lanes agree with single runs, in one program without communication between rows of devices."""

import re
from functools import cache, partial
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import NamedSharding
from jax.sharding import PartitionSpec as P

from jaxgan.data.source import batch
from jaxgan.scale import memory
from jaxgan.scale.devices import DATA, replicated
from jaxgan.scale.lanes import LANE, lane_mesh, lane_parallel, shardings, stack, take_lane
from scale.test_devices import LAYOUT, SOURCE, everything, train

SEEDS = 4


@cache
def program(way, rows, data):
    """Returns the lanes at step 0, the arrays, and the compiled update."""
    mesh = lane_mesh(jax.devices()[: rows * data], data)
    rule = everything(None if way == "jit" else DATA)
    batches = partial(batch, SOURCE, LAYOUT)
    keys = [jax.random.key(seed) for seed in range(SEEDS)]
    init = jax.jit(lambda key, arrays: rule.init(key, batches(arrays, key, jnp.int32(0))))
    state = stack([init(key, SOURCE.arrays) for key in keys])
    where = shardings(state, mesh)
    update = lane_parallel(rule.update, mesh, way)

    @partial(jax.jit, out_shardings=(where, NamedSharding(mesh, P(LANE))))
    def step(state, arrays):
        return update(state, jax.vmap(batches, (None, 0, None))(arrays, state.key, state.step))

    state, arrays = jax.device_put(state, where), jax.device_put(SOURCE.arrays, replicated(mesh))
    return state, arrays, step.lower(state, arrays).compile()


@pytest.mark.parametrize(("way", "rows", "data"), [("jit", 4, 1), ("shard_map", 2, 2)])
def test_twenty_steps_agree_with_the_single_run(way, rows, data):
    state, arrays, update = program(way, rows, data)
    for _ in range(20):
        state, metrics = update(state, arrays)
    single, numbers = train("jit", 1)
    first = jax.device_get(take_lane(state, 0).replace(key=(), rule=()))
    for a, b in zip(jax.tree.leaves(single), jax.tree.leaves(first), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-5, rtol=1e-5)
    for name, value in numbers.items():
        np.testing.assert_allclose(metrics[name][0], value, atol=1e-5, rtol=1e-4)
    assert len(set(np.asarray(metrics["d/adv"]).tolist())) == SEEDS


COLLECTIVE = r"(?:all-gather|all-reduce|all-to-all|collective-permute|reduce-scatter)(?:-start)?\("


def test_lanes_use_no_collective():
    _, _, update = program("jit", 4, 1)
    assert not re.findall(COLLECTIVE, update.as_text())


def test_a_condition_stays_a_condition():
    """Lazy terms rely on it under vmap: with a step per lane both branches would be computed."""
    _, _, update = program("jit", 4, 1)
    assert "conditional(" in update.as_text()


def test_collectives_stay_within_a_row_of_devices():
    _, _, update = program("shard_map", 2, 2)
    text = update.as_text()
    assert re.findall(COLLECTIVE, text)
    groups = set(re.findall(r"replica_groups=(.+?), [a-z_]+=", text))
    assert groups
    for group in groups:
        if group.startswith("{{"):  # each group by its devices
            for part in re.findall(r"\{([\d,]+)\}", group):
                assert len({int(device) // 2 for device in part.split(",")}) == 1, group
        else:  # [rows,members]<=[devices] in order, or the axes of the mesh
            assert group in {"[2,2]<=[4]", "mesh['lane'=2,'data'=2] {'data'}"}


def test_the_memory_limit_is_that_of_the_container(monkeypatch):
    monkeypatch.setattr(Path, "read_text", lambda path: "4096\n")
    assert memory.limit(jax.devices("cpu")[0]) == 4096
    monkeypatch.setattr(Path, "read_text", lambda path: "max\n")
    assert memory.limit(jax.devices("cpu")[0]) > 4096
