"""Texts as numbers: words, padding, words that are not known."""

import numpy as np
import pytest

from jaxgan.data.words import split_words, tokenise, unknown_words, vocabulary_of
from jaxgan.errors import Refused

TEXTS = ["Keycap: *", "a  red-haired woman's hat", "", "São Tomé & Príncipe flag"]


def test_a_text_is_rebuilt_from_its_numbers():
    ids, words = tokenise(TEXTS)
    assert ids.dtype == np.int32
    assert [[words[n] for n in row if n] for row in ids] == [split_words(text) for text in TEXTS]


def test_punctuation_and_case_make_no_words():
    assert split_words("Keycap: *") == ["keycap"]
    assert split_words("a_b, C.") == ["a", "b", "c"]
    assert split_words("São Tomé") == ["são", "tomé"]


def test_padding_is_at_the_end_alone():
    ids, _ = tokenise(TEXTS, length=7)
    assert ids.shape == (4, 7)
    filled = ids > 0
    assert (filled[:, 1:] <= filled[:, :-1]).all()
    assert not ids[2].any()


def test_words_of_another_vocabulary_are_unknown_and_named():
    vocabulary = vocabulary_of(["a cat"])
    assert tokenise(["a blue cat", "dog"], vocabulary)[0].tolist() == [[2, 1, 3], [1, 0, 0]]
    assert unknown_words(["a blue cat", "dog"], vocabulary) == ["blue", "dog"]


def test_the_vocabulary_does_not_depend_on_the_order_of_the_texts():
    assert vocabulary_of(TEXTS) == vocabulary_of(TEXTS[::-1])


def test_refusals():
    with pytest.raises(Refused, match=r"a text of 3 words is longer than the 2 .* for: a red cat$"):
        tokenise(["a cat", "a red cat"], length=2)
    with pytest.raises(Refused, match="begins with"):
        tokenise(["a cat"], ("a", "cat"))
