"""`jaxgan plan`: what an update would cost on slices of TPUs, without any."""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import jax
import pytest
from support import experiment, jaxgan

from jaxgan.errors import Refused
from jaxgan.folder.settings import Settings
from jaxgan.run import plan
from jaxgan.run.ahead import lower_lanes, lower_run
from jaxgan.run.program import start_shapes
from jaxgan.scale.chips import CHIPS
from jaxgan.scale.collectives import Collective
from jaxgan.scale.topology import Topology, find_topology

ROOT = Path(__file__).parents[2]
TINY = ROOT / "tests" / "run" / "scripts" / "tiny.py"
SETTINGS = Settings(data="ring", batch_size=16)
NO_LIBTPU = importlib.util.find_spec("libtpu") is None
needs_libtpu = pytest.mark.skipif(NO_LIBTPU, reason="needs libtpu, of the extra jaxgan[tpu]")


def size(tree):
    return sum(leaf.size * leaf.dtype.itemsize for leaf in jax.tree.leaves(tree))


def test_a_shared_batch_reduces_gradients_and_lanes_reduce_nothing():
    """On a CPU, whose compiler does not merge D's gradients of real and of fake examples."""
    tiny = experiment()
    state = start_shapes(tiny, SETTINGS)
    shared = plan.cost(lower_run(tiny, SETTINGS, state, jax.devices()).compile())
    assert {operation.kind for operation in shared.communication} == {"all-reduce"}
    reduced = sum(operation.bytes for operation in shared.communication)
    gradients = size(state.g.params) + 2 * size(state.d.params)
    assert gradients <= reduced <= gradients + 64  # and means
    lanes = plan.cost(lower_lanes(tiny, SETTINGS, state, 8, jax.devices(), 1).compile())
    assert not lanes.communication
    assert lanes.memory.arguments > size(state)


def test_what_is_printed():
    slice_ = Topology("v5e:2x2", CHIPS[1], jax.devices()[:4])
    memory = plan.Memory(3 * 10**6, 2 * 10**6, 10**9, 4 * 10**9)
    cost = plan.Cost(197e9, 819 * 10**6, [Collective("all-reduce", 10**9, 4)] * 2, memory)
    assert plan.describe(plan.Plan(slice_, 4, 0, cost, None), SETTINGS).splitlines() == [
        "v5e:2x2: 4 chips, which share batches of 16",
        "  arithmetic      1 ms  197 GFLOP",
        "  memory          1 ms  819 MB read and written",
        "  network        15 ms  2 all-reduce of 2 GB",
        "  bound by network: an update takes at least 15 ms",
        "  holds 4 GB of 16 GB: arguments 3 MB, results 2 MB, temporaries 1 GB",
    ]
    lanes = plan.describe(plan.Plan(slice_, 1, 8, cost._replace(communication=[]), 7), SETTINGS).splitlines()
    assert lanes[0] == "v5e:2x2: 4 chips; 8 lanes, 2 on each chip, with batches of 16"
    assert lanes[3].split(maxsplit=1)[1] == "0 s  no collectives"
    assert lanes[-1] == "  about 28 lanes fit, 7 on each chip"


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("v5e", "a slice of v5e has 2 sides, as in v5e:4x4"),
        ("v5e:2x2x2", "a slice of v5e has 2 sides"),
        ("v5p:16x16", "a slice of v5p has 3 sides, as in v5p:4x4x4"),
        ("h100:8x8", "give a chip (v4, v5e, v5p, v6e) and a shape"),
        ("v5e:16x0", "a slice of v5e has 2 sides"),
        ("v5e:16x32", "a slice of v5e has at most 256 chips, not 512"),
    ],
)
def test_an_unknown_slice_is_refused(name, line):
    with pytest.raises(Refused) as refused:
        find_topology(name)
    assert line in str(refused.value)


def test_without_libtpu_the_extra_is_named(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(Refused, match=r"needs libtpu: install the extra jaxgan\[tpu\]"):
        find_topology("v5e:2x2")


@pytest.fixture
def eight_chips(monkeypatch):
    """Has the eight CPU devices stand for a slice."""
    slice_ = Topology("v5e:2x4", CHIPS[1], jax.devices())
    monkeypatch.setattr("jaxgan.scale.topology.find_topology", lambda name: slice_)
    monkeypatch.setattr("jaxgan.scale.topology.describe_offline", lambda: None)


@pytest.mark.parametrize(
    ("options", "line"),
    [
        (
            ("--batch-size", "12"),
            "a batch of 12 does not divide evenly over 8 devices: use a batch of 8 or 16",
        ),
        (("--seeds", "0:6", "--data-devices", "1"), "6 lanes do not divide evenly over 8 rows"),
        (("--data", "nowhere.npz"), "nowhere.npz"),
        (("--devices", "4"), "--devices 4: v5e:2x4 has 8"),
        (("--seeds", "0:8", "--lanes", "loop"), "--lanes loop trains each lane as a single run"),
        (("--parallel", "pmap"), "--parallel pmap needs devices that are there"),
        (("--resume", "runs/mine"), "--resume does not go with this command"),
        (("--steps", "-1"), "--steps must be at least"),
    ],
)
def test_bad_input_is_one_line(options, line, eight_chips, monkeypatch, capsys):
    assert jaxgan(monkeypatch, "plan", TINY, "--topology", "v5e:2x4", "--", *options) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert line in error
    assert error.count("\n") == 1


def test_a_file_that_is_no_script_is_refused(eight_chips, tmp_path, monkeypatch, capsys):
    (tmp_path / "mine.py").write_text("x = 1\n")
    for path, line in [(tmp_path / "mine.py", "has no Config and no build"), ("no.py", "no such script")]:
        assert jaxgan(monkeypatch, "plan", path, "--topology", "v5e:2x4") == 2
        assert line in capsys.readouterr().err


def test_a_script_is_planned_with_its_options(eight_chips, monkeypatch, capsys):
    """Once with CPU devices: eight lanes with two values of lr."""
    options = ("--seeds", "0:4", "--over", "lr=1e-3,1e-4")
    assert jaxgan(monkeypatch, "plan", TINY, "--topology", "v5e:2x4", "--", *options) == 0
    out = capsys.readouterr().out
    assert "8 lanes, 1 on each chip" in out
    assert "no collectives" in out
    assert "bound by memory: an update takes at least" in out
    assert "lanes fit" in out


ASKED = """
import json, runpy, sys
from jaxgan.scale.topology import describe_offline, find_topology
describe_offline()
import jax
from jaxgan.run import lane, plan
from jaxgan.run.check import experiment_of, source_of
from jaxgan.run.options import options_of
from jaxgan.run.program import start_shapes
from jaxgan.scale.collectives import by_kind
path, name, *options = sys.argv[1:]
names = runpy.run_path(path, run_name="planned")
config = options_of(names["Config"], options, None)
experiment = experiment_of(config, names["build"], source_of(config, names.get("data")))
rule_of = lane.rule_of(names["build"], config, experiment)
made = plan.plan(experiment, config, lane.lanes(config), rule_of, find_topology(name))
state = start_shapes(experiment, config)
sizes = [sum(x.size * x.dtype.itemsize for x in jax.tree.leaves(p.params)) for p in (state.d, state.g)]
print(json.dumps({
    "chips": len(made.topology.devices), "parameters": sizes, "bound": made.roofline.bound,
    "kinds": by_kind(made.cost.communication), "flops": made.cost.flops, "traffic": made.cost.traffic,
    "peak": made.cost.memory.peak, "fitting": made.fitting,
    "devices": sorted({each.devices for each in made.cost.communication}),
}))
"""


def asked(script, slice_, *options):
    """Plans in a process of its own, compiled as for real: with all optimisations."""
    environment = {
        name: value
        for name, value in os.environ.items()
        if name not in ("JAX_DISABLE_MOST_OPTIMIZATIONS", "XLA_FLAGS", "JAX_NUM_CPU_DEVICES")
    }
    command = [sys.executable, "-c", ASKED, str(ROOT / "experiments" / script), slice_, *options]
    done = subprocess.run(
        command, env={**environment, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@needs_libtpu
@pytest.mark.slow
def test_256_chips_reduce_each_gradient_of_a_convolutional_recipe_once():
    """What else is reduced are statistics of batch normalisation, and means: far less."""
    made = asked("lsgan_dcgan.py", "v5e:16x16", "--batch-size", "1024", "--width", "64")
    assert made["chips"] == 256
    assert list(made["kinds"]) == ["all-reduce"]
    assert made["devices"] == [256]
    parameters = sum(made["parameters"])
    assert parameters <= made["kinds"]["all-reduce"][1] < 1.05 * parameters
    assert made["peak"] < CHIPS[1].memory


@needs_libtpu
@pytest.mark.slow
def test_256_lanes_on_256_chips_need_no_collective():
    made = asked("ring.py", "v5e:16x16", "--seeds", "0:256")
    assert made["chips"] == 256
    assert made["kinds"] == {}
    assert made["fitting"] > 1


@needs_libtpu
@pytest.mark.slow
@pytest.mark.parametrize(("slice_", "chips"), [("v5e:1x1", 1), ("v5p:8x8x8", 512)])
def test_one_and_512_chips(slice_, chips):
    """The arithmetic of a chip is that of its share of the batch."""
    made = asked("ring.py", slice_, "--batch-size", "512", "--width", "64")
    assert made["chips"] == chips
    assert (made["kinds"] == {}) == (chips == 1)
