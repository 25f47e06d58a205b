"""Cells become packs: each cell in one pack, lanes of one program only, and packs enough for all workers."""

import json

from hypothesis import given
from hypothesis import strategies as st

from jaxgan.sweep.plan import planned

ALL = lambda cell, names: frozenset(names)  # noqa: E731
NONE = lambda cell, names: frozenset()  # noqa: E731


def key(cell):
    return json.dumps(cell, sort_keys=True)


CELLS = st.lists(
    st.fixed_dictionaries(
        {
            "loss": st.sampled_from(["hinge", "softmax"]),
            "lr": st.sampled_from([0.1, 0.2, 0.3]),
            "seed": st.integers(0, 5),
        }
    ),
    min_size=1,
    max_size=30,
    unique_by=key,
)


@given(CELLS, st.integers(1, 4), st.integers(1, 8), st.booleans())
def test_every_cell_is_in_one_pack_and_no_pack_is_too_large(cells, workers, lanes, numbers):
    packs = planned(cells, ALL if numbers else NONE, workers, lanes)
    assert sorted(key(cell) for pack in packs for cell in pack.cells) == sorted(map(key, cells))
    assert len({pack.name for pack in packs}) == len(packs)
    for pack in packs:
        assert len({cell["loss"] for cell in pack.cells}) == 1
        if not numbers:
            assert len({cell["lr"] for cell in pack.cells}) == 1


def test_only_options_that_are_numbers_to_the_program_differ_between_lanes():
    cells = [
        {"width": width, "lr": lr, "seed": seed} for width in (8, 16) for lr in (0.1, 0.2) for seed in (0, 1)
    ]
    packs = planned(cells, lambda cell, names: frozenset(names) - {"width"}, workers=1)
    assert {pack.shared["width"] for pack in packs} == {8, 16}
    assert packs[0].values == ({"lr": 0.1}, {"lr": 0.2})


def test_there_are_two_packs_for_each_worker_where_there_are_cells_enough():
    cells = [{"seed": seed} for seed in range(64)]
    assert [len(pack.cells) for pack in planned(cells, NONE, workers=2)] == [16] * 4
    assert len(planned(cells[:3], NONE, workers=8)) == 3


def test_a_thousand_cells_are_planned_at_once():
    import time

    cells = [{"loss": str(n % 5), "lr": 1.0 + n // 5 % 50, "seed": n // 250} for n in range(1000)]
    began = time.monotonic()
    assert sum(len(pack.cells) for pack in planned(cells, ALL, workers=8)) == 1000
    assert time.monotonic() - began < 5
