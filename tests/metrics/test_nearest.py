import jax
import numpy as np
import pytest
from scipy.spatial.distance import cdist

from jaxgan.errors import Refused
from jaxgan.metrics.nearest import centred_rows, nearest, squared_float32

DRAW = np.random.RandomState(0)


def by_hand(x, among, k):
    """Neighbours from all distances in float64; ties go to the lower index."""
    distances = cdist(x.astype(np.float32).astype(float), among.astype(np.float32).astype(float))
    numbers = np.argsort(distances, axis=1, kind="stable")[:, :k]
    return numbers, np.take_along_axis(distances, numbers, axis=1)


@pytest.mark.parametrize("block", [4096, 17])
@pytest.mark.parametrize("d", [2, 40])
def test_by_hand_in_any_blocks(d, block):
    x, among = DRAW.normal(size=(30, d)), DRAW.normal(size=(45, d))
    numbers, distances = nearest(x, among, 4, block)
    by_hand_numbers, by_hand_distances = by_hand(x, among, 4)
    np.testing.assert_array_equal(numbers, by_hand_numbers)
    np.testing.assert_allclose(distances, by_hand_distances, rtol=1e-13)


def test_block_size_does_not_change_a_bit():
    x, among = DRAW.normal(size=(30, 100)), DRAW.normal(size=(45, 100))
    for whole, parts in zip(nearest(x, among, 3), nearest(x, among, 3, 7), strict=True):
        np.testing.assert_array_equal(whole, parts)


def test_a_copy_far_from_the_origin_has_distance_0():
    among = (DRAW.normal(size=(40, 2048)) + 100).astype(np.float32)
    numbers, distances = nearest(among[::3], among, 2)
    np.testing.assert_array_equal(numbers[:, 0], np.arange(0, 40, 3))
    np.testing.assert_array_equal(distances[:, 0], 0.0)
    assert distances[:, 1].min() > 1


def test_neighbours_far_from_the_origin_are_ordered_exactly():
    among = DRAW.normal(size=(40, 64)) + 1000
    x = among + 0.3 * DRAW.normal(size=(40, 64))
    np.testing.assert_array_equal(nearest(x, among, 5)[0], by_hand(x, among, 5)[0])


def test_tight_modes_in_the_plane():
    # hundreds of neighbours are nearer than a matrix product in float32 resolves
    angle = 2 * np.pi * DRAW.randint(0, 8, 1000) / 8
    x = 2 * np.stack([np.cos(angle), np.sin(angle)], axis=1) + 1e-5 * DRAW.normal(size=(1000, 2))
    np.testing.assert_array_equal(nearest(x[:50], x, 6)[1], by_hand(x[:50], x, 6)[1])


def test_neighbours_nearer_than_rounding_errors_are_ordered_exactly():
    x = DRAW.normal(size=(1, 64))
    among = np.concatenate([DRAW.normal(size=(50, 64)), x + 1e-5 * DRAW.normal(size=(9, 64))])
    np.testing.assert_array_equal(nearest(x, among, 3)[0], by_hand(x, among, 3)[0])


def test_ties_go_to_the_lower_index():
    # permutations of the same integers: equally far in float64, not quite in float32
    among = np.stack([DRAW.permutation(np.arange(50)) for _ in range(12)])
    numbers, distances = nearest(np.zeros((1, 50)), among, 4, 9)
    assert numbers.tolist() == [[0, 1, 2, 3]]
    assert len(set(distances[0])) == 1


@pytest.mark.parametrize("d", [2, 32, 33, 2048])
@pytest.mark.parametrize("kind", ["normal", "positive", "copies", "sparse"])
def test_rounding_errors_stay_within_their_bound(d, kind):
    a, b = (DRAW.normal(size=(60, d)).astype(np.float32) for _ in range(2))
    if kind == "positive":
        a, b = np.abs(a), np.abs(b)
    elif kind == "copies":
        b = a
    elif kind == "sparse":
        a[:, 1:], b[:, 1:] = 1e-3 * a[:, 1:], 1e-3 * b[:, 1:]
    centre = np.zeros(d, np.float32)
    squares, bound = jax.jit(squared_float32)(centred_rows(a, centre), centred_rows(b, centre))
    error = np.abs(np.asarray(squares, np.float64) - cdist(a.astype(float), b.astype(float)) ** 2)
    assert np.all(error <= 0.7 * np.asarray(bound))


def test_matrix_products_have_full_precision_on_devices_that_round_by_default():
    x = centred_rows(np.ones((2, 40), np.float32), np.zeros(40, np.float32))
    assert "HIGHEST" in str(jax.make_jaxpr(squared_float32)(x, x))


def test_images_are_flattened():
    x = DRAW.normal(size=(5, 4, 4, 1))
    np.testing.assert_array_equal(nearest(x, x, 2)[1], nearest(x.reshape(5, 16), x.reshape(5, 16), 2)[1])


def test_invalid_examples_are_refused():
    x, damaged = np.zeros((5, 3)), np.zeros((5, 3))
    damaged[1, 0], damaged[3, 2] = np.nan, np.inf
    with pytest.raises(Refused, match="there are no other examples"):
        nearest(x, x[:0])
    with pytest.raises(Refused, match=r"3 numbers .* 2"):
        nearest(x, x[:, :2])
    with pytest.raises(Refused, match="2 of 5 given examples are not finite"):
        nearest(damaged, x)
    with pytest.raises(Refused, match="5 examples do not have 6 nearest"):
        nearest(x, x, 6)
    with pytest.raises(Refused, match="5 examples do not have 0 nearest"):
        nearest(x, x, 0)
    far = 1e5 + 0.01 * DRAW.normal(size=(50, 2))
    with pytest.raises(Refused, match="too far from 0 for float32 to resolve"):
        nearest(far, far)
    assert not nearest(np.full((5, 3), 0.1), np.full((6, 3), 0.1))[1].any()  # equal to the last bit


@pytest.mark.parametrize("block", [4096, 50])
def test_neighbours_closer_than_float32_resolves(block):
    draw = np.random.RandomState(0)
    centres = 3 * draw.randn(2, 64)
    tight = (centres[np.arange(300) % 2] + 1e-3 * draw.randn(300, 64)).astype(np.float32)
    numbers, distances = nearest(tight, tight, 6, block)
    np.testing.assert_array_equal(numbers[:, 0], np.arange(300))
    np.testing.assert_array_equal(distances[:, 0], 0)
    exact = cdist(tight.astype(np.float64), tight.astype(np.float64))
    np.testing.assert_allclose(distances, np.sort(exact, axis=1)[:, :6], rtol=1e-9)


def test_numbers_whose_squares_overflow_float32_are_refused():
    with pytest.raises(Refused, match="too large to have distances"):
        nearest(np.full((3, 2), 1e20), np.zeros((3, 2)))
