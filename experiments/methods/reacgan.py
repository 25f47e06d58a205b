"""ReACGAN (Kang et al., 2021): D embeds examples on the unit sphere, with a margin between classes.

    python experiments/methods/reacgan.py

The data-to-data cross entropy compares an embedding with the proxy of its class and with examples of other
classes; pairs that are apart, and examples near their proxy, add nothing to the gradient. Kept: the loss,
with weight, temperature and margin of the authors' configuration for CIFAR-10, and the hinge loss. Changed:
networks and optimisers of `small.py`, embeddings of 64 numbers instead of 512, R1, an average of G.
"""

from dataclasses import dataclass

import small

import jaxgan as jg


@dataclass(frozen=True)
class Config(small.Config):
    data: str = "digits"
    gamma: jg.NonNegative = 1.0
    """Weight of R1."""
    weight: jg.NonNegative = 0.5
    """Of the cross entropies."""
    temperature: jg.Positive = 0.5
    margin: jg.Share = 0.98
    """Cosine with the proxy above which an example is near enough."""
    embedding: jg.Count = 64
    """Numbers per embedding."""


def build(config: Config, source: "jg.Source") -> jg.Experiment:
    classes = small.classes(config, source)
    task = jg.heads.data_to_data(
        classes,
        config.weight,
        size=config.embedding,
        temperature=config.temperature,
        margin=config.margin,
    )
    game = small.of_task(config, source, task, jg.terms.r1(config.gamma))
    return small.experiment(config, source, small.rule(config, game))


if __name__ == "__main__":
    jg.main(Config, build)
