"""StyleGAN3-R (Karras et al., 2021): a G whose image shifts and turns with its input.

    python experiments/methods/stylegan3_r.py

As `stylegan3_t.py`, but with 1x1 convolutions, twice the channels and filters without a direction. Changed
beside what is there: D's inputs are not blurred at the start of training.
"""

from dataclasses import dataclass

import small
import stylegan3_t

import jaxgan as jg


@dataclass(frozen=True)
class Config(stylegan3_t.Config):
    pass


def build(config: Config, source: "jg.Source") -> jg.Experiment:
    return small.experiment(config, source, stylegan3_t.rule(config, source, radial=True))


if __name__ == "__main__":
    jg.main(Config, build)
