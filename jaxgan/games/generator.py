"""The game of one generator against any adversary."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from jaxgan.errors import Refused
from jaxgan.games import check, prior
from jaxgan.games.adversarial import Play, adversarial
from jaxgan.games.adversary import Adversary, Meeting, Turn
from jaxgan.games.game import Game, Looks, Sample, Side
from jaxgan.parts.conditioning import Conditioning, unconditional
from jaxgan.parts.generated import Generated, as_generated
from jaxgan.parts.latents import Latent
from jaxgan.parts.network import Network
from jaxgan.parts.rng import each, fold
from jaxgan.parts.types import Array, Batch, Given, Key, Lowering, Params, PyTree, Stats, check_range


def generator_game(
    adversary: Adversary,
    generator: Network,
    *,
    latent: Latent,
    conditioning: Conditioning = unconditional(),  # noqa: B008 - immutable
    reals: Callable[[Array, Array], Array] = lambda x, update: x,
    lowering: Lowering = Lowering(),  # noqa: B008 - immutable
) -> Game:
    """The game of a generator and its latents against an adversary, which may be of `several` critics.

    `jg.gan` is this game with one discriminator. The adversary meets the data and G's examples.
    `reals` is that of `jg.gan`.

    >>> from flax import linen as nn
    >>> from jaxgan.games.adversary import adversary
    >>> from jaxgan.games.several import several
    >>> from jaxgan.parts.latents import normal
    >>> from jaxgan.parts.network import from_linen
    >>> from jaxgan.parts.objectives import hinge
    >>> critics = several({name: adversary(from_linen(nn.Dense(1)), hinge()) for name in ("a", "b")})
    >>> game = generator_game(critics, from_linen(nn.Dense(2)), latent=normal(4))
    >>> _, d, _ = game.init(jax.random.key(0), {"x": jnp.zeros((8, 2)), "index": jnp.arange(8)})
    >>> sorted(d.params)
    ['a', 'b']
    """
    check.generator(generator, latent)

    def conditions(batch: Batch) -> Given:
        return {name: batch[name] for name in (*conditioning.reads, *conditioning.terms)}

    def network(params: Params) -> Params:
        return params if latent.init is None else params["network"]

    def init(key: Key, batch: Batch, keys: Key) -> Side:
        check.given(conditioning, batch)
        check.read_by_terms(conditioning, batch)
        params = prior.init(latent, key)
        inputs = conditioning.g(prior.draw(latent, params, keys), conditions(batch))
        g = Side(*generator.init(key, *inputs))
        examples = jax.eval_shape(lambda: as_generated(generator.apply(*g, *inputs)[0], ()).x)
        if examples.shape != batch["x"].shape:
            raise Refused(
                f"the generator makes examples of shape {examples.shape[1:]}, the data have "
                f"{batch['x'].shape[1:]}"
            )
        check.floating("generator's examples", examples)
        return Side({**params, "network": g.params}, g.stats) if params else g

    def play(params: Params, stats: Stats, batch: Batch, turn: Turn) -> Play:
        keys, given = turn.keys, conditions(batch)

        def generate(z: PyTree) -> tuple[Generated, Stats]:
            inputs = conditioning.g(z, given)
            key = fold(keys, "generator")
            made, new = generator.train(network(params), stats, *inputs, key=key, step=turn.update)
            return as_generated(made, z), new

        (_, z, fake), new = generate(prior.draw(latent, params, fold(keys, "z")))
        real = reals(batch["x"], turn.update)
        return Play(Meeting(real, fake, given, z, lambda z: generate(z)[0].shown), new)

    def decode(g: Side, z: PyTree, given: Given, **keywords: Any) -> Array:
        check.given(conditioning, given)
        inputs = conditioning.g(z, given)
        return as_generated(generator.apply(network(g.params), g.stats, *inputs, **keywords)[0], z).x

    def judge(d: Side, x: Array, given: Given) -> Array:
        assert adversary.judge is not None
        return adversary.judge(d, reals(x, jnp.int32(2**31 - 1)), given)  # as at the end of any schedule

    def latents(g: Side, keys: Key) -> PyTree:
        return prior.draw(latent, g.params, keys)

    def sampling(latent: Latent, **keywords: Any) -> Sample:
        def sample(g: Side, key: Key, index: Array, given: Given) -> Array:
            return decode(g, prior.draw(latent, g.params, each(key, index)), given, **keywords)

        return sample

    def truncated(amount: float) -> Sample:
        if not generator.reads_psi:
            return sampling(prior.truncated(latent, amount))
        check_range("the truncation of styles", amount, most=1)
        return sampling(latent, psi=amount)

    return adversarial(
        adversary,
        init=init,
        play=play,
        sample=sampling(latent),
        given=conditioning.reads,
        classes=conditioning.classes,
        looks=Looks(
            latents,
            decode,
            judge if adversary.judge else None,
            truncated if generator.reads_psi or latent.truncate else None,
        ),
        lowering=lowering,
    )
