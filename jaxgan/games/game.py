"""A game: two losses over two trees of parameters. All that a rule needs to know."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from flax import struct

from jaxgan.parts.types import Array, Batch, Given, Key, Lowering, Params, PyTree, Stats


class Side(NamedTuple):
    """One side of the game at one moment: its parameters and its networks' statistics."""

    params: Params
    stats: Stats


class Context(NamedTuple):
    """Everything a loss may read beside the parameters."""

    g_stats: Stats
    d_stats: Stats
    extra: PyTree  # memory of the game itself: the states of its terms
    step: Array  # steps the moving player has made
    batch: Batch
    key: Key  # the same key gives the same latents in both losses
    update: Array  # updates of the rule, the same for both


class Aux(NamedTuple):
    """What a loss leaves behind. A rule keeps the statistics of the player that moves."""

    g_stats: Stats
    d_stats: Stats
    extra: PyTree
    metrics: Mapping[str, Array]


Loss = Callable[[Params, Params, Context], tuple[Array, Aux]]


class Looks(NamedTuple):
    """What a game shows to whoever looks at its networks; nothing of it is needed to train.

    `latents`: (g, keys [N]) -> latents, a tree of leaves [N, ...]. `decode`: (g, latents, given) -> examples
    [N, ...]. `judge`: (d, examples, given) -> logits [N]. Each is None where there is no such thing.
    """

    latents: Callable[[Side, Key], PyTree] | None = None
    decode: Callable[[Side, PyTree, Given], Array] | None = None
    judge: Callable[[Side, Array, Given], Array] | None = None


class Game(NamedTuple):
    """Two losses with the same arguments: who moves is decided by which argument is differentiated.

    `init`: (key, batch) -> (g, d, extra). `d_loss`, `g_loss`: (g_params, d_params, context) -> (loss, aux).
    `sample`: (g, key, index [N], given) -> examples [N, ...]; the n-th depends on index[n] and on the n-th of
    what is given alone. `given`: the leaves of a batch that `sample` reads, by name.
    `classes`: how many labels the networks tell apart, 0 where they are not told any; data may not have more.
    `looks`: for looking only. `lowering`: how it is laid out over devices, by which rules average what they
    make of its gradients. `whole`: what of it takes statistics of a whole batch, by name: rules refuse
    micro-batches of such a game, whose mean gradient would be that of another loss.
    A side is any tree, so two generators, an encoder or a classifier beside D are games like any other. There
    is no `stop_gradient` on the other player: rules that look through it need its gradient.
    """

    init: Callable[[Key, Batch], tuple[Side, Side, PyTree]]
    d_loss: Loss
    g_loss: Loss
    sample: Callable[[Side, Key, Array, Given], Any]
    given: tuple[str, ...] = ()
    classes: int = 0
    looks: Looks = Looks()
    lowering: Lowering = Lowering()
    whole: tuple[str, ...] = ()


class Player(struct.PyTreeNode):
    """One player: arrays only, so that every layout and checkpoint can hold it."""

    params: Params
    stats: Stats
    opt_state: PyTree

    @property
    def side(self) -> Side:
        """What the game sees of the player."""
        return Side(self.params, self.stats)


class State(struct.PyTreeNode):
    """A whole run at one moment, as arrays: nothing else is needed to go on."""

    step: Array  # updates made, int32
    key: Key  # the root key, which never changes: every draw folds a name and the step into it
    g: Player
    d: Player
    ema: Side | None  # the averaged generator
    extra: PyTree  # the game's memory
    rule: PyTree  # the rule's memory
    averages: Mapping[str, Side] = struct.field(default_factory=dict)  # further averaged generators, by name

    @property
    def generator(self) -> Side:
        """The generator to sample from: the average where there is one."""
        return self.g.side if self.ema is None else self.ema
