"""One discriminator against one stream of fakes, as a value that games are made of.

What happens to D's statistics, once and for all: D sees the real examples, then the fake ones, as two calls;
its statistics pass through both in that order. So BatchNorm in D normalises real and fake apart, and spectral
norm makes two power iterations per loss. A term's own calls leave no trace.
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
from jaxgan.games.shown import Shown
from jaxgan.parts import history
from jaxgan.parts.augmentations import Augmentation, constant, unchanged
from jaxgan.parts.average import Average
from jaxgan.parts.conditioning import Conditioning, unconditional
from jaxgan.parts.network import Network
from jaxgan.parts.objectives import Objective
from jaxgan.parts.output import Output, as_output, per_example
from jaxgan.parts.rng import fold
from jaxgan.parts.terms import Term, applied, per_input
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
    """What an adversary is shown of N examples, the fake ones with the latents that they were made of."""

    real: Any
    fake: Any
    given: Given = {}  # noqa: RUF012 - never written to
    z: Any = ()
    g: Callable[[Any], Any] | None = None  # latents -> examples, for terms that move them


class Turn(NamedTuple):
    """When they meet: one key per example, steps of the player that moves, updates of the rule."""

    keys: Key
    step: Array
    update: Array


Total = tuple[Array, dict[str, Array], PyTree]  # loss, metrics, memory


class Adversary(NamedTuple):
    """D and its half of the game.

    `init`: (key, meeting, keys) -> (side, memory). `meet`: (who moves, params, stats, memory, meeting,
    turn) -> (view, stats, memory): D's calls, on what it is shown. `d_loss`, `g_loss`: (view, memory) ->
    (loss, metrics, memory). `judge`: (side, examples [N, ...], given) -> logits [N], for looking only.
    `whole`: what of it takes statistics of a whole batch, by name, which micro-batches cannot give.
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
    instance_noise: Schedule = 0.0,
    packing: int = 1,
    history_size: int = 0,
    average: Average | None = None,
    lowering: Lowering = Lowering(),  # noqa: B008 - immutable
) -> Adversary:
    """The discriminator with what it minimises, and what G minimises against it.

    `weight`: of G's adversarial loss, a number or a schedule of G's steps. `history_size`: how many fakes are
    kept, of which D's loss is shown half in the place of new ones. `average`: of D, for terms to look at
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
    whole = (*(["the objective"] if objective.over else []), *_of_whole(d_terms), *_of_whole(g_terms))
    objective = objective.over(lowering) if objective.over else objective
    told_d = d_loss_of(objective, label_smoothing, label_noise)
    how = Shown(constant(augment), instance_noise, packing)
    terms = {"g": tuple(g_terms), "d": tuple(d_terms)}

    def inputs(x: Array, given: Given) -> tuple:
        """What D is called with, of what it is shown of x."""
        return conditioning.d(x, {name: how.pack(given[name]) for name in conditioning.reads})

    def init(key: Key, meeting: Meeting, keys: Key) -> tuple[Side, PyTree]:
        real, given = meeting.real, meeting.given
        check.given(conditioning, given)
        memory: dict[str, PyTree] = {who: tuple(term.init() for term in own) for who, own in terms.items()}
        augments = how.augment.init()
        seen = jax.eval_shape(lambda: how.show(augments, keys, "real", real, jnp.int32(0)))
        if jax.tree.leaves(augments):
            memory["augment"] = augments
        if history_size:
            memory["history"] = history.empty(history_size, meeting.fake)
        told = inputs(how.pack(real), given)
        side = Side(*network.init(key, *told))
        check.logits(jax.eval_shape(lambda: network.apply(*side, *told)[0]), seen.shape[0])
        if average is not None:
            memory["average"] = averaging.begun(average, side)
        return side, memory

    def meet(
        who: str, params: Params, stats: Stats, memory: PyTree, meeting: Meeting, turn: Turn
    ) -> tuple[View, Stats, PyTree]:
        keys, (step, update) = turn.keys, turn[1:]
        pack_keys = keys[::packing]
        real, fake, given = meeting.real, meeting.fake, meeting.given
        if history_size and who == "d":
            fake, kept = history.exchanged(memory["history"], fold(keys, "history"), fake, lowering)
            memory = {**memory, "history": kept}
        augments = memory.get("augment", how.augment.init())

        def judge(which: str, x: Array, side: Side) -> tuple[Output, Stats]:
            out, new = network.train(*side, *inputs(x, given), key=fold(pack_keys, which), step=update)
            return as_output(out), new

        def call(which: str, x: Array, stats: Stats) -> _Called:
            show = partial(how.show, augments, keys, which, update=update)
            say = partial(judge, which, side=Side(params, stats))
            return (_called_and_sloped if sloped[who] else _called)(show, say, x)

        on_real = call("real", real, stats)
        on_fake = call("fake", fake, on_real.stats)
        after = Side(params, on_fake.stats)
        averaged = None
        if average is not None:
            if who == "d":
                memory = {**memory, "average": averaging.moved(average, memory["average"], after, update)}
            averaged = memory["average"].side
        view = View(
            real=on_real.seen,
            fake=on_fake.seen,
            real_plain=real,
            fake_plain=fake,
            real_out=on_real.out.logit,
            fake_out=on_fake.out.logit,
            real_heads=on_real.out.heads,
            fake_heads=on_fake.out.heads,
            given=given,
            z=meeting.z,
            d=lambda x: judge("term", x, after)[0].logit,
            judge=lambda x: judge("term", x, after)[0],
            real_gradient=on_real.gradient,
            fake_gradient=on_fake.gradient,
            g=meeting.g,
            averaged=None if averaged is None else lambda x: judge("term", x, averaged)[0],
            keys=pack_keys,
            step=step,
            lowering=lowering,
        )
        if who == "d" and "augment" in memory:
            memory = {**memory, "augment": jax.lax.stop_gradient(how.augment.update(augments, view))}
        return view, after.stats, memory

    def adversarial(who: str, view: View) -> Array:
        """The adversarial loss [B], of patches and scales their mean."""
        real, fake = view.real_out, view.fake_out
        if who == "d":
            losses = jax.tree.map(lambda real, fake: told_d(real, fake, view.keys), real, fake)
            return per_input("d_loss of the objective", losses, view)
        loss = per_input("g_loss of the objective", jax.tree.map(objective.g_loss, real, fake), view)
        return loss if isinstance(weight, float | int) and weight == 1 else at(weight, view.step) * loss

    def total(who: str, view: View, memory: PyTree) -> Total:
        """The mean of the adversarial loss and every term, with each of them as a metric."""
        losses, states = {f"{who}/adv": lowering.mean(adversarial(who, view))}, []
        for term, state in zip(terms[who], memory[who], strict=True):
            loss, state = applied(term, view._replace(keys=fold(view.keys, who, term.name)), state)
            losses[f"{who}/{term.name}"] = lowering.mean(loss)
            states.append(state)
        return jax.tree.reduce(jnp.add, list(losses.values())), losses, {**memory, who: tuple(states)}

    def d_loss(view: View, memory: PyTree) -> Total:
        loss, metrics, memory = total("d", view, memory)
        metrics |= _accuracy(per_example(view.real_out), per_example(view.fake_out), lowering)
        if "augment" in memory:
            metrics |= {f"d/{name}": x for name, x in how.augment.metrics(memory["augment"]).items()}
        return loss, metrics, memory

    def judged(d: Side, x: Array, given: Given) -> Array:
        check.given(conditioning, given)
        told = {name: how.of_one(given[name]) for name in conditioning.reads}
        return per_example(as_output(network.apply(*d, *conditioning.d(how.of_one(x), told))[0]).logit)

    sloped = {who: any(term.gradients for term in own) for who, own in terms.items()}
    return Adversary(init, meet, d_loss, partial(total, "g"), judged, whole)


def _of_whole(terms: Sequence[Term]) -> list[str]:
    return [f"the term {term.name}" for term in terms if term.whole]


class _Called(NamedTuple):
    """A call of D: what it saw and said, its statistics after that, the gradient of its mean logit."""

    seen: Array
    out: Output
    stats: Stats
    gradient: Callable[..., Array]


Show = Callable[[Array], Array]
Say = Callable[[Array], tuple[Output, Stats]]


def _called(show: Show, say: Say, x: Array) -> _Called:
    seen = show(x)
    return _Called(seen, *say(seen), _not_asked)


def _called_and_sloped(show: Show, say: Say, x: Array) -> _Called:
    """The same, with the gradient through the call that is made anyway."""
    seen, to_plain = jax.vjp(show, x)

    def logit(seen: Array) -> tuple[PyTree, tuple[PyTree, Stats]]:
        out, stats = say(seen)
        return out.logit, (out.heads, stats)

    said: PyTree
    said, to_seen, (heads, stats) = jax.vjp(logit, seen, has_aux=True)

    def gradient(plain: bool = False) -> Array:
        (in_seen,) = to_seen(jax.grad(lambda said: per_example(said).sum())(said))
        return to_plain(in_seen)[0] if plain else in_seen

    return _Called(seen, Output(said, heads), stats, gradient)


def _accuracy(real: Array, fake: Array, lowering: Lowering) -> dict[str, Array]:
    numbers = {"d/real": lowering.mean(real), "d/fake": lowering.mean(fake)}
    middle = (numbers["d/real"] + numbers["d/fake"]) / 2  # not 0, which not every loss knows
    right = {"d/acc_real": real > middle, "d/acc_fake": fake < middle}
    return numbers | {name: lowering.mean(said) for name, said in right.items()}


def _not_asked(plain: bool = False) -> Array:
    raise Refused("a term that reads view.real_gradient or view.fake_gradient must say so: gradients=True")
