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

import translating

import jaxgan as jg

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True)
class Config(translating.Config):
    steps: int = 500
    adversarial: jg.NonNegative = 1.0
    """Weight of G's adversarial loss; 0 is the U-Net with L1 alone, no GAN."""
    l1: jg.NonNegative = 100.0
    """Weight of the mean absolute difference from the true image."""
    dropout: jg.Share = 0.5
    """Dropout rate of the U-Net's decoder."""
    measure_every: jg.Natural = 250
    """Steps between measurements."""


data = translating.data  # edges; the paper has photographs


def build(config: Config, source: "jg.Source") -> jg.Experiment:
    import numpy as np

    game = translating.game(
        config,
        translating.unet(config, source, dropout=config.dropout),
        translating.patch(config),
        jg.objectives.non_saturating(),
        translating.l1(config.l1),
        weight=config.adversarial,
    )
    images = jg.data.examples(source.held_out() if source.held_out else source, 500)

    def steps(x: "np.ndarray") -> float:
        """Returns the mean absolute difference of neighbouring pixels."""
        return float(np.abs(np.diff(x, axis=1)).mean() + np.abs(np.diff(x, axis=2)).mean())

    def contrast(moment: jg.Moment) -> dict[str, float]:
        samples = moment.sample(moment.state.generator, len(images))
        return {"contrast": steps(samples) / steps(images)}

    experiment = translating.experiment(config, source, translating.rule(config, game), contrast)
    return experiment._replace(best=lambda measured: measured["psnr"])


if __name__ == "__main__":
    jg.main(Config, build, data)
