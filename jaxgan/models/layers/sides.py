"""Which sides of images an architecture can make."""

from jaxgan.errors import Refused


def square_side(shape: tuple[int, ...], name: str, packed: bool = False) -> int:
    """Returns the side of square images of 1 to 4 channels, or more if `packed`; Refused otherwise.

    >>> square_side((32, 32, 3), "DCGAN")
    32
    """
    if len(shape) != 3 or shape[0] != shape[1]:
        raise Refused(f"{name} makes square images (side, side, channels), not {tuple(shape)}")
    if not packed and not 1 <= shape[2] <= 4:
        raise Refused(
            f"{name} makes images of 1 to 4 channels, not {shape[2]}: shape is (side, side, channels)"
        )
    return shape[0]


def valid_sides(most: int) -> list[int]:
    """Returns all b 2^k up to `most`, with b in 4..7 and k >= 1: k doublings of a small image.

    >>> valid_sides(20)
    [8, 10, 12, 14, 16, 20]
    """
    return sorted(b << k for b in (4, 5, 6, 7) for k in range(1, 7) if b << k <= most)


def doublings(side: int, name: str, sizes: list[int]) -> int:
    """Returns the k of a side b 2^k. Raises Refused if it is not one of the sizes.

    >>> doublings(28, "DCGAN", valid_sides(256)), doublings(64, "DCGAN", valid_sides(256))
    (2, 4)
    """
    if side not in sizes:
        near = [size for size in sizes if size < side][-1:] + [size for size in sizes if size > side][:1]
        raise Refused(
            f"{name} cannot make images of {side} px, only 4, 5, 6 or 7 times 2, 4, 8, ... up to "
            f"{sizes[-1]}: take {' or '.join(map(str, near))}"
        )
    return side.bit_length() - 3
