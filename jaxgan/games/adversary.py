"""One discriminator against one stream of fakes, as a value that games are made of.

What happens to D's statistics, once and for all: D sees the real examples, then the fake ones, as two calls;
its statistics pass through both in that order. So BatchNorm in D normalises real and fake apart, and spectral
norm makes two power iterations per loss. A term's own calls leave no trace.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from jaxgan.errors import Refused
from jaxgan.games import check
from jaxgan.games.game import Side
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
    augmented,
)


class Meeting(NamedTuple):
    """What an adversary is shown of N examples, the fake ones with the latents that they were made of."""

    real: Any
    fake: Any
    given: Given = {}  # noqa: RUF012 - never written to
    z: Any = ()
    g: Callable[[Any], Any] | None = None  # latents -> examples, for terms that move them


class Moment(NamedTuple):
    """When they meet: one key per example, steps of the player that moves, updates of the rule."""

    keys: Key
    step: Array
    update: Array


Total = tuple[Array, dict[str, Array], PyTree]  # loss, metrics, memory


class Adversary(NamedTuple):
    """D and its half of the game.

    `init`: (key, meeting, keys) -> (side, memory). `meet`: (who moves, params, stats, memory, meeting,
    moment) -> (view, stats, memory): D's calls, on what it is shown. `d_loss`, `g_loss`: (view, memory) ->
    (loss, metrics, memory). `judge`: (side, examples [N, ...], given) -> logits [N], for looking only.
    """

    init: Callable[[Key, Any, Key], tuple[Side, PyTree]]
    meet: Callable[[str, Params, Stats, PyTree, Any, Moment], tuple[Any, Stats, PyTree]]
    d_loss: Callable[[Any, PyTree], Total]
    g_loss: Callable[[Any, PyTree], Total]
    judge: Callable[[Side, Any, Given], Array] | None = None


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
    >>> side, memory = critic.init(jax.random.key(0), Meeting(jnp.zeros((4, 2)), jnp.zeros((4, 2))), None)
    >>> side.params["kernel"].shape
    (2, 1)
    """
    check.adversary(network, objective, d_terms, g_terms, conditioning)
    check.numbers(label_smoothing, label_noise, packing)
    objective = objective.over(lowering) if objective.over else objective
    told_fake, smoothed, noisy = objective.d_told_fake, check.is_on(label_smoothing), check.is_on(label_noise)
    if smoothed and told_fake is None:
        raise Refused(
            "label smoothing needs an objective with d_told_fake, D's loss on what is labelled fake alone; a "
            "relativistic one compares real with fake and Wasserstein's knows no labels, so they have none. "
            "Use label_noise, or another objective."
        )
    changing = constant(augment)

    def pack(x: Array) -> Array:
        """[B m, ..., C] -> [B, ..., C m]: neighbours in the batch as channels; [B m] -> [B, m]."""
        if packing == 1:
            return x
        groups = x.reshape(-1, packing, *x.shape[1:])
        if x.ndim == 1:
            return groups
        return jnp.moveaxis(groups, 1, -2).reshape(groups.shape[0], *x.shape[1:-1], -1)

    def told(x: Array, given: Given) -> tuple:
        return conditioning.d(x, {name: pack(given[name]) for name in conditioning.reads})

    def init(key: Key, meeting: Meeting, keys: Key) -> tuple[Side, PyTree]:
        real, given = meeting.real, meeting.given
        check.packs(real, packing)
        check.given(conditioning, given)
        memory: dict[str, PyTree] = {who: tuple(t.init() for t in terms) for who, terms in both.items()}
        own = changing.init()
        if jax.tree.leaves(own):
            memory["augment"] = own
        jax.eval_shape(
            partial(augmented, changing.now(own, jnp.int32(0))), keys, real
        )  # what is none is refused
        if history_size:
            memory["history"] = history.empty(history_size, meeting.fake)
        inputs = told(pack(real), given)
        side = Side(*network.init(key, *inputs))
        check.logits(jax.eval_shape(lambda: network.apply(*side, *inputs)[0]), real.shape[0] // packing)
        if average is not None:
            memory["average"] = (Side(*average.init(*side)), jnp.int32(-1))
        return side, memory

    def meet(
        who: str, params: Params, stats: Stats, memory: PyTree, meeting: Meeting, moment: Moment
    ) -> tuple[View, Stats, PyTree]:
        keys, (step, update) = moment.keys, moment[1:]
        check.packs(meeting.real, packing)
        pack_keys = keys[::packing]
        real, fake, given = meeting.real, meeting.fake, meeting.given
        if history_size and who == "d":
            fake, kept = history.exchanged(memory["history"], fold(keys, "history"), fake, lowering)
            memory = {**memory, "history": kept}
        now = changing.now(memory.get("augment", changing.init()), update)

        def shown(which: str, x: Array) -> Array:
            """What D sees of examples, in either player's loss."""
            x = augmented(now, fold(keys, f"augment_{which}"), x)
            if check.is_on(instance_noise):
                own = fold(keys, f"noise_{which}")
                noise = jax.vmap(lambda key: jax.random.normal(key, x.shape[1:], x.dtype))(own)
                x = x + at(instance_noise, update) * noise
            return pack(x)

        def judge(which: str, stats: Stats, x: Array, params: Params = params) -> tuple[Output, Stats]:
            inputs = told(x, given)
            out, stats = network.train(params, stats, *inputs, key=fold(pack_keys, which), step=update)
            return as_output(out), stats

        def call(which: str, stats: Stats, x: Array) -> tuple:
            """What D is shown of x, what it says, its statistics, and the gradient of its mean logit."""
            if not any(term.gradients for term in both[who]):
                seen = shown(which, x)
                return seen, *judge(which, stats, seen), None
            seen, to_plain = jax.vjp(partial(shown, which), x)

            def logit(seen: Array) -> tuple:
                out, new = judge(which, stats, seen)
                return out.logit, (out.heads, new)

            said: PyTree
            heads: PyTree
            said, to_seen, (heads, stats) = jax.vjp(logit, seen, has_aux=True)

            def gradient(plain: bool = False) -> Array:
                slope = jax.grad(lambda said: per_example(said).sum())(said)
                (in_seen,) = to_seen(slope)
                return to_plain(in_seen)[0] if plain else in_seen

            return seen, Output(said, heads), stats, gradient

        real_in, real_out, stats, real_gradient = call("real", stats, real)
        fake_in, fake_out, stats, fake_gradient = call("fake", stats, fake)
        averaged = None
        if average is not None:
            (side, moved), memory = _averaged(average, memory, who, params, stats, update)
            averaged = lambda x: judge("term", side.stats, x, side.params)[0]  # noqa: E731
            memory = {**memory, "average": (side, moved)}
        view = View(
            real=real_in,
            fake=fake_in,
            real_plain=real,
            fake_plain=fake,
            real_out=real_out.logit,
            fake_out=fake_out.logit,
            real_heads=real_out.heads,
            fake_heads=fake_out.heads,
            given=given,
            z=meeting.z,
            d=lambda x: judge("term", stats, x)[0].logit,
            judge=lambda x: judge("term", stats, x)[0],
            real_gradient=real_gradient or _not_asked,
            fake_gradient=fake_gradient or _not_asked,
            g=meeting.g,
            averaged=averaged,
            keys=pack_keys,
            step=step,
            lowering=lowering,
        )
        if who == "d" and "augment" in memory:
            memory = {**memory, "augment": jax.lax.stop_gradient(changing.update(memory["augment"], view))}
        return view, stats, memory

    def adversarial(who: str, view: View) -> Array:
        """The adversarial loss [B], of patches and scales their mean."""
        real, fake = view.real_out, view.fake_out
        if who == "g":
            loss = per_input("g_loss of the objective", jax.tree.map(objective.g_loss, real, fake), view)
            return loss if isinstance(weight, float | int) and weight == 1 else at(weight, view.step) * loss

        def of_scale(real: Array, fake: Array) -> Array:
            if noisy:
                flip = jax.vmap(lambda key: jax.random.bernoulli(key, label_noise))(fold(view.keys, "label"))
                flip = flip.reshape(flip.shape + (1,) * (real.ndim - 1))
                real, fake = jnp.where(flip, fake, real), jnp.where(flip, real, fake)
            loss = objective.d_loss(real, fake)
            if smoothed and told_fake is not None:
                both = told_fake(real) + told_fake(fake)
                loss = (1 - label_smoothing) * loss + label_smoothing * both
            return loss

        return per_input("d_loss of the objective", jax.tree.map(of_scale, real, fake), view)

    def total(who: str, view: View, memory: PyTree) -> Total:
        """The mean of the adversarial loss and every term, with each of them as a metric."""
        losses, states = {f"{who}/adv": lowering.mean(adversarial(who, view))}, []
        for term, state in zip(both[who], memory[who], strict=True):
            loss, state = applied(term, view._replace(keys=fold(view.keys, who, term.name)), state)
            losses[f"{who}/{term.name}"] = lowering.mean(loss)
            states.append(state)
        return sum(losses.values(), start=jnp.zeros(())), losses, {**memory, who: tuple(states)}

    def d_loss(view: View, memory: PyTree) -> Total:
        loss, metrics, memory = total("d", view, memory)
        metrics |= _accuracy(per_example(view.real_out), per_example(view.fake_out), lowering)
        if "augment" in memory:
            metrics |= {f"d/{name}": x for name, x in changing.metrics(memory["augment"]).items()}
        return loss, metrics, memory

    def judged(d: Side, x: Array, given: Given) -> Array:
        """Each example alone, as if packed with itself, without noise."""
        check.given(conditioning, given)
        x = jnp.repeat(x, packing, axis=0)
        given = {name: jnp.repeat(given[name], packing, axis=0) for name in conditioning.reads}
        return per_example(as_output(network.apply(*d, *told(pack(x), given))[0]).logit)

    both = {"g": tuple(g_terms), "d": tuple(d_terms)}
    return Adversary(init, meet, d_loss, partial(total, "g"), judged)


def several(adversaries: Mapping[str, Adversary]) -> Adversary:
    """Several adversaries as one, each with meetings of its own by its name: their losses add up.

    Two critics of the same fakes (Durugkar et al., 2017), or one of either direction of a translation (Zhu et
    al., 2017). Metrics of one called "a" are d/a/adv and the like.

    >>> several({}).d_loss({}, {})[1]
    {}
    """

    def init(key: Key, meetings: Mapping[str, Any], keys: Key) -> tuple[Side, PyTree]:
        made = {name: one.init(fold(key, name), meetings[name], keys) for name, one in adversaries.items()}
        sides = {name: side for name, (side, _) in made.items()}
        params, stats = ({name: side[i] for name, side in sides.items()} for i in range(2))
        return Side(params, stats), {name: memory for name, (_, memory) in made.items()}

    def meet(
        who: str, params: Params, stats: Stats, memory: PyTree, meetings: Mapping[str, Any], moment: Moment
    ) -> tuple[Any, Stats, PyTree]:
        met = {}
        for name, one in adversaries.items():
            own = moment._replace(keys=fold(moment.keys, name))
            met[name] = one.meet(who, params[name], stats[name], memory[name], meetings[name], own)
        views, stats, memory = ({name: parts[i] for name, parts in met.items()} for i in range(3))
        return views, stats, memory

    def total(who: str, views: Any, memory: PyTree) -> Total:
        loss, memories = jnp.zeros(()), {}
        metrics: dict[str, Array] = {}
        for name, one in adversaries.items():
            own, numbers, memories[name] = (one.d_loss if who == "d" else one.g_loss)(
                views[name], memory[name]
            )
            loss = loss + own
            metrics |= {f"{who}/{name}/{number.removeprefix(who + '/')}": x for number, x in numbers.items()}
        return loss, metrics, memories

    return Adversary(init, meet, partial(total, "d"), partial(total, "g"))


def _accuracy(real: Array, fake: Array, lowering: Lowering) -> dict[str, Array]:
    numbers = {"d/real": lowering.mean(real), "d/fake": lowering.mean(fake)}
    middle = (numbers["d/real"] + numbers["d/fake"]) / 2  # not 0, which not every loss knows
    right = {"d/acc_real": real > middle, "d/acc_fake": fake < middle}
    return numbers | {name: lowering.mean(said) for name, said in right.items()}


def _averaged(
    average: Average, memory: PyTree, who: str, params: Params, stats: Stats, update: Array
) -> tuple[tuple[Side, Array], PyTree]:
    """The average of D with its parameters as they are before this update, moved once in each."""
    side, last = memory["average"]
    if who != "d":
        return (side, last), memory
    now = jax.lax.stop_gradient((params, stats))
    moved = Side(*average.update(side, *now, update))
    new = jax.tree.map(partial(jnp.where, last != update), moved, side)
    return (new, jnp.asarray(update, jnp.int32)), memory


def _not_asked(plain: bool = False) -> Array:
    raise Refused("a term that reads view.real_gradient or view.fake_gradient must say so: gradients=True")
