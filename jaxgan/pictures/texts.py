"""Sequences of tokens as text, and texts as lines of a picture."""

import unicodedata
from collections.abc import Sequence
from unicodedata import combining

import numpy as np

from jaxgan.data.kind import Tokens
from jaxgan.errors import Refused

HEIGHT, LONGEST = 14, 100  # pixels of a line, and characters of it


def texts(samples: np.ndarray, tokens: Tokens) -> list[str]:
    """Integers [n, length], or scores [n, length, vocabulary] of which the largest counts, as text.

    >>> texts(np.array([[0, 1], [1, 1]]), Tokens(("the", "cat")))
    ['the cat', 'cat cat']
    """
    numbers = samples.argmax(axis=-1) if samples.ndim > 2 else samples.astype(np.int64)
    if numbers.size and not 0 <= numbers.min() <= numbers.max() < len(tokens.vocabulary):
        raise Refused(
            f"tokens go from {numbers.min()} to {numbers.max()}, and the vocabulary from 0 to "
            f"{len(tokens.vocabulary) - 1}: give Tokens the whole vocabulary"
        )
    return [tokens.join.join(tokens.vocabulary[number] for number in row) for row in numbers]


def page(lines: Sequence[str], columns: int = 1) -> np.ndarray:
    """Texts as the lines of a picture [height, width] of uint8, black on white; long ones are cut.

    >>> page(["the cat", "cat cat"]).shape[0]
    28
    """
    drawn = [line(text if len(text) <= LONGEST else f"{text[:LONGEST]}...") for text in lines]
    width, rows = max(one.shape[1] for one in drawn), -(-len(drawn) // columns)
    pixels = np.full((rows * HEIGHT, columns * width), 255, np.uint8)
    for number, one in enumerate(drawn):
        y, x = number // columns * HEIGHT, number % columns * width
        pixels[y : y + HEIGHT, x : x + one.shape[1]] = one
    return pixels


def line(text: str) -> np.ndarray:
    """A text in one line, [14, width] of uint8, black on white, in the font that Pillow brings along.

    Letters lose their accents, and what is not ASCII then is a question mark.

    >>> line("cat").shape[0]
    14
    """
    from PIL import Image, ImageDraw, ImageFont

    font = ImageFont.load_default()
    plain = (letter for letter in unicodedata.normalize("NFKD", one_line(text)) if not combining(letter))
    text = "".join(plain).encode("ascii", "replace").decode()  # the font has no other letters
    width = int(font.getbbox(text)[2]) + 8
    picture = Image.new("L", (width, HEIGHT), 255)
    ImageDraw.Draw(picture).text((4, 1), text, fill=0, font=font)
    return np.asarray(picture)


def one_line(text: str) -> str:
    r"""Line breaks as they are written in code: a line to a text.

    >>> one_line("a\nb")
    'a\\nb'
    """
    return text.replace("\r", "\\r").replace("\n", "\\n")
