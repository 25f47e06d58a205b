"""ContraGAN (Kang & Park, 2020): D embeds examples, near their class and each other.

    python experiments/methods/contragan.py

The conditional contrastive loss 2C compares an embedding with the proxy of its class and with all other
examples of the batch; D minimises it on real examples, G on its own. Kept: the loss, weight and temperature
1, the hinge loss. Changed: networks and optimisers of `small.py`, embeddings of 64 numbers instead of 512,
R1, an average of G. Of ten classes a batch has many pairs, which outweigh the proxy, and G can settle on the
classes under each other's names: look at `named_right`, and at a column of the samples.
"""

from dataclasses import dataclass

import small

import jaxgan as jg


@dataclass(frozen=True)
class Config(small.Config):
    data: str = "digits"
    gamma: jg.NonNegative = 1.0
    """Weight of R1."""
    weight: jg.NonNegative = 1.0
    """Of the contrastive losses."""
    temperature: jg.Positive = 1.0
    embedding: jg.Count = 64
    """Numbers per embedding."""


def build(config: Config, source: "jg.Source") -> jg.Experiment:
    classes = small.classes(config, source)
    task = jg.heads.contrastive(classes, config.weight, size=config.embedding, temperature=config.temperature)
    game = small.of_task(config, source, task, jg.terms.r1(config.gamma))
    return small.experiment(config, source, small.rule(config, game))


if __name__ == "__main__":
    jg.main(Config, build)
