"""The game most people play: one generator, one discriminator, put together from parts.

What happens to network statistics, once and for all:
D sees the real batch, then the fake one, as two calls; its statistics pass through both in that order. So
BatchNorm in D normalises real and fake apart, and spectral norm makes two power iterations per loss. G runs
on batch statistics in both losses. Of all this a rule keeps only the statistics of the player that moves:
G's running averages advance with G's steps, D's vectors with D's, and a term's own calls leave no trace.
"""

from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp

from jaxgan.errors import Refused
from jaxgan.games.check import fit, is_on, numbers, told_apart
from jaxgan.games.game import Aux, Context, Game, Side
from jaxgan.parts.augmentations import unchanged
from jaxgan.parts.conditioning import Conditioning, unconditional
from jaxgan.parts.latents import Latent
from jaxgan.parts.network import Network
from jaxgan.parts.objectives import Objective
from jaxgan.parts.rng import each, fold
from jaxgan.parts.terms import Term, applied, per_input
from jaxgan.parts.types import (
    Array,
    Augment,
    Batch,
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


class _Played(NamedTuple):
    view: View
    g_stats: Stats
    d_stats: Stats


def gan(
    generator: Network,
    discriminator: Network,
    *,
    latent: Latent,
    objective: Objective,
    d_terms: Sequence[Term] = (),
    g_terms: Sequence[Term] = (),
    conditioning: Conditioning = unconditional(),  # noqa: B008 - immutable
    label_smoothing: float = 0.0,
    label_noise: float = 0.0,
    augment: Augment = unchanged,
    instance_noise: Schedule = 0.0,
    packing: int = 1,
    lowering: Lowering = Lowering(),  # noqa: B008 - immutable
) -> Game:
    """The GAN of these parts.

    `label_smoothing`: D is told that reals are real with weight 1 - s only (Salimans et al., 2016).
    `label_noise`: with this probability a pair's logits change places in D's loss.
    `augment`: what D sees of each example, real or generated, in either loss (`parts/augmentations.py`).
    `instance_noise`: standard deviation of normal noise on all that D sees, a number or a schedule that
    anneals it by updates (Sonderby et al., 2017).
    `packing`: D sees m examples at once, as channels (Lin et al., 2018).

    >>> from flax import linen as nn
    >>> from jaxgan.parts.latents import normal
    >>> from jaxgan.parts.network import from_linen
    >>> from jaxgan.parts.objectives import hinge
    >>> logit = nn.Sequential([nn.Dense(1), lambda x: x[:, 0]])
    >>> game = gan(from_linen(nn.Dense(2)), from_linen(logit), latent=normal(4), objective=hinge())
    >>> batch = {"x": jnp.zeros((8, 2)), "index": jnp.arange(8)}
    >>> g, d, _ = game.init(jax.random.key(0), batch)
    >>> game.sample(g, jax.random.key(1), jnp.arange(5), None).shape
    (5, 2)
    """
    fit(generator, discriminator, latent, objective, d_terms, g_terms, conditioning)
    told_apart(generator, discriminator, conditioning.classes)
    objective = objective.over(lowering.mean) if objective.over else objective
    numbers(label_smoothing, label_noise, packing)
    told_fake, smoothed, noisy = objective.d_told_fake, is_on(label_smoothing), is_on(label_noise)
    if smoothed and told_fake is None:
        raise Refused(
            "label smoothing needs an objective with d_told_fake, D's loss on what is labelled fake alone; a "
            "relativistic one compares real with fake and Wasserstein's knows no labels, so they have none. "
            "Use label_noise, or another objective."
        )

    def needs_label(label: Array | None) -> None:
        if conditioning.classes and label is None:
            raise Refused(
                f"the networks are conditional on {conditioning.classes} classes, "
                "but the examples have no labels"
            )

    def generate(params: Params, stats: Stats, z: Array, label: Array | None, keys: Key | None) -> tuple:
        inputs = conditioning.g(z, label)
        if keys is None:
            return generator.apply(params, stats, *inputs)
        return generator.apply(params, stats, *inputs, key=fold(keys, "generator"), train=True)

    def packs(x: Array) -> None:
        if x.shape[0] % packing:
            raise Refused(
                f"packing {packing} examples does not divide the {x.shape[0]} that a device is given"
            )

    def packed(x: Array) -> Array:
        """[B m, ..., C] -> [B, ..., C m]: neighbours in the batch side by side as channels."""
        if packing == 1:
            return x
        groups = x.reshape(-1, packing, *x.shape[1:])
        return jnp.moveaxis(groups, 1, -2).reshape(groups.shape[0], *x.shape[1:-1], -1)

    def packed_label(label: Array | None) -> Array | None:
        return label if label is None or packing == 1 else label.reshape(-1, packing)

    def shown(x: Array, keys: Key, which: str, update: Array) -> Array:
        """What D sees of examples x, in either player's loss."""
        x = augmented(augment, fold(keys, f"augment_{which}"), x)
        if is_on(instance_noise):
            own = fold(keys, f"noise_{which}")
            noise = jax.vmap(lambda key: jax.random.normal(key, x.shape[1:], x.dtype))(own)
            x = x + at(instance_noise, update) * noise
        return packed(x)

    def judge(params: Params, stats: Stats, x: Array, label: Array | None, keys: Key) -> tuple[Array, Stats]:
        return discriminator.apply(params, stats, *conditioning.d(x, label), key=keys, train=True)

    def play(g_params: Params, d_params: Params, context: Context) -> _Played:
        batch, update = context.batch, context.update
        packs(batch["x"])
        keys = each(context.key, batch["index"])
        pack_keys = keys[::packing]
        label = batch.get("label")
        d_label = packed_label(label)

        z = jax.vmap(latent.draw)(fold(keys, "z"))
        fake, g_stats = generate(g_params, context.g_stats, z, label, keys)
        real_in = shown(batch["x"], keys, "real", update)
        fake_in = shown(fake, keys, "fake", update)
        real_out, d_stats = judge(d_params, context.d_stats, real_in, d_label, fold(pack_keys, "real"))
        fake_out, d_stats = judge(d_params, d_stats, fake_in, d_label, fold(pack_keys, "fake"))
        view = View(
            real=real_in,
            fake=fake_in,
            real_out=real_out,
            fake_out=fake_out,
            z=z,
            label=label,
            d=lambda x: judge(d_params, d_stats, x, d_label, fold(pack_keys, "term"))[0],
            g=lambda z: generate(g_params, context.g_stats, z, label, keys)[0],
            keys=pack_keys,
            step=context.step,
            mean=lowering.mean,
        )
        return _Played(view, g_stats, d_stats)

    def d_adversarial(view: View) -> Array:
        real, fake = view.real_out, view.fake_out
        if noisy:
            swapped = jax.vmap(lambda key: jax.random.bernoulli(key, label_noise))(fold(view.keys, "label"))
            real, fake = jnp.where(swapped, fake, real), jnp.where(swapped, real, fake)
        loss = objective.d_loss(real, fake)
        if smoothed and told_fake is not None:
            loss = (1 - label_smoothing) * loss + label_smoothing * (told_fake(real) + told_fake(fake))
        return loss

    def loss_of(who: str, adversarial: Array, terms: Sequence[Term], played: _Played, extra: PyTree) -> tuple:
        """The mean of the adversarial loss and every term, with each of them as a metric."""
        adversarial = per_input(f"{who}_loss of the objective", adversarial, played.view)
        losses, memories = {f"{who}/adv": lowering.mean(adversarial)}, []
        for term, memory in zip(terms, extra[who], strict=True):
            view = played.view._replace(keys=fold(played.view.keys, who, term.name))
            loss, memory = applied(term, view, memory)
            losses[f"{who}/{term.name}"] = lowering.mean(loss)
            memories.append(memory)
        return sum(losses.values()), losses, {**extra, who: tuple(memories)}

    def d_loss(g_params: Params, d_params: Params, context: Context) -> tuple[Array, Aux]:
        played = play(g_params, d_params, context)
        loss, metrics, extra = loss_of("d", d_adversarial(played.view), d_terms, played, context.extra)
        real_out, fake_out = played.view.real_out, played.view.fake_out
        metrics["d/real"], metrics["d/fake"] = lowering.mean(real_out), lowering.mean(fake_out)
        middle = (metrics["d/real"] + metrics["d/fake"]) / 2  # not 0, which not every loss knows
        metrics["d/acc_real"] = lowering.mean(real_out > middle)
        metrics["d/acc_fake"] = lowering.mean(fake_out < middle)
        return loss, Aux(played.g_stats, played.d_stats, extra, metrics)

    def g_loss(g_params: Params, d_params: Params, context: Context) -> tuple[Array, Aux]:
        played = play(g_params, d_params, context)
        adversarial = objective.g_loss(played.view.real_out, played.view.fake_out)
        loss, metrics, extra = loss_of("g", adversarial, g_terms, played, context.extra)
        return loss, Aux(played.g_stats, played.d_stats, extra, metrics)

    def init(key: Key, batch: Batch) -> tuple[Side, Side, PyTree]:
        x, label = batch["x"], batch.get("label")
        needs_label(label)
        packs(x)
        keys = each(key, batch["index"])
        jax.eval_shape(partial(augmented, augment), keys, x)  # so that what is none is refused by now
        z = jax.vmap(latent.draw)(keys)
        g_inputs = conditioning.g(z, label)
        g = Side(*generator.init(fold(key, "g"), *g_inputs))
        made = jax.eval_shape(lambda: generator.apply(*g, *g_inputs)[0])
        if made.shape != x.shape:
            raise Refused(
                f"the generator makes examples of shape {made.shape[1:]}, the data have {x.shape[1:]}"
            )
        d_inputs = conditioning.d(packed(x), packed_label(label))
        d = Side(*discriminator.init(fold(key, "d"), *d_inputs))
        judged = jax.eval_shape(lambda: discriminator.apply(*d, *d_inputs)[0])
        if judged.shape != (x.shape[0] // packing,):
            raise Refused(
                f"the discriminator must give one logit per input, shape ({x.shape[0] // packing},); "
                f"it gives {judged.shape}"
            )
        return g, d, {"g": tuple(t.init() for t in g_terms), "d": tuple(t.init() for t in d_terms)}

    def decode(g: Side, z: Array, label: Array | None) -> Array:
        needs_label(label)
        return generate(g.params, g.stats, z, label, None)[0]

    def sample(g: Side, key: Key, index: Array, label: Array | None) -> Array:
        return decode(g, jax.vmap(latent.draw)(each(key, index)), label)

    def judged(d: Side, x: Array, label: Array | None) -> Array:
        """Each example alone, as if packed with itself, without noise."""
        needs_label(label)
        x = jnp.repeat(x, packing, axis=0)
        label = label if label is None else jnp.repeat(label, packing)
        return discriminator.apply(*d, *conditioning.d(packed(x), packed_label(label)))[0]

    return Game(init, d_loss, g_loss, sample, judged, latent, decode, conditioning.classes, lowering)
