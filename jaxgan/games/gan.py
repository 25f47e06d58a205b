"""The usual game: one generator and one discriminator, built from parts."""

from collections.abc import Callable, Sequence

from jaxgan.games import check
from jaxgan.games.adversary import adversary
from jaxgan.games.game import Game
from jaxgan.games.generator import generator_game
from jaxgan.parts.augmentations import Augmentation, Deception, unchanged
from jaxgan.parts.average import Average
from jaxgan.parts.conditioning import Conditioning, unconditional
from jaxgan.parts.latent_steps import LatentStep
from jaxgan.parts.latents import Latent
from jaxgan.parts.network import Network
from jaxgan.parts.objectives import Objective
from jaxgan.parts.terms import Term
from jaxgan.parts.types import Array, Augment, Lowering, Schedule


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
    deceive: Schedule | Deception = 0.0,
    instance_noise: Schedule = 0.0,
    packing: int = 1,
    latent_step: LatentStep | None = None,
    d_average: Average | None = None,
    reals: Callable[[Array, Array], Array] = lambda x, update: x,
    lowering: Lowering = Lowering(),  # noqa: B008 - immutable
) -> Game:
    """Builds a GAN from its parts.

    `label_smoothing`: real examples have the label "real" with weight 1 - s only (Salimans et al., 2016).
    `label_noise`: the probability that a pair's logits are swapped in D's loss.
    `augment`: applied to D's inputs, real and generated, in both losses (`jg.augmentations`).
    `deceive`: the probability that a real example in D's loss is replaced by this step's fake of the same
    number, before augmentation; `jg.augmentations.apa()` adapts it (Jiang et al., 2021). The fake was made
    for the label of the example it replaces.
    `instance_noise`: standard deviation of normal noise on D's inputs, a number or a schedule that anneals it
    with the updates (Sonderby et al., 2017).
    `packing`: the number of examples in an input of D, as channels (Lin et al., 2018).
    `latent_step`: moves latents by D's gradient before G generates, in both losses (Wu et al., 2019;
    `jaxgan.parts.latent_steps`); `sample` draws them as they are.
    `d_average`: a running average of D, for terms.
    `reals`: (examples [N, ...], updates made) -> what D is shown of real examples, such as images that
    sharpen with time, or images of several sizes; G then returns `Generated`, if its examples differ too.

    >>> import jax
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
        deceive=deceive,
        instance_noise=instance_noise,
        packing=packing,
        latent_step=latent_step,
        average=d_average,
        lowering=lowering,
    )
    return generator_game(
        critic, generator, latent=latent, conditioning=conditioning, reals=reals, lowering=lowering
    )
