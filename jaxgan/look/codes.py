"""The codes of a latent in parts: what each of them changes, and which factors of the data it tells."""

from typing import Any

import numpy as np

from jaxgan.look.subject import Latents, Subject
from jaxgan.metrics.disentanglement import dci, mutual_information_gap
from jaxgan.pictures.chart import Chart, chart
from jaxgan.pictures.colours import INK

MOST = 16  # numbers in a part that is a code; longer ones are noise
COLUMNS = 10


def code_slices(latents: Latents) -> dict[str, slice]:
    """Returns the columns of each code: a one-hot part as a whole, of other short parts every number.

    >>> z = np.concatenate([np.eye(3), np.random.RandomState(0).normal(size=(3, 2))], axis=1)
    >>> parts = {"class": slice(0, 3), "style": slice(3, 5)}
    >>> list(code_slices(Latents(z, lambda z, given: z, parts)))
    ['class', 'style 0', 'style 1']
    """
    codes = {}
    for name, columns in latents.parts.items():
        size = columns.stop - columns.start
        if _one_hot(latents.z[:, columns]):
            codes[name] = columns
        elif size <= MOST:
            single = [slice(columns.start + i, columns.start + i + 1) for i in range(size)]
            codes |= {f"{name} {i}" if size > 1 else name: part for i, part in enumerate(single)}
    return codes


def traversed(latents: Latents, columns: slice, start: int) -> tuple[np.ndarray, list[str]]:
    """Returns one latent with every value of a code: its classes, or from its 5 % to its 95 % quantile."""
    code = latents.z[:, columns]
    if _one_hot(code):
        values = np.eye(code.shape[1])[:COLUMNS]
        names = [str(i) for i in range(len(values))]
    else:
        low, high = np.quantile(code[:, 0], (0.05, 0.95))
        values = np.linspace(low, high, COLUMNS)[:, None]
        names = [f"{x:.2g}" for x in values[:, 0]]
    z = np.repeat(latents.z[start : start + 1], len(values), axis=0)
    z[:, columns] = values
    return z, names


def interpretability(subject: Subject) -> Chart | str:
    """Draws the share of each factor that each code tells, with the mutual information gap and DCI."""
    if subject.latents is None or len(codes := code_slices(subject.latents)) < 2:
        return "the latent has no two codes by name, as those of `latents.parts`"
    if subject.factors is None:
        return "the factors of these data are not known, as they are of shapes"
    z = {name: subject.latents.z[:, columns] for name, columns in codes.items()}
    values = {name: code.argmax(1) if _one_hot(code) else code[:, 0] for name, code in z.items()}
    factors = subject.factors(subject.samples.x)
    result = mutual_information_gap(values, factors)
    scores = {"mutual information gap": result.gap}
    if len(result.factors) > 1:
        scores |= dict(list(dci(values, factors)._asdict().items())[3:])

    def draw(figure: Any) -> str:
        axes = figure.add_subplot()
        axes.imshow(result.told, vmin=0, vmax=1, cmap="Blues", aspect="auto")
        axes.grid(False)
        axes.set_xticks(range(len(result.factors)), result.factors)
        axes.set_yticks(range(len(result.codes)), result.codes)
        for (i, j), share in np.ndenumerate(result.told):
            dark = share > 0.5
            axes.text(j, i, f"{share:.2f}", ha="center", va="center", color="white" if dark else INK)
        notes = [f"{name} {x.value:.2f} ({x.low:.2f} to {x.high:.2f})" for name, x in scores.items()]
        return "\n".join(", ".join(notes[i : i + 2]) for i in range(0, len(notes), 2))

    size = 1.5 + 0.75 * len(result.factors), 1.3 + 0.35 * len(result.codes)
    return chart("interpretability", "Share of a factor's entropy that a code tells", size, draw)


def _one_hot(code: np.ndarray) -> bool:
    return code.shape[1] > 1 and bool(((code == 0) | (code == 1)).all() and (code.sum(axis=1) == 1).all())
