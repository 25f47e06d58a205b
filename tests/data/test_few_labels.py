"""Sources of which few labels are known: which ones, and who may read them."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import jaxgan as jg
from jaxgan.data.checked import check_labels
from jaxgan.data.source import array_shapes, batch, conditions_for, labelled
from jaxgan.models import mlp
from jaxgan.parts import conditioning, latents, objectives
from jaxgan.parts.network import from_linen
from jaxgan.run.program import check_trainable


def few(per_class=3):
    return jg.data.few_labels(jg.load("digits"), per_class)


def test_labels_are_hidden_of_all_but_a_few_and_always_the_same():
    source, full = few(), jg.load("digits")
    number = jnp.arange(1500)
    label, true = (np.asarray(s.take(s.arrays, jax.random.key(0), number)["label"]) for s in (source, full))
    known = label >= 0
    assert np.bincount(label[known]).tolist() == [3] * 10
    assert (label[known] == true[known]).all()
    assert (label[~known] == -1).all()
    assert (np.asarray(few().arrays[1]) == known).all()
    assert source.classes == 0
    assert source.held_out().classes == 10
    check_labels(source)  # -1 is as declared
    assert labelled(source, 20)["label"].min() == -1
    shapes = jax.eval_shape(
        lambda arrays: batch(source, (1, 8), arrays, jax.random.key(0), 0), array_shapes(source, (1, 8))
    )
    assert shapes["label"].shape == (1, 8)
    mirrored = jg.data.few_labels(full._replace(size=700), 2)
    assert int(mirrored.arrays[1].sum()) == 20


def test_networks_may_not_be_given_labels_that_are_hidden():
    def experiment(condition, source):
        g = from_linen(mlp.Generator((8, 8, 1), (8,)))
        d = from_linen(mlp.Discriminator((8,)))
        made = jg.gan(g, d, latent=latents.normal(4), objective=objectives.hinge(), conditioning=condition)
        return jg.Experiment(jg.alternating(made, optax.sgd(0.1), optax.sgd(0.1)), source)

    settings = jg.Settings(batch_size=8)
    with pytest.raises(jg.Refused, match="known of some examples only") as error:
        check_trainable(experiment(conditioning.concatenation(10), few()), settings)
    assert "\n" not in str(error.value)
    with pytest.raises(jg.Refused, match="known of some examples only"):
        conditions_for(few(), ["label"])
    for_terms = conditioning.unconditional(terms=("label",))
    check_trainable(experiment(for_terms, few()), settings)
    images = jg.data.arrays.arrays(np.random.RandomState(0).uniform(-1, 1, (20, 8, 8, 1)))
    with pytest.raises(jg.Refused, match="that terms read label, but the examples have no label"):
        check_trainable(experiment(for_terms, images), settings)


@pytest.mark.parametrize(
    ("source", "per_class", "message"),
    [
        ("ring", 3, "needs examples in memory"),
        ("spiral", 3, "these examples have none"),
        ("digits", 0, "per_class=1 or more"),
        ("digits", 151, "fewer than the 151 whose labels"),
    ],
)
def test_labels_that_cannot_be_hidden_are_refused(source, per_class, message):
    with pytest.raises(jg.Refused, match=message) as error:
        jg.data.few_labels(jg.load(source), per_class)
    assert "\n" not in str(error.value)
