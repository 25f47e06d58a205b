"""What the scripts of texts share beside `small.py`: options, data, networks, baselines and the measurements.

No experiment of its own. Data have pictures "x" and their words "text"; sample i is drawn from the text of
the i-th held-out example.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import small

import jaxgan as jg

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import numpy as np

    Measure = Callable[[jg.Moment], Mapping[str, float] | None]

MEASURED = 1000
"""Held-out texts to draw from, at most."""


@dataclass(frozen=True)
class Config(small.Config):
    data: str = "described_shapes"
    size: int = 16
    batch_size: int = 32
    gamma: jg.NonNegative = 1.0
    """Weight of R1."""
    width: jg.Count = 32
    """Channels of each network's widest images."""
    words: jg.Count = 32
    """Numbers that stand for a word, and for a text."""
    z_size: jg.Count = 32
    """Numbers per latent, each normal."""


def with_words(config: Config) -> "jg.Source":
    """Loads pictures with words; refuses data that have none."""
    source = jg.load(config.data, config.size)
    if "text" not in source.leaves:
        raise jg.Refused(
            f"this method draws from words, and --data {config.data} has none: take described_shapes, or a "
            "file of pictures with their texts"
        )
    return source


def vocabulary(source: "jg.Source") -> int:
    """The number of words that texts are made of."""
    return len(source.leaves["text"].kind.vocabulary)


def generator(config: Config, source: "jg.Source", **options: Any) -> "jg.Network":
    """A G of a latent and a text; options are those of `words.Generator`."""
    from jaxgan.models import words

    options = {"axis": config.lowering.axis, **options}
    size = vocabulary(source)
    return jg.from_linen(words.Generator(source.shape, size, config.width, config.words, **options))


def discriminator(config: Config, source: "jg.Source") -> "jg.Network":
    """A D of pictures with texts."""
    from jaxgan.models import words

    return jg.from_linen(words.Discriminator(vocabulary(source), config.width, config.words))


rule = small.rule


def read(pictures: "np.ndarray") -> list[str]:
    """Returns the texts of coloured shapes [n, s, s, 3], by measuring what they show."""
    import jax
    import numpy as np

    from jaxgan.data import shapes

    enlarged = jax.image.resize(pictures, (len(pictures), 32, 32, 3), "lanczos3")
    return shapes.describe(shapes.measure(np.asarray(enlarged)))


def spelled(source: "jg.Source", text: "np.ndarray") -> list[str]:
    """Returns texts [n, L] as words."""
    names = source.leaves["text"].kind.vocabulary
    return [" ".join(names[n] for n in row if n) for row in text]


def named(asked: list[str], shown: list[str]) -> float:
    """Returns the share of pictures whose colour and shape are both those of the text."""
    import numpy as np

    from jaxgan.data import shapes

    what = {*shapes.SHAPES, *shapes.COLOURS}
    pairs = zip(asked, shown, strict=True)
    return float(np.mean([what & set(a.split()) == what & set(b.split()) for a, b in pairs]))


def scores(config: Config, source: "jg.Source") -> "Callable[[np.ndarray], dict[str, float]]":
    """Returns what is measured of pictures [n, ...] drawn from the first n held-out texts.

    `r_precision`; `named`, the share that show the colour and the shape asked for, or of other data with
    labels the share whose class a classifier finds to be that of the text; and the energy distance from the
    held-out pictures.
    """
    from functools import cache

    import numpy as np

    @cache
    def held_out() -> "dict[str, np.ndarray]":
        return jg.data.labelled(source.held_out() if source.held_out else source, MEASURED)

    @cache
    def matcher() -> "jg.Matcher":
        return jg.matcher(source)

    def right(pictures: "np.ndarray") -> "dict[str, float]":
        if config.data == "described_shapes":
            asked = spelled(source, held_out()["text"][: len(pictures)])
            return {"named": named(asked, read(pictures))}
        if not source.classes:
            return {}
        logits = jg.usual_extractor(source.kind, source).apply(pictures).logits
        assert logits is not None
        return {"named": float((logits.argmax(axis=1) == held_out()["label"][: len(pictures)]).mean())}

    def measured(pictures: "np.ndarray") -> "dict[str, float]":
        text, x = (held_out()[name][: len(pictures)] for name in ("text", "x"))
        candidates = min(100, len(np.unique(text, axis=0)))
        features = matcher().images(pictures), matcher().texts(text)
        return {
            "r_precision": jg.metrics.retrieval.r_precision(*features, text, candidates).value,
            **right(pictures),
            "energy": jg.metrics.energy.energy_distance(pictures, x),
        }

    return measured


def baselines(source: "jg.Source") -> "dict[str, np.ndarray]":
    """Pictures for the first held-out texts that no GAN drew, and the true ones.

    `nearest`: the training picture whose text has most words in common, the first of those; `mean`: the
    linear function of the words that a text has with the least squared error on the training pictures.
    """
    import numpy as np

    train = jg.data.labelled(source, 10_000)
    rest = jg.data.labelled(source.held_out() if source.held_out else source, MEASURED)

    def bag(text: "np.ndarray") -> "np.ndarray":
        hot = np.zeros((len(text), vocabulary(source)), np.float32)
        np.put_along_axis(hot, text, 1, axis=1)
        hot[:, 0] = 1  # the constant, in the place of the padding
        return hot

    given, asked = bag(train["text"]), bag(rest["text"])
    shared = asked @ given.T
    nearest = train["x"][(shared / (given.sum(1) + asked.sum(1)[:, None] - shared)).argmax(axis=1)]
    flat = train["x"].reshape(len(train["x"]), -1)
    ridge = given.T @ given + np.eye(given.shape[1], dtype=np.float32)
    mean = (asked @ np.linalg.solve(ridge, given.T @ flat)).reshape(rest["x"].shape)
    return {"nearest": nearest, "mean": mean.clip(-1, 1), "true": rest["x"]}


def experiment(config: Config, source: "jg.Source", rule: "jg.Rule", *measures: "Measure") -> jg.Experiment:
    """The rule on the data, measured by `scores`, with those of the baselines beside it."""
    from functools import cache

    measured = scores(config, source)

    @cache
    def beside() -> dict[str, float]:
        pictures = baselines(source)
        numbers = {
            f"{name}_{score}": value for name, x in pictures.items() for score, value in measured(x).items()
        }
        return {name: value for name, value in numbers.items() if name != "true_energy"}  # from itself

    def measure(moment: jg.Moment) -> "Mapping[str, float]":
        size = (source.held_out() if source.held_out else source).size or MEASURED
        samples = moment.sample(moment.state.generator, min(MEASURED, size))
        return {**measured(samples), **beside()}

    hooks = [jg.Hook(config.measure_every, call) for call in (measure, *measures)]
    return jg.Experiment(rule, source, hooks, grid=100)
