"""Whether the parts of a game go together: refused in one line each, when built or first used."""

from collections.abc import Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp

from jaxgan.errors import Refused
from jaxgan.parts.conditioning import Conditioning
from jaxgan.parts.latents import Latent
from jaxgan.parts.network import Network
from jaxgan.parts.objectives import Objective
from jaxgan.parts.output import as_output
from jaxgan.parts.terms import Term
from jaxgan.parts.types import Array, Schedule

METRICS = ("adv", "real", "fake", "acc_real", "acc_fake", "grad", "update", "average", "augment")
"""What is measured of every player under its own name, as `d/adv`, and so no name of a term."""


def generator(network: Network, latent: Latent) -> None:
    """Refuses what is no part of its kind."""
    _network(network)
    if not isinstance(latent, Latent):
        raise Refused(f"{_name(latent)} is no Latent: give one such as latents.normal(64)")


def adversary(
    network: Network,
    objective: Objective,
    d_terms: Sequence[Term],
    g_terms: Sequence[Term],
    conditioning: Conditioning,
) -> None:
    """Refuses what is no part of its kind, and names that clash."""
    _network(network)
    if not isinstance(objective, Objective):
        raise Refused(f"{_name(objective)} is no Objective: are its () missing, as in hinge()?")
    if not isinstance(conditioning, Conditioning):
        raise Refused(
            f"{_name(conditioning)} is no Conditioning: give one such as conditioning.projection(10)"
        )
    for terms in (d_terms, g_terms):
        if isinstance(terms, Term):
            raise Refused(f"terms come as a list: [{terms.name}()], not {terms.name}() alone")
        for term in terms:
            if not isinstance(term, Term):
                raise Refused(f"{_name(term)} is no Term: are its () missing, as in r1()? Or use `stateless`")
            if term.name in METRICS:
                raise Refused(f"a term cannot be called {term.name}, which is a metric already; rename it")
        names = [term.name for term in terms]
        if len(set(names)) < len(names):
            raise Refused(f"two terms of one player share a name: {', '.join(names)}; rename one of them")


def agree(generator: Network, discriminator: Network, conditioning: Conditioning) -> None:
    """Refuses networks that tell other labels apart than they are to be given."""
    classes = getattr(conditioning, "classes", 0)  # what is no conditioning is refused elsewhere
    for network, player in ((generator, "generator"), (discriminator, "discriminator")):
        of_network = getattr(network, "classes", 0)
        if of_network and classes and of_network != classes:
            raise Refused(
                f"the {player} tells {of_network} classes apart, the conditioning {classes}: they must agree"
            )


def given(conditioning: Conditioning, leaves: Mapping[str, Array]) -> None:
    """Refuses examples without what the networks are conditioned on."""
    for name in conditioning.reads:
        if leaves.get(name) is None:
            of = f"{conditioning.classes} classes" if name == "label" and conditioning.classes else name
            has = "labels" if name == "label" else f"leaf called {name}"
            raise Refused(f"the networks are conditional on {of}, but the examples have no {has}")


def logits(said: Any, inputs: int) -> None:
    """Refuses a discriminator that does not say a logit, or several, of each input."""
    scales = jax.tree.leaves(as_output(said).logit)
    floating("discriminator's logits", scales)
    shapes = [tuple(x.shape) for x in scales]
    if not shapes or any(shape[:1] != (inputs,) for shape in shapes):
        raise Refused(
            f"the discriminator must give one logit per input, shape ({inputs},), or one per patch, "
            f"({inputs}, ...); it gives {', '.join(map(str, shapes)) or 'nothing'}"
        )


def floating(what: str, made: Any) -> None:
    """Refuses what no gradient passes through."""
    for leaf in jax.tree.leaves(made):
        if not jnp.issubdtype(leaf.dtype, jnp.floating):
            raise Refused(f"the {what} are of type {leaf.dtype}, which no gradient passes: make them floats")


def numbers(label_smoothing: float, label_noise: float, packing: int) -> None:
    """Refuses shares that are none and packs of nothing."""
    for name, share in (("label_smoothing", label_smoothing), ("label_noise", label_noise)):
        if isinstance(share, float | int) and not 0 <= share <= 1:  # not so of a lane's, which is traced
            raise Refused(f"{name} is a share between 0 and 1, not {share}")
    if not isinstance(packing, int) or packing < 1:
        raise Refused(f"packing is of 1 or more examples, not {packing}")


def is_on(number: Schedule) -> bool:
    """Whether a number may be other than 0: a schedule's may, and one that is traced, as a lane's own.

    >>> is_on(0.0), is_on(0.1), is_on(lambda step: 0.0)
    (False, True, True)
    """
    return not isinstance(number, float | int) or number != 0


def _network(network: Network) -> None:
    if not isinstance(network, Network):
        raise Refused(f"{_name(network)} is no Network: wrap it in from_linen or from_nnx")


def _name(part: object) -> str:
    return getattr(part, "__name__", type(part).__name__)
