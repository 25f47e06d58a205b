"""PixelDA (Bousmalis et al., 2017): a classifier for a domain whose pictures have no labels.

    python experiments/methods/pixelda.py
    python experiments/methods/pixelda.py --negative

Kept: a residual G that makes a labelled picture, with noise, look like the domain without labels, a patch D
of that domain, a classifier in G's side, learnt by the cross-entropy of its logits on labelled pictures and
on what G makes of them, through which G keeps the class. Changed: glyphs drawn by a program are the labelled
domain, handwritten digits the other; networks, weights and optimisers; no loss compares a picture with what G
makes of it, as the paper's does within an object's outline, where it is known.

`accuracy` is that of the classifier on held-out digits, whose labels no loss reads. Beside it, of the same
network, rate and batch size, after `--alone-steps`: `accuracy_source`, learnt on glyphs alone, the baseline,
and `accuracy_target`, learnt on the digits with their labels, the oracle.

After 4,000 steps, mean and standard deviation of seeds 0 to 2: accuracy 0.722 +- 0.044, that of glyphs alone
0.625, of labelled digits 0.976. In negative it fails: 0.106 +- 0.027, glyphs alone 0.081; chance is 0.1.
"""

from dataclasses import dataclass
from functools import cache, partial
from typing import TYPE_CHECKING, Any

import two_domains

import jaxgan as jg

if TYPE_CHECKING:
    import jax
    import numpy as np


@dataclass(frozen=True)
class Config(two_domains.Config):
    steps: int = 4000
    data: str = "digits"
    other: str = "glyphs"
    """The labelled data that are translated."""
    negative: bool = False
    """Whether --data are shown in negative."""
    task: jg.NonNegative = 0.05
    """Weight of the classifier's cross-entropies; where it is large, G adds signs of the class instead."""
    alone_steps: jg.Count = 4000
    """Steps of the classifiers that it is compared with."""
    z_size: jg.Count = 8
    """Numbers of noise beside each picture."""


def target(config: Config) -> "jg.Source":
    """The domain without labels, with them."""
    from jaxgan.data import load, pairs

    source = load(config.data, config.size)
    return pairs.recoloured(source, [[-1.0]]) if config.negative else source


def data(config: Config) -> "jg.Source":
    """Loads pictures of --data, "x", each with an unrelated one of --other, "other", and its "label"."""
    from jaxgan.data import load, pairs

    labelled = load(config.other, config.size)
    if not labelled.classes:
        raise jg.Refused(f"the classifier learns from labels, and --other {config.other} has none")
    return pairs.renamed(pairs.unpaired(labelled, target(config)), {"x": "other", "other": "x"})


def build(config: Config, source: "jg.Source") -> jg.Experiment:
    import jax
    import jax.numpy as jnp
    import optax

    from jaxgan.models import classifier, translator

    entropy = optax.softmax_cross_entropy_with_integer_labels
    net = jg.from_linen(classifier.Classifier(source.classes, config.width))
    g = translator.Generator(source.shape, config.width, config.blocks, "batch", config.lowering.axis)
    networks = {"g": jg.from_linen(g), "classify": net}

    def play(call: Any, z: "jax.Array", batch: "jg.Batch", turn: jg.Turn) -> tuple:
        fake = call("g", batch["other"], z)
        logits = {"made": call("classify", fake)[1], "source": call("classify", batch["other"])[1]}
        losses = {name: config.task / 2 * entropy(x, batch["label"]) for name, x in logits.items()}
        return jg.Meeting(batch["x"], fake), losses

    critic = jg.adversary(two_domains.patch(config), jg.objectives.non_saturating(), lowering=config.lowering)
    game = jg.networks_game(
        critic,
        networks,
        latent=jg.latents.normal(config.z_size),
        play=play,
        decode=lambda call, z, given: call("g", given["other"], z),
        given=("other",),
        lowering=config.lowering,
    )

    @jax.jit
    @partial(jax.vmap, in_axes=(0, None, None))
    def learnt(key: "jax.Array", x: "jax.Array", label: "jax.Array") -> Any:
        """The parameters of a classifier that is trained on these alone."""
        tx = optax.adam(config.lr, b1=0.5, b2=0.999)
        params = net.init(key, x[:1])[0]

        def step(carry: Any, i: "jax.Array") -> tuple[Any, None]:
            params, opt_state = carry
            rows = jax.random.randint(jax.random.fold_in(key, i), (config.batch_size,), 0, len(x))
            loss = lambda params: entropy(net.apply(params, {}, x[rows])[0][1], label[rows]).mean()  # noqa: E731
            updates, opt_state = tx.update(jax.grad(loss)(params), opt_state)
            return (optax.apply_updates(params, updates), opt_state), None

        return jax.lax.scan(step, (params, tx.init(params)), jnp.arange(config.alone_steps))[0][0]

    @jax.jit
    def accuracy(params: Any, x: "jax.Array", label: "jax.Array") -> "jax.Array":
        return (net.apply(params, {}, x)[0][1].argmax(axis=1) == label).mean()

    @cache
    def held_out() -> "dict[str, np.ndarray]":
        digits = target(config)
        return jg.data.labelled(digits.held_out() if digits.held_out else digits, 1000)

    @cache
    def baselines() -> dict[str, float]:
        """The mean accuracies of three classifiers each."""
        domains = {"source": jg.load(config.other, config.size), "target": target(config)}
        trained = {name: jg.data.labelled(of, 5000) for name, of in domains.items()}
        keys = jax.random.split(jax.random.key(0), 3)
        return {
            f"accuracy_{name}": float(of_held_out(learnt(keys, of["x"], of["label"])).mean())
            for name, of in trained.items()
        }

    def of_held_out(params: Any) -> "jax.Array":
        return jax.vmap(accuracy, (0, None, None))(params, held_out()["x"], held_out()["label"])

    def measure(moment: jg.Moment) -> dict[str, float]:
        known, params = held_out(), moment.state.generator.params["classify"]
        return {"accuracy": float(accuracy(params, known["x"], known["label"])), **baselines()}

    rule = two_domains.rule(config, game)
    return jg.Experiment(rule, source, [jg.Hook(config.measure_every, measure)])


if __name__ == "__main__":
    jg.main(Config, build, data)
