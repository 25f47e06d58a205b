"""MUNIT (Huang et al., 2018): what a picture shows in styles drawn at random, or in that of another picture.

    python experiments/methods/munit.py
    python experiments/methods/munit.py --styled

Kept: a content encoder with instance norm, a style encoder and a decoder with AdaIN for each domain; D of
several scales, least squares; the errors of decoded pictures, and of the content and style read off a
translation, with the paper's weights. A sample has the content of "other" and a style N(0, 1); with
`--styled` it has the style of another picture of the domain, "style". Changed: shapes of 16 px in two
palettes, two scales, spectral norm in D, a larger rate for fewer steps.

`style_error` is the mean difference of the mean colour of a translation from that of the picture its style is
taken from, `style_error_other` from that of another one: the first is smaller if style is passed on.
`diversity` is the mean absolute difference of two translations of one picture in styles drawn at random.
`l1` compares with one true answer, though a translation may have any style of the domain. `cycle_error` is
that of pictures there and back, with their own style again.

On emoji of two vendors (`docs/gallery.md`), mean and standard deviation of seeds 0 to 2 after 800 steps: l1
0.494 +- 0.067, style_error 0.085 +- 0.009, style_error_other 0.310 +- 0.006, diversity 0.301 +- 0.032. It
does not beat the input as it is, 0.326, by l1, with styles drawn at random; a style that is given is passed
on. Of the first 64 pictures Gram matrices (`studies/gram_style.py`) have a style_error of 0.277, and the
input itself 0.297.
"""

from dataclasses import dataclass
from typing import Any

import two_domains

import jaxgan as jg


@dataclass(frozen=True)
class Config(two_domains.Config):
    styled: bool = False
    """Whether samples take their style from a picture, "style", instead of the prior."""
    reconstruction: jg.NonNegative = 10.0
    """Weight of the absolute errors of decoded pictures."""
    codes: jg.NonNegative = 1.0
    """Weight of the absolute errors of content and style codes."""
    style_size: jg.Count = 8
    """Numbers in a style."""
    scales: jg.Count = 2
    """Scales of each D."""


def data(config: Config) -> "jg.Source":
    """Adds to the two domains, with `--styled`, an unrelated x as "style"."""
    from jaxgan.data import pairs

    source = two_domains.data(config)
    if not config.styled:
        return source
    styled = pairs.unpaired(pairs.renamed(source, {"other": "kept"}), source)
    return pairs.renamed(styled, {"other": "style", "kept": "other"})


def build(config: Config, source: "jg.Source") -> jg.Experiment:
    import jax
    import jax.numpy as jnp
    import numpy as np

    from jaxgan.models import munit, patch

    inputs = two_domains.INPUTS
    networks: dict[str, jg.Network] = {}
    for name in inputs:
        networks |= {
            f"content_{name}": jg.from_linen(munit.ContentEncoder(config.width, config.blocks)),
            f"style_{name}": jg.from_linen(munit.StyleEncoder(config.style_size, config.width)),
            f"decode_{name}": jg.from_linen(munit.Decoder(source.leaves[name].shape[-1], config.blocks)),
        }

    def play(call: Any, z: Any, batch: "jg.Batch", turn: jg.Turn) -> tuple:
        contents = {name: call(f"content_{name}", batch[name]) for name in inputs}
        styles = {name: call(f"style_{name}", batch[name]) for name in inputs}
        rebuilt: dict[str, jax.Array] = {}
        fakes: dict[str, jax.Array] = {}
        for name, of in inputs.items():  # both at once
            content = jnp.concatenate([contents[name], contents[of]])
            style = jnp.concatenate([styles[name], z[name]])
            rebuilt[name], fakes[name] = jnp.split(call(f"decode_{name}", content, style), 2)
        read = {of: call(f"content_{name}", fakes[name]) for name, of in inputs.items()}
        read_styles = {name: call(f"style_{name}", fakes[name]) for name in inputs}
        return two_domains.meetings(batch, fakes), {
            "reconstruction": config.reconstruction * two_domains.both(two_domains.l1, rebuilt, batch),
            "content": config.codes * two_domains.both(two_domains.l1, read, contents),
            "style": config.codes * two_domains.both(two_domains.l1, read_styles, z),
        }

    def decode(call: Any, z: Any, given: "jg.Given") -> "jax.Array":
        style = call("style_x", given["style"]) if config.styled else z["x"]
        return call("decode_x", call("content_other", given["other"]), style)

    def back(call: Any, x: Any, given: "jg.Given") -> "jax.Array":
        return call("decode_other", call("content_x", x), call("style_other", given["other"]))

    d = jg.from_linen(patch.MultiScale(config.scales, config.width, 1, "spectral"))
    game = two_domains.game(
        config,
        jg.adversary(d, jg.objectives.least_squares(), weight=2.0, lowering=config.lowering),
        networks,
        play,
        latent=jg.latents.parts(**{name: jg.latents.normal(config.style_size) for name in inputs}),
        decode=decode,
        back=back,
        given=("other", "style") if config.styled else ("other",),
    )

    @jax.jit
    def in_styles(g: jg.Side, other: "jax.Array", x: "jax.Array") -> tuple["jax.Array", ...]:
        call, shape = jg.caller(networks, g), (len(other), config.style_size)
        content = call("content_other", other)
        drawn = [jax.random.normal(jax.random.key(i), shape) for i in range(2)]
        return tuple(call("decode_x", content, style) for style in (call("style_x", x), *drawn))

    held_out = source.held_out() if source.held_out else source

    def measure(moment: jg.Moment) -> dict[str, float]:
        rest = jg.data.labelled(held_out, 500)
        x = np.roll(rest["x"], 1, axis=0)  # that of another picture than `other`
        styled, *two = in_styles(moment.state.generator, jnp.asarray(rest["other"]), jnp.asarray(x))

        def error(of: "np.ndarray") -> float:
            return float(np.abs(np.asarray(styled).mean((1, 2)) - of.mean((1, 2))).mean())

        diversity = float(jnp.abs(two[0] - two[1]).mean())
        others = np.roll(x, 1, axis=0)
        return {"style_error": error(x), "style_error_other": error(others), "diversity": diversity}

    return two_domains.experiment(config, source, two_domains.rule(config, game), measure)


if __name__ == "__main__":
    jg.main(Config, build, data)
