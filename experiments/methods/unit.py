"""UNIT (Liu et al., 2017): two domains whose encoders meet in one latent space, learnt without pairs.

    python experiments/methods/unit.py

Kept: an encoder and a decoder for each domain, the last block of the encoders and the first of the decoders
shared; codes with noise N(0, 1), and KL mean(code^2) to the prior; VAE and GAN losses of both domains and the
KL and error of examples that are translated there and back, with the paper's weights. Changed: shapes of
16 px in two palettes, two halvings, BatchNorm, a patch D with spectral norm, a larger rate for fewer steps.

After 800 steps, mean and standard deviation of seeds 0 to 2: l1 0.062 +- 0.010, cycle_error 0.061 +- 0.005.
It does not beat shapes as they are, 0.046, nor those with the mean colours of the other palette, 0.037.
"""

from dataclasses import dataclass
from typing import Any

import two_domains

import jaxgan as jg


@dataclass(frozen=True)
class Config(two_domains.Config):
    adversarial: jg.NonNegative = 10.0
    """Weight of the adversarial losses."""
    kl: jg.NonNegative = 0.1
    """Weight of the codes' KL divergences from the prior."""
    reconstruction: jg.NonNegative = 100.0
    """Weight of the absolute errors of decoded examples, and of those translated there and back."""


def data(config: Config) -> "jg.Source":
    return two_domains.data(config)


def build(config: Config, source: "jg.Source") -> jg.Experiment:
    import jax
    import jax.numpy as jnp

    from jaxgan.models import munit

    inputs = two_domains.INPUTS
    norm: dict[str, Any] = {"norm": "batch", "axis": config.lowering.axis}
    networks = {name: jg.from_linen(munit.Residual(1, **norm)) for name in ("to_shared", "from_shared")}
    for name in inputs:
        encoder = munit.ContentEncoder(config.width, config.blocks, **norm)
        decoder = munit.Decoder(source.leaves[name].shape[-1], config.blocks, **norm)
        networks |= {f"encode_{name}": jg.from_linen(encoder), f"decode_{name}": jg.from_linen(decoder)}

    def encode(call: Any, name: str, x: "jax.Array") -> "jax.Array":
        return call("to_shared", call(f"encode_{name}", x))

    def decode(call: Any, name: str, code: "jax.Array") -> "jax.Array":
        return call(f"decode_{name}", call("from_shared", code))

    def play(call: Any, z: Any, batch: "jg.Batch", turn: jg.Turn) -> tuple:
        def noisy(code: "jax.Array", what: str) -> "jax.Array":
            keys = jg.fold(turn.keys, what)
            return code + jax.vmap(lambda key: jax.random.normal(key, code.shape[1:]))(keys)

        def kl(codes: "dict[str, jax.Array]") -> "jax.Array":
            first, second = (jnp.square(code).mean(axis=(1, 2, 3)) for code in codes.values())
            return config.kl * (first + second)

        def error(rebuilt: "dict[str, jax.Array]") -> "jax.Array":
            return config.reconstruction * two_domains.both(two_domains.l1, rebuilt, batch)

        codes = {name: encode(call, name, batch[name]) for name in inputs}
        drawn = {name: noisy(code, name) for name, code in codes.items()}
        rebuilt: dict[str, jax.Array] = {}
        fakes: dict[str, jax.Array] = {}
        for name, of in inputs.items():  # as one batch of BatchNorm
            decoded = decode(call, name, jnp.concatenate([drawn[name], drawn[of]]))
            rebuilt[name], fakes[name] = jnp.split(decoded, 2)
        again = {of: encode(call, name, fakes[name]) for name, of in inputs.items()}
        back = {name: decode(call, name, noisy(code, f"{name} again")) for name, code in again.items()}
        losses = {
            "kl": kl(codes),
            "reconstruction": error(rebuilt),
            "cycle_kl": kl(again),
            "cycle": error(back),
        }
        return two_domains.meetings(batch, fakes), losses

    critic = jg.adversary(
        two_domains.patch(config),
        jg.objectives.non_saturating(),
        weight=config.adversarial,
        lowering=config.lowering,
    )
    game = two_domains.game(
        config,
        critic,
        networks,
        play,
        decode=lambda call, z, given: decode(call, "x", encode(call, "other", given["other"])),
        back=lambda call, x, given: decode(call, "other", encode(call, "x", x)),
    )
    return two_domains.experiment(config, source, two_domains.rule(config, game))


if __name__ == "__main__":
    jg.main(Config, build, data)
