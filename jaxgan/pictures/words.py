"""Numbers and lists as text."""

import math
from collections.abc import Iterable, Sequence


def short(x: float) -> str:
    """Formats a number with three significant digits, without an exponent from 1e-4 to 1e7.

    >>> short(0.0123456), short(-1234.5), short(3.2e-7), short(float("nan"))
    ('0.0123', '−1,230', '3.2e−7', '–')
    """
    if math.isnan(x):
        return "–"
    if math.isinf(x):
        return "∞" if x > 0 else "−∞"
    size = abs(x)
    if size != 0 and not 1e-4 <= size < 1e7:
        digits, exponent = f"{x:.2e}".split("e")
        digits = digits.rstrip("0").rstrip(".") if "." in digits else digits
        text = f"{digits}e{int(exponent)}"
    elif size >= 100:
        text = f"{round(x, 2 - math.floor(math.log10(size))):,.0f}"
    else:
        text = f"{x:.3g}"
    return text.replace("-", "−")


def count(n: float) -> str:
    """Formats a whole number.

    >>> count(16000)
    '16,000'
    """
    return f"{round(n):,}"


def step_range(first: int, last: int) -> str:
    """Formats one step or a range of steps.

    >>> step_range(1000, 1000), step_range(100, 900)
    ('step 1,000', 'steps 100 to 900')
    """
    return f"step {count(last)}" if first == last else f"steps {count(first)} to {count(last)}"


def first_three(parts: Sequence[str]) -> str:
    """Joins the first three parts, and says how many more there are.

    >>> first_three(["a is 1", "b is 1", "c is 2", "d is 1", "e is 9"])
    'a is 1; b is 1; c is 2; and 2 more'
    """
    return "; ".join([*parts[:3], *([f"and {len(parts) - 3} more"] if len(parts) > 3 else [])])


def value_range(values: Iterable[float]) -> str:
    """Formats the range of the finite values.

    >>> value_range([0.5]), value_range([0.5, 0.75])
    ('0.5', '0.5 to 0.75')
    """
    finite = [x for x in values if math.isfinite(x)]
    if not finite:
        return "–"
    low, high = short(min(finite)), short(max(finite))
    return low if low == high else f"{low} to {high}"
