"""Heads that classify: D predicts the class of its input, and G makes examples of the class asked for.

In the formulas CE(a, y) = log sum exp(a) - a_y, y is the label, x a real example and G a generated one.
"""

from collections.abc import Callable

from jaxgan.parts.classes import chosen, cross_entropy, labels_of
from jaxgan.parts.heads.task import Task
from jaxgan.parts.output import read_head
from jaxgan.parts.terms.term import Term, stateless
from jaxgan.parts.types import Array, PyTree, Schedule, View, at

WHOSE = "the loss of the classes"


def auxiliary_classifier(
    classes: int, weight: Schedule = 1.0, g_weight: Schedule | None = None, *, fakes: bool = True
) -> Task:
    """D: CE(C(x), y) + CE(C(G), y), G: CE(C(G), y), the auxiliary classifier GAN (Odena et al., 2017).

    C is the head "class". Without `fakes` D learns the classes from real examples only. `g_weight`: G's
    weight, if it is another. With `conditioning.auxiliary`.

    >>> auxiliary_classifier(10, fakes=False).heads
    (('class', 10),)
    """

    def d_loss(view: View, label: Array) -> Array:
        loss = _cross_entropy(view.real_heads, "class", label)
        return loss + _cross_entropy(view.fake_heads, "class", label) if fakes else loss

    def g_loss(view: View, label: Array) -> Array:
        return _cross_entropy(view.fake_heads, "class", label)

    g_weight = weight if g_weight is None else g_weight
    return Task((("class", classes),), (_term("class", weight, d_loss),), (_term("class", g_weight, g_loss),))


def twin_classifiers(classes: int, weight: Schedule = 1.0, twin_weight: Schedule | None = None) -> Task:
    """D: CE(C(x), y) + CE(C'(G), y), G: CE(C(G), y) - CE(C'(G), y), TAC-GAN (Gong et al., 2019).

    C, the head "class", learns from real examples, its twin C', the head "twin", from generated ones. So G
    is not rewarded for examples that are easier to classify than real ones. `twin_weight`: of C', if it is
    another. With `conditioning.auxiliary`.

    >>> twin_classifiers(10).heads
    (('class', 10), ('twin', 10))
    """
    twin_weight = weight if twin_weight is None else twin_weight
    return Task(
        (("class", classes), ("twin", classes)),
        (
            _term("class", weight, lambda view, label: _cross_entropy(view.real_heads, "class", label)),
            _term("twin", twin_weight, lambda view, label: _cross_entropy(view.fake_heads, "twin", label)),
        ),
        (
            _term("class", weight, lambda view, label: _cross_entropy(view.fake_heads, "class", label)),
            _term("twin", twin_weight, lambda view, label: -_cross_entropy(view.fake_heads, "twin", label)),
        ),
    )


def discriminative_classifier(classes: int, weight: Schedule = 1.0, g_weight: Schedule | None = None) -> Task:
    """D: CE(a(x), 2y) + CE(a(G), 2y + 1), G: a(G)_{2y+1} - a(G)_{2y}, ADC-GAN (Hou et al., 2022).

    The head "class" has two outputs per class, for real and for generated examples of it. G's loss is
    CE(a(G), 2y) - CE(a(G), 2y + 1), in which the normaliser cancels. With one class, a_0 - a_1 is the logit
    of a plain discriminator. `g_weight`: G's weight, if it is another. With `conditioning.auxiliary`.

    >>> discriminative_classifier(10).heads
    (('class', 20),)
    """

    def d_loss(view: View, label: Array) -> Array:
        real = _cross_entropy(view.real_heads, "class", 2 * label)
        return real + _cross_entropy(view.fake_heads, "class", 2 * label + 1)

    def g_loss(view: View, label: Array) -> Array:
        outputs = read_head(view.fake_heads, "class", WHOSE)
        return chosen(outputs, 2 * label + 1) - chosen(outputs, 2 * label)

    g_weight = weight if g_weight is None else g_weight
    return Task(
        (("class", 2 * classes),), (_term("class", weight, d_loss),), (_term("class", g_weight, g_loss),)
    )


def _cross_entropy(heads: PyTree, name: str, label: Array) -> Array:
    return cross_entropy(read_head(heads, name, WHOSE), label)


def _term(name: str, weight: Schedule, loss: Callable[[View, Array], Array]) -> Term:
    return stateless(name, lambda view: at(weight, view.step) * loss(view, labels_of(view, WHOSE)))
