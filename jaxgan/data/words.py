"""Texts as numbers: one integer per word, and a vocabulary that says which word each stands for."""

import re
from collections.abc import Sequence

import numpy as np

from jaxgan.errors import Refused

PADDING, UNKNOWN = 0, 1  # the numbers of "", which fills short texts up, and of words outside the vocabulary
SPECIAL = ("", "<unknown>")

_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")  # letters and digits, with apostrophes between them


def split_words(text: str) -> list[str]:
    """Returns the words of a text in lower case, without spaces and punctuation.

    >>> split_words("A cat, sitting on the Queen's chair (left)")
    ['a', 'cat', 'sitting', 'on', 'the', "queen's", 'chair', 'left']
    """
    return _WORD.findall(text.lower())


def vocabulary_of(texts: Sequence[str]) -> tuple[str, ...]:
    """Returns "" and "<unknown>", which are 0 and 1, and then all words of the texts in order.

    >>> vocabulary_of(["a red cat", "a cat"])
    ('', '<unknown>', 'a', 'cat', 'red')
    """
    return (*SPECIAL, *sorted({word for text in texts for word in split_words(text)}))


def tokenise(
    texts: Sequence[str], vocabulary: Sequence[str] | None = None, length: int = 0
) -> tuple[np.ndarray, tuple[str, ...]]:
    """Returns the words of N texts as int32 [N, length], and their vocabulary.

    Words are those of `split_words`; a short text ends in 0, a word outside the vocabulary is 1. Without a
    `vocabulary` it is that of the texts, and without a `length` that of the longest text.

    >>> ids, words = tokenise(["a red cat", "A cat!"])
    >>> ids.tolist(), words
    ([[2, 4, 3], [2, 3, 0]], ('', '<unknown>', 'a', 'cat', 'red'))
    >>> tokenise(["a blue cat"], words, length=4)[0].tolist()
    [[2, 1, 3, 0]]
    """
    words = vocabulary_of(texts) if vocabulary is None else tuple(vocabulary)
    if words[: len(SPECIAL)] != SPECIAL:
        raise Refused(f'a vocabulary of words begins with "" and "<unknown>", not with {list(words[:2])}')
    number = {word: n for n, word in enumerate(words)}
    rows = [[number.get(word, UNKNOWN) for word in split_words(text)] for text in texts]
    longest = max(map(len, rows), default=0)
    if length and longest > length:
        text = texts[[len(row) for row in rows].index(longest)]
        raise Refused(
            f"a text of {longest} words is longer than the {length} that there is place for: {text}"
        )
    ids = np.full((len(rows), max(length or longest, 1)), PADDING, np.int32)
    for n, row in enumerate(rows):
        ids[n, : len(row)] = row
    return ids, words


def unknown_words(texts: Sequence[str], vocabulary: Sequence[str]) -> list[str]:
    """Returns the words of the texts that the vocabulary has not, each once, in order of appearance.

    >>> unknown_words(["a blue cat", "blue dogs"], ("", "<unknown>", "a", "cat"))
    ['blue', 'dogs']
    """
    known = set(vocabulary)
    return list(dict.fromkeys(word for text in texts for word in split_words(text) if word not in known))
