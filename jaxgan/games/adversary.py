"""A discriminator and its losses on one stream of fakes.

D is called twice, on the real examples and then on the fake ones, and its statistics pass through both calls
in that order. So BatchNorm in D normalises real and fake separately, and spectral norm makes two power
iterations per loss. A term's own calls of D do not change its statistics.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from jaxgan.errors import Refused
from jaxgan.games import averaging, check
from jaxgan.games.game import Side
from jaxgan.games.labels import d_loss as d_loss_of
from jaxgan.games.shown import Preprocessing
from jaxgan.parts import history
from jaxgan.parts.augmentations import Augmentation, Deception, as_deception, constant, unchanged
from jaxgan.parts.average import Average
from jaxgan.parts.conditioning import Conditioning, unconditional
from jaxgan.parts.latent_steps import LatentStep
from jaxgan.parts.network import Network
from jaxgan.parts.objectives import Objective
from jaxgan.parts.output import Output, as_output, per_example
from jaxgan.parts.rng import fold
from jaxgan.parts.terms import Term
from jaxgan.parts.terms.term import apply_term, per_input, stateless
from jaxgan.parts.types import (
    Array,
    Augment,
    Given,
    Key,
    Lowering,
    Params,
    PyTree,
    Schedule,
    Stats,
    View,
    at,
)


class Meeting(NamedTuple):
    """N real and N fake examples, with conditions and the latents of the fake ones."""

    real: Any
    fake: Any
    given: Given = {}  # noqa: RUF012 - never written to
    z: Any = ()
    g: Callable[[Any], Any] | None = None  # latents -> examples, for terms that change the latents


class Turn(NamedTuple):
    """One key per example, steps of the player that moves, and updates of the rule."""

    keys: Key
    step: Array
    update: Array


Total = tuple[Array, dict[str, Array], PyTree]  # loss, metrics, memory


class Adversary(NamedTuple):
    """D with both players' losses against each other.

    `init`: (key, meeting, keys) -> (side, memory). `meet`: (who moves, params, stats, memory, meeting,
    turn) -> (view, stats, memory): D's calls on real and fake. `d_loss`, `g_loss`: (view, memory) -> (loss,
    metrics, memory). `judge`: (side, examples [N, ...], given) -> logits [N], not used in training.
    `whole`: names of the parts that take statistics of a whole batch, which micro-batches do not have.
    """

    init: Callable[[Key, Any, Key], tuple[Side, PyTree]]
    meet: Callable[[str, Params, Stats, PyTree, Any, Turn], tuple[Any, Stats, PyTree]]
    d_loss: Callable[[Any, PyTree], Total]
    g_loss: Callable[[Any, PyTree], Total]
    judge: Callable[[Side, Any, Given], Array] | None = None
    whole: tuple[str, ...] = ()


def adversary(
    network: Network,
    objective: Objective,
    *,
    d_terms: Sequence[Term] = (),
    g_terms: Sequence[Term] = (),
    conditioning: Conditioning = unconditional(),  # noqa: B008 - immutable
    weight: Schedule = 1.0,
    label_smoothing: float = 0.0,
    label_noise: float = 0.0,
    augment: Augment | Augmentation = unchanged,
    deceive: Schedule | Deception = 0.0,
    instance_noise: Schedule = 0.0,
    packing: int = 1,
    latent_step: LatentStep | None = None,
    history_size: int = 0,
    average: Average | None = None,
    lowering: Lowering = Lowering(),  # noqa: B008 - immutable
) -> Adversary:
    """The discriminator with its losses, and G's losses against it.

    `weight`: of G's adversarial loss, a number or a schedule of G's steps. `history_size`: the size of a pool
    of earlier fakes; half of the fakes in D's loss come from it. `average`: a running average of D, for terms
    (`view.averaged`). The others are those of `gan`.

    >>> from flax import linen as nn
    >>> from jaxgan.parts.network import from_linen
    >>> from jaxgan.parts.objectives import hinge
    >>> critic = adversary(from_linen(nn.Dense(1)), hinge())
    >>> keys, meeting = jax.random.split(jax.random.key(0), 4), Meeting(jnp.zeros((4, 2)), jnp.zeros((4, 2)))
    >>> side, memory = critic.init(jax.random.key(0), meeting, keys)
    >>> side.params["kernel"].shape
    (2, 1)
    """
    check.adversary(network, objective, d_terms, g_terms, conditioning)
    check.numbers(label_smoothing, label_noise, packing)
    d_terms, g_terms = (*objective.d_terms, *d_terms), (*objective.g_terms, *g_terms)
    if latent_step is not None and check.is_on(latent_step.cost):
        d_terms, g_terms = ((*terms, _step_length(latent_step)) for terms in (d_terms, g_terms))
    whole = tuple(f"the term {term.name}" for term in (*d_terms, *g_terms) if term.whole)
    if objective.over:
        objective, whole = objective.over(lowering), ("the objective", *whole)
    d_objective = d_loss_of(objective, label_smoothing, label_noise)
    preprocessing = Preprocessing(constant(augment), instance_noise, packing)
    deceives = isinstance(deceive, Deception) or check.is_on(deceive)
    deception = as_deception(deceive)
    terms = {"g": tuple(g_terms), "d": tuple(d_terms)}
    own_g_terms = len(objective.g_terms)
    needs_gradient = {who: any(term.gradients for term in terms[who]) for who in terms}

    def d_inputs(x: Array, given: Given) -> tuple:
        """Returns D's inputs, from preprocessed examples and conditions that are not packed yet."""
        return conditioning.d(x, {name: preprocessing.pack(given[name]) for name in conditioning.reads})

    def init(key: Key, meeting: Meeting, keys: Key) -> tuple[Side, PyTree]:
        real, given = meeting.real, meeting.given
        check.given(conditioning, given)
        memory: dict[str, PyTree] = {who: tuple(term.init() for term in terms[who]) for who in terms}
        augment_memory = preprocessing.augment.init()
        shape = jax.eval_shape(
            lambda: preprocessing.apply(augment_memory, keys, "real", real, jnp.int32(0))
        ).shape
        if jax.tree.leaves(augment_memory):
            memory["augment"] = augment_memory
        if deceives:
            check.same_shapes(real, meeting.fake)
            if jax.tree.leaves(deception_memory := deception.init()):
                memory["deceive"] = deception_memory
        if history_size:
            memory["history"] = history.empty(history_size, meeting.fake)
        inputs = d_inputs(preprocessing.pack(real), given)
        side = Side(*network.init(key, *inputs))
        check.logits(jax.eval_shape(lambda: network.apply(*side, *inputs)[0]), shape[0])
        if average is not None:
            memory["average"] = averaging.init(average, side)
        return side, memory

    def meet(
        who: str, params: Params, stats: Stats, memory: PyTree, meeting: Meeting, turn: Turn
    ) -> tuple[View, Stats, PyTree]:
        keys, (step, update) = turn.keys, turn[1:]
        pack_keys = keys[::packing]
        given, z_drawn = meeting.given, meeting.z
        augment_memory = memory.get("augment", preprocessing.augment.init())

        def judge(which: str, x: Array, side: Side, given: Given = given) -> tuple[Output, Stats]:
            out, new = network.train(*side, *d_inputs(x, given), key=fold(pack_keys, which), step=update)
            return as_output(out), new

        if latent_step is not None:
            generate = meeting.g
            if generate is None:
                raise Refused("latent_step needs a G that is a function of its latents alone: leave it out")

            def total_logit(z: PyTree) -> Array:
                x = preprocessing.apply(augment_memory, keys, "fake", generate(z), update=update)
                return per_example(judge("fake", x, Side(params, stats))[0].logit).sum()

            z = latent_step.move(fold(keys, "latent_step"), z_drawn, jax.grad(total_logit)(z_drawn))
            meeting = meeting._replace(z=z, fake=generate(z))
        real, fake = meeting.real, meeting.fake
        deception_memory = memory.get("deceive", ())
        if deceives and who == "d":
            real = deception.apply(deception_memory, fold(keys, "deceive"), real, fake, update)
        if history_size and who == "d":
            fake, pool = history.exchange(memory["history"], fold(keys, "history"), fake, lowering)
            memory = {**memory, "history": pool}

        def call(which: str, x: Array, stats: Stats) -> _Call:
            preprocess = partial(preprocessing.apply, augment_memory, keys, which, update=update)
            discriminate = partial(judge, which, side=Side(params, stats))
            return (_call_with_gradient if needs_gradient[who] else _call)(preprocess, discriminate, x)

        on_real = call("real", real, stats)
        on_fake = call("fake", fake, on_real.stats)
        after = Side(params, on_fake.stats)
        averaged = None
        if average is not None:
            if who == "d":
                memory = {**memory, "average": averaging.update(average, memory["average"], after, update)}
            averaged = memory["average"].side
        view = View(
            real=on_real.x,
            fake=on_fake.x,
            real_plain=real,
            fake_plain=fake,
            real_out=on_real.out.logit,
            fake_out=on_fake.out.logit,
            real_heads=on_real.out.heads,
            fake_heads=on_fake.out.heads,
            given=given,
            z=meeting.z,
            z_drawn=z_drawn,
            d=lambda x: judge("term", x, after)[0].logit,
            judge=lambda x, given=given: judge("term", x, after, given)[0],
            real_gradient=on_real.gradient,
            fake_gradient=on_fake.gradient,
            g=meeting.g,
            averaged=None if averaged is None else lambda x: judge("term", x, averaged)[0],
            keys=pack_keys,
            step=step,
            lowering=lowering,
        )
        if who == "d" and "augment" in memory:
            augment_memory = jax.lax.stop_gradient(preprocessing.augment.update(augment_memory, view))
            memory = {**memory, "augment": augment_memory}
        if who == "d" and "deceive" in memory:
            deception_memory = jax.lax.stop_gradient(deception.update(deception_memory, view))
            memory = {**memory, "deceive": deception_memory}
        return view, after.stats, memory

    def adversarial(who: str, view: View) -> Array:
        """Returns the adversarial loss [B], averaged over patches and scales."""
        real, fake = view.real_out, view.fake_out
        if who == "d":
            losses = jax.tree.map(lambda real, fake: d_objective(real, fake, view.keys), real, fake)
            return per_input("d_loss of the objective", losses, view)
        losses = jax.tree.map(objective.g_loss, real, fake)
        return weighted(per_input("g_loss of the objective", losses, view), view)

    def weighted(loss: Array, view: View) -> Array:
        return loss if isinstance(weight, float | int) and weight == 1 else at(weight, view.step) * loss

    def total(who: str, view: View, memory: PyTree) -> Total:
        """Returns the sum of the means of the adversarial loss and of every term, with each as a metric."""
        losses, states = {f"{who}/adv": lowering.mean(adversarial(who, view))}, []
        for i, (term, state) in enumerate(zip(terms[who], memory[who], strict=True)):
            loss, state = apply_term(term, view._replace(keys=fold(view.keys, who, term.name)), state)
            if who == "g" and i < own_g_terms:
                loss = weighted(loss, view)
            losses[f"{who}/{term.name}"] = lowering.mean(loss)
            states.append(state)
        return jax.tree.reduce(jnp.add, list(losses.values())), losses, {**memory, who: tuple(states)}

    def d_loss(view: View, memory: PyTree) -> Total:
        loss, metrics, memory = total("d", view, memory)
        metrics |= _accuracy(per_example(view.real_out), per_example(view.fake_out), lowering)
        for name, part in (("augment", preprocessing.augment), ("deceive", deception)):
            if name in memory:
                metrics |= {f"d/{metric}": x for metric, x in part.metrics(memory[name]).items()}
        return loss, metrics, memory

    def logits(d: Side, x: Array, given: Given) -> Array:
        check.given(conditioning, given)
        packs = {name: preprocessing.pack_alone(given[name]) for name in conditioning.reads}
        inputs = conditioning.d(preprocessing.pack_alone(x), packs)
        return per_example(as_output(network.apply(*d, *inputs)[0]).logit)

    return Adversary(init, meet, d_loss, partial(total, "g"), logits, whole)


def _step_length(latent_step: LatentStep) -> Term:
    """The cost of a latent's step: weight |z - z_drawn|^2."""

    def cost(view: View) -> Array:
        lengths = jnp.square(view.z - view.z_drawn).reshape(len(view.z), -1).sum(axis=1)
        return at(latent_step.cost, view.step) * lengths

    return stateless("latent_step", cost)


class _Call(NamedTuple):
    """A call of D: its input and output, its statistics afterwards, the gradient of its mean logit."""

    x: Array
    out: Output
    stats: Stats
    gradient: Callable[..., Array]


Preprocess = Callable[[Array], Array]
Discriminate = Callable[[Array], tuple[Output, Stats]]


def _call(preprocess: Preprocess, discriminate: Discriminate, plain: Array) -> _Call:
    x = preprocess(plain)
    return _Call(x, *discriminate(x), _refuse_gradient)


def _call_with_gradient(preprocess: Preprocess, discriminate: Discriminate, plain: Array) -> _Call:
    """As `_call`, with the gradient through the same call of D."""
    x, plain_pullback = jax.vjp(preprocess, plain)

    def logit(x: Array) -> tuple[PyTree, tuple[PyTree, Stats]]:
        out, stats = discriminate(x)
        return out.logit, (out.heads, stats)

    logits: PyTree
    logits, pullback, (heads, stats) = jax.vjp(logit, x, has_aux=True)

    def gradient(plain: bool = False) -> Array:
        (grad,) = pullback(jax.grad(lambda logits: per_example(logits).sum())(logits))
        return plain_pullback(grad)[0] if plain else grad

    return _Call(x, Output(logits, heads), stats, gradient)


def _accuracy(real: Array, fake: Array, lowering: Lowering) -> dict[str, Array]:
    means = {"d/real": lowering.mean(real), "d/fake": lowering.mean(fake)}
    threshold = (means["d/real"] + means["d/fake"]) / 2  # not 0, which means nothing to some losses
    correct = {"d/acc_real": real > threshold, "d/acc_fake": fake < threshold}
    return means | {name: lowering.mean(x) for name, x in correct.items()}


def _refuse_gradient(plain: bool = False) -> Array:
    raise Refused("a term that reads view.real_gradient or view.fake_gradient must say so: gradients=True")
