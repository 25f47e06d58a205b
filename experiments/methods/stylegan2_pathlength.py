"""StyleGAN2 with path length regularisation (Karras et al., 2020): equal steps of w, equal ones of images.

    python experiments/methods/stylegan2_pathlength.py

Kept: as in `stylegan2.py`, and the penalty at every fourth step, whose running mean of lengths is part of
the state. Changed: the whole batch has it, where the authors take half; it is part of the loss, and so
shares its step of Adam.
"""

from dataclasses import dataclass

import small
import stylegan2

import jaxgan as jg


@dataclass(frozen=True)
class Config(stylegan2.Config):
    path_length: jg.NonNegative = 2.0
    """Weight of the squared difference of a path's length to the running mean."""


def build(config: Config, source: "jg.Source") -> jg.Experiment:
    terms = [jg.terms.lazily(jg.terms.path_length(config.path_length), 4)]
    return small.experiment(config, source, small.rule(config, stylegan2.game(config, source, terms)))


if __name__ == "__main__":
    jg.main(Config, build)
