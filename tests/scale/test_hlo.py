"""Collectives and memory traffic are read from the text of a program, and their times from peak figures."""

import jax
import jax.numpy as jnp
import pytest

from jaxgan.scale.chips import CHIPS, roofline
from jaxgan.scale.collectives import Collective, by_kind, collectives
from jaxgan.scale.traffic import traffic

PROGRAM = """HloModule update, is_scheduled=true, num_partitions=8

%add (a: f32[], b: f32[]) -> f32[] {
  %a = f32[] parameter(0)
  %b = f32[] parameter(1)
  ROOT %sum = f32[] add(%a, %b)
}

%rare (x: f32[1000]) -> f32[1000] {
  %x.1 = f32[1000]{0:T(1024)} parameter(0)
  ROOT %all = f32[1000]{0:T(1024)} all-reduce(%x.1), replica_groups={{0,1,2,3},{4,5,6,7}}, to_apply=%add
}

%usual (x: f32[1000]) -> f32[1000] {
  %x.2 = f32[1000]{0:T(1024)} parameter(0)
  %one = f32[] constant(1)
  %little = f32[] all-reduce(%one), replica_groups=[1,8]<=[8], to_apply=%add
  ROOT %x.5 = f32[1000]{0:T(1024)} negate(%x.2)
}

%body (state: (s32[], bf16[64])) -> (s32[], bf16[64]) {
  %state = (s32[], bf16[64]{0}) parameter(0)
  %x.3 = bf16[64]{0} get-tuple-element(%state), index=1
  %moved = bf16[64]{0} collective-permute(%x.3), channel_id=9, source_target_pairs={{0,1},{1,0}}
  ROOT %next = (s32[], bf16[64]{0}) tuple(%state, %moved)
}

%condition (state: (s32[], bf16[64])) -> pred[] {
  ROOT %go = pred[] constant(true)
}

%scattered (x: f32[16]) -> f32[2] {
  %x.4 = f32[16]{0} parameter(0)
  ROOT %part = f32[2]{0} reduce-scatter(%x.4), replica_groups=mesh['a'=4,'b'=2] {'a','b'}, to_apply=%add
}

ENTRY %main_spmd (p: pred[], x: f32[1000], y: bf16[64], z: f32[16]) -> f32[8] {
  %p = pred[]{:T(512)} parameter(0)
  %x = f32[1000]{0:T(1024)} parameter(1)
  %y = (s32[], bf16[64]{0}) parameter(2)
  %z = f32[16]{0} parameter(3)
  %choice = f32[1000]{0:T(1024)} conditional(%p, %x, %x), true_computation=%rare, false_computation=%usual
  %loop = (s32[], bf16[64]{0}) while(%y), condition=%condition, body=%body, TRIPS
  %part.1 = f32[2]{0} fusion(%z), kind=kCustom, calls=%scattered
  %start = (f32[2]{0}, f32[8]{0}) all-gather-start(%part.1), replica_groups=[2,4]<=[8], dimensions={0}
  %done = f32[8]{0} all-gather-done(%start)
  %alone = f32[8]{0} all-reduce(%done), replica_groups=[8,1]<=[8], to_apply=%add
  %pair = (f32[8]{0}, /*index=1*/s8[3]{0:T(128)S(1)}) all-reduce(%alone, %p), replica_groups={}, to_apply=%add
  ROOT %first = f32[8]{0} get-tuple-element(%pair), index=0, metadata={op_name="a copy of all-reduce(x)"}
}
""".replace("TRIPS", 'backend_config={"known_trip_count":{"n":"3"}}')


def test_collectives_in_every_notation():
    assert collectives(PROGRAM) == [
        Collective("all-reduce", 4000, 4),  # of the branch that sends most
        *[Collective("collective-permute", 128, 8)] * 3,  # as often as the loop runs
        Collective("reduce-scatter", 64, 8),  # in a fusion; its operand
        Collective("all-gather", 32, 4),  # started and done; its result
        Collective("all-reduce", 35, 8),  # of all devices, of a tuple; the one before is of one device
    ]
    assert by_kind(collectives(PROGRAM))["all-reduce"] == (2, 4035)


def test_bytes_that_a_ring_sends():
    sent = [operation.sent for operation in collectives(PROGRAM)]
    assert sent == [2 * 3 / 4 * 4000, 128, 128, 128, 7 / 8 * 64, 3 / 4 * 32, 2 * 7 / 8 * 35]


def test_collectives_of_what_the_compiler_splits():
    """The gradient of replicated weights is summed over eight devices, once."""
    mesh = jax.make_mesh((8,), ("data",), axis_types=(jax.sharding.AxisType.Auto,))
    split = jax.NamedSharding(mesh, jax.P("data"))
    whole = jax.NamedSharding(mesh, jax.P())
    step = jax.jit(jax.grad(lambda w, x: jnp.square(x @ w).mean()), out_shardings=whole)
    w = jax.ShapeDtypeStruct((3, 5), jnp.float32, sharding=whole)
    x = jax.ShapeDtypeStruct((16, 3), jnp.float32, sharding=split)
    assert collectives(step.lower(w, x).compile().as_text()) == [Collective("all-reduce", 60, 8)]


def test_traffic_of_a_product_is_what_xla_counts():
    a, b = jnp.zeros((64, 32)), jnp.zeros((32, 16))
    program = jax.jit(jnp.matmul).lower(a, b).compile()
    assert traffic(program.as_text()) == program.cost_analysis()["bytes accessed"]
    assert traffic(program.as_text()) == 4 * (64 * 32 + 32 * 16 + 64 * 16)


FUSED = """HloModule take

%fused (t: f32[1000,8], i: s32[4]) -> f32[4,8] {
  %t = f32[1000,8]{1,0} parameter(0)
  %flat = f32[1000,8]{1,0} bitcast(%t)
  %i = s32[4]{0} parameter(1)
  ROOT %rows = f32[4,8]{1,0} gather(%flat, %i), offset_dims={1}
}

ENTRY %main (table: f32[1000,8], i: s32[4]) -> f32[4,8] {
  %table = f32[1000,8]{1,0} parameter(0)
  %i.1 = s32[4]{0} parameter(1)
  %near = (s32[4]{0:T(128)S(1)}, s32[4]{0:T(128)}, u32[]{:S(2)}) copy-start(%i.1)
  %near.1 = s32[4]{0:T(128)S(1)} copy-done(%near)
  ROOT %taken = f32[4,8]{1,0} fusion(%table, %near.1), kind=kCustom, calls=%fused
}
"""


def test_traffic_of_slices_and_of_what_stays_on_the_chip():
    """16 bytes are copied to the chip; 128 are read of the table, and 128 written."""
    assert traffic(FUSED) == 16 + 128 + 128


@pytest.mark.parametrize("chip", CHIPS, ids=lambda chip: chip.name)
def test_each_peak_binds_alone(chip):
    """A second of each at full speed."""
    full = chip.flops, chip.bandwidth
    moved = [Collective("collective-permute", int(chip.network), 2)]
    assert roofline(chip, 2 * full[0], full[1], moved) == pytest.approx((2, 1, 1))
    assert roofline(chip, 2 * full[0], full[1], moved).bound == "arithmetic"
    assert roofline(chip, full[0], 3 * full[1], moved).bound == "memory"
    assert roofline(chip, 0, 0, moved * 2).bound == "network"
    assert roofline(chip, 0, 0, moved * 2).seconds == pytest.approx(2)


def test_pods_have_the_all_reduce_bandwidth_that_is_published():
    """256 chips of v5e send 51.2 TB/s, of v6e 102.4 TB/s, by the documentation's pod figures."""
    pods = {chip.name: 256 * chip.network for chip in CHIPS}
    assert pods["v5e"] == 51.2e12
    assert pods["v6e"] == 102.4e12
