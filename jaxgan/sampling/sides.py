"""The functions of latents that samplers need, from a game and its trained sides."""

from collections.abc import Callable, Mapping
from functools import partial

from jaxgan.errors import Refused
from jaxgan.games.game import Game, Side
from jaxgan.parts.types import Array, Given, Key, PyTree

Logit = Callable[[PyTree], Array]
"""Latents [N, ...] -> logits [N] of log p(x) / p_g(x), at the x that G makes of them."""
Prior = Callable[[Key], PyTree]
"""Keys [N] -> latents [N, ...]."""

_NOTHING: Mapping[str, Array] = {}
_MISSING = "this sampler needs a game with looks.latents, looks.decode and looks.judge"


def logit_of(game: Game, g: Side, d: Side, given: Given = _NOTHING) -> Logit:
    """Returns z [N, ...] -> D(G(z)) [N], both as in evaluation; `given`: conditions [N, ...] of a game.

    For a D that was trained by `minimax` or `non_saturating` it is an estimate of log p(x) / p_g(x), which
    `calibrated` improves; for one of another objective it is none without that.

    >>> from jaxgan.games.toy import bilinear
    >>> logit_of(bilinear(), Side((), {}), Side((), {}))
    Traceback (most recent call last):
    jaxgan.errors.Refused: this sampler needs a game with looks.latents, looks.decode and looks.judge
    """
    decode, judge = game.looks.decode, game.looks.judge
    if decode is None or judge is None:
        raise Refused(_MISSING)
    return lambda z: judge(d, decode(g, z, given), given)


def prior_of(game: Game, g: Side) -> Prior:
    """Returns keys [N] -> latents [N, ...] of the game's prior.

    >>> from jaxgan.games.toy import bilinear
    >>> prior_of(bilinear(), Side((), {}))
    Traceback (most recent call last):
    jaxgan.errors.Refused: this sampler needs a game with looks.latents, looks.decode and looks.judge
    """
    if game.looks.latents is None:
        raise Refused(_MISSING)
    return partial(game.looks.latents, g)
