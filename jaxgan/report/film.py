"""Sample pictures over the steps, embedded in the page."""

import base64
from collections.abc import Sequence
from html import escape
from pathlib import Path

from jaxgan import reading
from jaxgan.pictures.png import description
from jaxgan.pictures.words import count

FRAMES = 40  # the most pictures of one film
BYTES = 6_000_000  # the size of all films of a page, about


def film(title: str, pictures: Sequence[tuple[int, Path]], room: int = BYTES) -> str:
    """Returns a film of the pictures with a slider and a button, or as a strip where scripts do not run.

    If they are more than a page can hold, it takes evenly spaced ones, with the first and the last.
    """
    shown = choose(pictures, room)
    frames = "".join(
        f'<div data-step="{count(step)}"><img alt="{escape(title)}" src="{data_url(path)}">'
        f"<small>step {count(step)}</small></div>"
        for step, path in shown
    )
    omitted = f", {len(shown)} of {len(pictures)} pictures" if len(shown) < len(pictures) else ""
    last = len(shown) - 1
    words = f" {said}" if shown and (said := description(shown[-1][1])) else ""
    same = (
        "The same held-out examples and latents at every step" if words else "The same latents at every step"
    )
    return (
        f'<figure class="film"><h3>{escape(title)}</h3><div class="frames">{frames}</div>'
        f'<div class="play"><button type="button">Play</button><input type="range" min="0" max="{last}" '
        f'value="{last}" aria-label="step"><output></output></div>'
        f"<figcaption>{same}{omitted}.{escape(words)}</figcaption></figure>"
    )


def choose(pictures: Sequence[tuple[int, Path]], room: int = BYTES) -> list[tuple[int, Path]]:
    """Returns as many evenly spaced pictures as fit, always with the first and the last.

    >>> many = [(step, Path(__file__)) for step in range(1000)]
    >>> [step for step, _ in choose(many)][:3], len(choose(many))
    ([0, 26, 51], 40)
    """
    size = max((path.stat().st_size for _, path in pictures), default=1)
    n = min(len(pictures), FRAMES, max(2, room * 3 // (4 * max(size, 1))))  # in base64 three bytes are four
    if n < 2:
        return list(pictures)
    return [pictures[round(i * (len(pictures) - 1) / (n - 1))] for i in range(n)]


def data_url(path: Path) -> str:
    """Returns a picture as a data URL."""
    return f"data:image/png;base64,{base64.b64encode(reading.content(path)).decode()}"
