"""Checks that the parts of a game fit together, when it is built or first used; they raise `Refused`."""

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
from jaxgan.parts.types import Array, Schedule, check_range

METRICS = (
    "adv",
    "real",
    "fake",
    "acc_real",
    "acc_fake",
    "grad",
    "update",
    "average",
    "augment",
    "deceived",
    "rate",
    "latent_step",
)
"""Metrics of a player, logged as `d/adv`: terms may not have these names."""


def generator(network: Network, latent: Latent) -> None:
    """Checks the types of a generator's parts."""
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
    """Checks the types of an adversary's parts, and that names do not clash."""
    _network(network)
    if not isinstance(objective, Objective):
        raise Refused(f"{_name(objective)} is no Objective: are its () missing, as in hinge()?")
    if not isinstance(conditioning, Conditioning):
        raise Refused(
            f"{_name(conditioning)} is no Conditioning: give one such as conditioning.projection(10)"
        )
    for terms, own in ((d_terms, objective.d_terms), (g_terms, objective.g_terms)):
        if isinstance(terms, Term):
            raise Refused(f"terms come as a list: [{terms.name}()], not {terms.name}() alone")
        for term in terms:
            if not isinstance(term, Term):
                raise Refused(f"{_name(term)} is no Term: are its () missing, as in r1()? Or use `stateless`")
            if term.name in METRICS:
                raise Refused(f"a term cannot be called {term.name}, which is a metric already; rename it")
        names = [term.name for term in (*own, *terms)]
        if len(set(names)) < len(names):
            raise Refused(f"two terms of one player share a name: {', '.join(names)}; rename one of them")


def class_counts(generator: Network, discriminator: Network, conditioning: Conditioning) -> None:
    """Checks that both networks have as many classes as the conditioning."""
    classes = getattr(conditioning, "classes", 0)  # its type is checked in `adversary`
    for network, player in ((generator, "generator"), (discriminator, "discriminator")):
        network_classes = getattr(network, "classes", 0)
        if network_classes and classes and network_classes != classes:
            raise Refused(
                f"the {player} has {network_classes} classes, the conditioning {classes}: they must agree"
            )


def given(conditioning: Conditioning, leaves: Mapping[str, Array]) -> None:
    """Checks that the examples have the leaves that the networks are conditioned on."""
    for name in conditioning.reads:
        if leaves.get(name) is None:
            condition = (
                f"{conditioning.classes} classes" if name == "label" and conditioning.classes else name
            )
            missing = "labels" if name == "label" else f"leaf called {name}"
            raise Refused(f"the networks are conditional on {condition}, but the examples have no {missing}")


def read_by_terms(conditioning: Conditioning, leaves: Mapping[str, Array]) -> None:
    """Checks that the examples have the leaves that only terms read."""
    for name in conditioning.terms:
        if leaves.get(name) is None:
            raise Refused(f"the conditioning says that terms read {name}, but the examples have no {name}")


def logits(output: Any, inputs: int) -> None:
    """Checks that the discriminator returns one or more logits per input."""
    scales = jax.tree.leaves(as_output(output).logit)
    floating("discriminator's logits", scales)
    shapes = [tuple(x.shape) for x in scales]
    if not shapes or any(shape[:1] != (inputs,) for shape in shapes):
        raise Refused(
            f"the discriminator must give one logit per input, shape ({inputs},), or one per patch, "
            f"({inputs}, ...); it gives {', '.join(map(str, shapes)) or 'nothing'}"
        )


def same_shapes(real: Any, fake: Any) -> None:
    """Checks that fakes can take the place of real examples."""
    shapes = [jax.tree.map(lambda x: (x.shape, x.dtype), examples) for examples in (real, fake)]
    if shapes[0] != shapes[1]:
        raise Refused(f"deceive shows fakes as real examples, so both need one shape and dtype, not {shapes}")


def floating(name: str, tree: Any) -> None:
    """Checks that gradients can flow through every leaf."""
    for leaf in jax.tree.leaves(tree):
        if not jnp.issubdtype(leaf.dtype, jnp.floating):
            raise Refused(f"the {name} have dtype {leaf.dtype}, which has no gradient: make them floats")


def numbers(label_smoothing: float, label_noise: float, packing: int) -> None:
    """Checks that probabilities are between 0 and 1, and packs have 1 or more examples."""
    check_range("label_smoothing", label_smoothing, most=1)
    check_range("label_noise", label_noise, most=1)
    if not isinstance(packing, int) or packing < 1:
        raise Refused(f"packing must be an integer of 1 or more, not {packing}")


def is_on(number: Schedule) -> bool:
    """Whether a number may differ from 0, as a schedule or a traced number may.

    >>> is_on(0.0), is_on(0.1), is_on(lambda step: 0.0)
    (False, True, True)
    """
    return not isinstance(number, float | int) or number != 0


def _network(network: Network) -> None:
    if not isinstance(network, Network):
        raise Refused(f"{_name(network)} is no Network: wrap it in from_linen or from_nnx")


def _name(part: object) -> str:
    return getattr(part, "__name__", type(part).__name__)
