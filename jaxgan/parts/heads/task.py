"""What D is asked for besides real or fake, and what the losses of such tasks share."""

from typing import NamedTuple

from jaxgan.parts.output import Heads
from jaxgan.parts.terms.term import Term


class Task(NamedTuple):
    """An auxiliary task of D: the heads that it needs, and both players' losses of them.

    A discriminator of `jaxgan.models` gets the heads as `heads=task.heads`; the terms go into a game's
    `d_terms` and `g_terms`. Heads and terms of several tasks add up.

    >>> from jaxgan.parts.heads import auxiliary_classifier
    >>> task = auxiliary_classifier(10)
    >>> task.heads, [term.name for term in task.d_terms], [term.name for term in task.g_terms]
    ((('class', 10),), ['class'], ['class'])
    """

    heads: Heads
    d_terms: tuple[Term, ...] = ()
    g_terms: tuple[Term, ...] = ()
