"""Whether the parts of a GAN go together: refused in one line each where they are put together."""

from collections.abc import Sequence

from jaxgan.errors import Refused
from jaxgan.parts.network import Network
from jaxgan.parts.objectives import Objective
from jaxgan.parts.terms import Term
from jaxgan.parts.types import Schedule

METRICS = ("adv", "real", "fake", "acc_real", "acc_fake", "grad", "update")
"""What is measured of every player under its own name, as `d/adv`, and so no name of a term."""


def fit(
    generator: Network,
    discriminator: Network,
    objective: Objective,
    d_terms: Sequence[Term],
    g_terms: Sequence[Term],
) -> None:
    """Refuses what is no part of its kind, and names that clash."""
    for network in (generator, discriminator):
        if not isinstance(network, Network):
            raise Refused(f"{_name(network)} is no Network: wrap it in from_linen or from_nnx")
    if not isinstance(objective, Objective):
        raise Refused(f"{_name(objective)} is no Objective: are its () missing, as in hinge()?")
    for terms in (d_terms, g_terms):
        for term in terms:
            if not isinstance(term, Term):
                raise Refused(f"{_name(term)} is no Term: are its () missing, as in r1()? Or use `stateless`")
            if term.name in METRICS:
                raise Refused(f"a term cannot be called {term.name}, which is a metric already; rename it")
        names = [term.name for term in terms]
        if len(set(names)) < len(names):
            raise Refused(f"two terms of one player share a name: {', '.join(names)}; rename one of them")


def numbers(label_smoothing: float, label_noise: float, packing: int) -> None:
    """Refuses shares that are none and packs of nothing."""
    for name, share in (("label_smoothing", label_smoothing), ("label_noise", label_noise)):
        if isinstance(share, float | int) and not 0 <= share <= 1:  # not so of a lane's, which is traced
            raise Refused(f"{name} is a share between 0 and 1, not {share}")
    if packing < 1:
        raise Refused(f"packing is of 1 or more examples, not {packing}")


def is_on(number: Schedule) -> bool:
    """Whether a number may be other than 0: a schedule's may, and one that is traced, as a lane's own.

    >>> is_on(0.0), is_on(0.1), is_on(lambda step: 0.0)
    (False, True, True)
    """
    return not isinstance(number, float | int) or number != 0


def _name(part: object) -> str:
    return getattr(part, "__name__", type(part).__name__)
