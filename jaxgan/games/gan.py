"""The usual game: one generator and one discriminator, built from parts."""

from collections.abc import Sequence

import jax

from jaxgan.errors import Refused
from jaxgan.games import check
from jaxgan.games.adversarial import Play, adversarial
from jaxgan.games.adversary import Meeting, Turn, adversary
from jaxgan.games.game import Game, Looks, Side
from jaxgan.parts.augmentations import Augmentation, unchanged
from jaxgan.parts.average import Average
from jaxgan.parts.conditioning import Conditioning, unconditional
from jaxgan.parts.generated import Generated, as_generated
from jaxgan.parts.latents import Latent
from jaxgan.parts.network import Network
from jaxgan.parts.objectives import Objective
from jaxgan.parts.rng import each, fold
from jaxgan.parts.terms import Term
from jaxgan.parts.types import Array, Augment, Batch, Given, Key, Lowering, Params, PyTree, Schedule, Stats


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
    augment: Augment | Augmentation = unchanged,
    instance_noise: Schedule = 0.0,
    packing: int = 1,
    d_average: Average | None = None,
    lowering: Lowering = Lowering(),  # noqa: B008 - immutable
) -> Game:
    """Builds a GAN from its parts.

    `label_smoothing`: real examples have the label "real" with weight 1 - s only (Salimans et al., 2016).
    `label_noise`: the probability that a pair's logits are swapped in D's loss.
    `augment`: applied to D's inputs, real and generated, in both losses (`jg.augmentations`).
    `instance_noise`: standard deviation of normal noise on D's inputs, a number or a schedule that anneals it
    with the updates (Sonderby et al., 2017).
    `packing`: the number of examples in an input of D, as channels (Lin et al., 2018).
    `d_average`: a running average of D, for terms.

    >>> import jax.numpy as jnp
    >>> from flax import linen as nn
    >>> from jaxgan.parts.latents import normal
    >>> from jaxgan.parts.network import from_linen
    >>> from jaxgan.parts.objectives import hinge
    >>> logit = nn.Sequential([nn.Dense(1), lambda x: x[:, 0]])
    >>> game = gan(from_linen(nn.Dense(2)), from_linen(logit), latent=normal(4), objective=hinge())
    >>> batch = {"x": jnp.zeros((8, 2)), "index": jnp.arange(8)}
    >>> g, d, _ = game.init(jax.random.key(0), batch)
    >>> game.sample(g, jax.random.key(1), jnp.arange(5), {}).shape
    (5, 2)
    """
    check.generator(generator, latent)
    check.class_counts(generator, discriminator, conditioning)
    critic = adversary(
        discriminator,
        objective,
        d_terms=d_terms,
        g_terms=g_terms,
        conditioning=conditioning,
        label_smoothing=label_smoothing,
        label_noise=label_noise,
        augment=augment,
        instance_noise=instance_noise,
        packing=packing,
        average=d_average,
        lowering=lowering,
    )

    def conditions(batch: Batch) -> Given:
        return {name: batch[name] for name in conditioning.reads}

    def prior(params: Params, keys: Key) -> PyTree:
        """Draws one latent per key, and transforms it if the prior has parameters."""
        drawn = jax.vmap(latent.draw)(keys)
        if latent.init is None:
            return drawn
        return jax.vmap(latent.transform, (None, 0))(params["latent"], drawn)

    def network(params: Params) -> Params:
        return params if latent.init is None else params["network"]

    def init(key: Key, batch: Batch, keys: Key) -> Side:
        check.given(conditioning, batch)
        params = None if latent.init is None else {"latent": latent.init(fold(key, "latent"))}
        inputs = conditioning.g(prior(params, keys), conditions(batch))
        g = Side(*generator.init(key, *inputs))
        examples = jax.eval_shape(lambda: as_generated(generator.apply(*g, *inputs)[0], ()).x)
        if examples.shape != batch["x"].shape:
            raise Refused(
                f"the generator makes examples of shape {examples.shape[1:]}, the data have "
                f"{batch['x'].shape[1:]}"
            )
        check.floating("generator's examples", examples)
        return g if params is None else Side({**params, "network": g.params}, g.stats)

    def play(params: Params, stats: Stats, batch: Batch, turn: Turn) -> Play:
        keys, given = turn.keys, conditions(batch)

        def generate(z: PyTree) -> tuple[Generated, Stats]:
            inputs = conditioning.g(z, given)
            key = fold(keys, "generator")
            made, new = generator.train(network(params), stats, *inputs, key=key, step=turn.update)
            return as_generated(made, z), new

        (fake, z), new = generate(prior(params, fold(keys, "z")))
        return Play(Meeting(batch["x"], fake, given, z, lambda z: generate(z)[0].x), new)

    def decode(g: Side, z: PyTree, given: Given) -> Array:
        check.given(conditioning, given)
        return as_generated(generator.apply(network(g.params), g.stats, *conditioning.g(z, given))[0], z).x

    def latents(g: Side, keys: Key) -> PyTree:
        return prior(g.params, keys)

    def sample(g: Side, key: Key, index: Array, given: Given) -> Array:
        return decode(g, latents(g, each(key, index)), given)

    return adversarial(
        critic,
        init=init,
        play=play,
        sample=sample,
        given=conditioning.reads,
        classes=conditioning.classes,
        looks=Looks(latents, decode, critic.judge),
        lowering=lowering,
    )
