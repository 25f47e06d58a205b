"""pix2pix: translates the edges of a glyph into the glyph, by a U-Net and a D that sees both.

    python experiments/methods/pix2pix.py --seeds 0:3
    python experiments/methods/pix2pix.py --seeds 0:3 --adversarial 0

    About 17 s of processor time a seed, 40 to 50 s for the first, which compiles; by the clock 1 to 12
    minutes, on 2 cores of an AMD EPYC (Zen 5) that some twenty others shared; jax 0.10.2, 2026-11-29. At
    the last step, mean and standard deviation of seeds 0 to 2: l1 0.0535 +- 0.0008, psnr 24.09 +- 0.13,
    contrast 0.946 +- 0.005. By L1 alone 0.0546 +- 0.0011, 24.06 +- 0.20 and 0.897 +- 0.011: as near, since
    edges determine most of a glyph, and more blurred. By eye all but a few glyphs are right, and the GAN's
    are sharper.

G minimises its adversarial loss and 100 times the mean absolute difference from the image with these edges;
D classifies patches as real or fake, given the edges; dropout is the only noise (Isola et al., 2017).
Changed: glyphs of 16 px and their Sobel edges, batches of 16, three halvings, a D that sees 16 px, a rate of
1e-3, and no dropout in samples. `--adversarial 0` is the same U-Net with the L1 loss alone, no GAN.

On 500 held-out pairs: `l1`, the mean absolute difference from the true image, `psnr` in dB and `ssim`, the
means over images, and `contrast`, the mean difference of neighbouring pixels over that of the true images,
below 1 if samples are blurred. Without a network, at step 0: of the mean training image, as
`l1_of_mean_picture`, and of the training image whose edges are nearest, as `l1_of_nearest_pair`.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import jaxgan as jg

if TYPE_CHECKING:
    import jax


@dataclass(frozen=True)
class Config(jg.Settings):
    steps: int = 500
    data: str = "glyphs"
    size: int = 16
    batch_size: int = 16
    adversarial: jg.NonNegative = 1.0
    """Weight of G's adversarial loss; 0 is the U-Net with L1 alone, no GAN."""
    l1: jg.NonNegative = 100.0
    """Weight of the mean absolute difference from the true image."""
    lr: jg.NonNegative = 1e-3
    """Adam's learning rate, for both players."""
    width: jg.Count = 16
    """Channels of either network's first layer."""
    depth: jg.Count = 3
    """Number of times that the U-Net halves the image."""
    dropout: jg.Share = 0.5
    """Dropout rate of the U-Net's decoder."""
    log_every: int = 50
    measure_every: jg.Natural = 250
    """Steps between measurements."""


def data(config: Config) -> "jg.Source":
    """Loads each image with its edges as "source"; the paper has photographs."""
    from jaxgan.data import load, pairs

    return pairs.paired(load(config.data, config.size), pairs.edges)


def build(config: Config, source: "jg.Source") -> jg.Experiment:
    import jax.numpy as jnp
    import numpy as np
    import optax

    from jaxgan.data import labelled
    from jaxgan.models import patch, unet

    def l1(view: jg.View) -> "jax.Array":
        return config.l1 * jnp.abs(view.real_plain - view.fake_plain).mean(axis=(1, 2, 3))

    loss = jg.objectives.non_saturating()
    game = jg.gan(
        jg.from_linen(unet.Generator(source.shape, config.width, config.depth, dropout=config.dropout)),
        jg.from_linen(patch.Discriminator(config.width, depth=1)),
        latent=jg.latents.nothing(),
        objective=loss._replace(g_loss=lambda real, fake: config.adversarial * loss.g_loss(real, fake)),
        g_terms=[jg.terms.stateless("l1", l1)],
        conditioning=jg.conditioning.leaves("source", latent=False),
        lowering=config.lowering,
    )
    adam = optax.adam(config.lr, b1=0.5, b2=0.999)
    rule = jg.alternating(game, adam, adam)

    held_out = source.held_out() if source.held_out else source
    images = labelled(held_out, 500)["x"]  # sample i is made of the edges of images[i]

    def contrast(x: np.ndarray) -> float:
        """Returns the mean absolute difference of neighbouring pixels."""
        return float(np.abs(np.diff(x, axis=1)).mean() + np.abs(np.diff(x, axis=2)).mean())

    def measure(moment: jg.Moment) -> dict[str, float]:
        samples = moment.sample(moment.state.generator, len(images))
        ratio = contrast(samples) / contrast(images)
        return {**jg.metrics.pairs.compare(samples, images), "contrast": ratio}

    hooks = [jg.Hook(config.measure_every, call) for call in (jg.baselines(source), measure)]
    return jg.Experiment(rule, source, hooks, best=lambda measured: measured["psnr"])


if __name__ == "__main__":
    jg.main(Config, build, data)
