"""Token sequences as text, and text as pixels."""

import unicodedata
from collections.abc import Sequence
from unicodedata import combining

import numpy as np

from jaxgan.data.kind import Tokens
from jaxgan.errors import Refused

HEIGHT, LONGEST = 14, 100  # the pixels of a line, and the most characters


def texts(samples: np.ndarray, tokens: Tokens) -> list[str]:
    """Decodes integers [n, length], or the argmax of scores [n, length, vocabulary], to text.

    Empty words, such as the padding, are left out.

    >>> texts(np.array([[0, 1], [1, 1]]), Tokens(("the", "cat")))
    ['the cat', 'cat cat']
    """
    numbers = samples.argmax(axis=-1) if samples.ndim > 2 else samples.astype(np.int64)
    if numbers.size and not 0 <= numbers.min() <= numbers.max() < len(tokens.vocabulary):
        raise Refused(
            f"tokens are {numbers.min()} to {numbers.max()}, but the vocabulary has only 0 to "
            f"{len(tokens.vocabulary) - 1}: give Tokens the whole vocabulary"
        )
    words = [[tokens.vocabulary[number] for number in row] for row in numbers]
    return [tokens.join.join(filter(None, row)) for row in words]


def page(lines: Sequence[str], columns: int = 1) -> np.ndarray:
    """Draws lines of text as uint8 [height, width], black on white; long lines are cut.

    >>> page(["the cat", "cat cat"]).shape[0]
    28
    """
    pictures = [line(text if len(text) <= LONGEST else f"{text[:LONGEST]}...") for text in lines]
    width, rows = max(picture.shape[1] for picture in pictures), -(-len(pictures) // columns)
    pixels = np.full((rows * HEIGHT, columns * width), 255, np.uint8)
    for number, picture in enumerate(pictures):
        y, x = number // columns * HEIGHT, number % columns * width
        pixels[y : y + HEIGHT, x : x + picture.shape[1]] = picture
    return pixels


def line(text: str) -> np.ndarray:
    """Draws a line of text as uint8 [14, width], black on white, in Pillow's default font.

    Letters lose their accents; other characters outside ASCII become question marks.

    >>> line("cat").shape[0]
    14
    """
    from PIL import Image, ImageDraw, ImageFont

    font = ImageFont.load_default()
    plain = (letter for letter in unicodedata.normalize("NFKD", one_line(text)) if not combining(letter))
    text = "".join(plain).encode("ascii", "replace").decode()  # all that the font has
    width = int(font.getbbox(text)[2]) + 8
    picture = Image.new("L", (width, HEIGHT), 255)
    ImageDraw.Draw(picture).text((4, 1), text, fill=0, font=font)
    return np.asarray(picture)


def one_line(text: str) -> str:
    r"""Escapes line breaks, so that the text is one line.

    >>> one_line("a\nb")
    'a\\nb'
    """
    return text.replace("\r", "\\r").replace("\n", "\\n")
