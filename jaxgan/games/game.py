"""Games: two losses over two trees of parameters, which is all that a rule needs."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from flax import struct

from jaxgan.parts.types import Array, Batch, Given, Key, Lowering, Params, PyTree, Stats


class Side(NamedTuple):
    """One side of the game: its parameters and its networks' statistics."""

    params: Params
    stats: Stats


class Context(NamedTuple):
    """Everything a loss may read beside the parameters."""

    g_stats: Stats
    d_stats: Stats
    extra: PyTree  # the game's own memory, such as the states of its terms
    step: Array  # steps the moving player has made
    batch: Batch
    key: Key  # the same key gives the same latents in both losses
    update: Array  # updates of the rule, the same for both


class Aux(NamedTuple):
    """The auxiliary output of a loss. A rule keeps the statistics of the player that moves."""

    g_stats: Stats
    d_stats: Stats
    extra: PyTree
    metrics: Mapping[str, Array]


Loss = Callable[[Params, Params, Context], tuple[Array, Aux]]
Sample = Callable[[Side, Key, Array, Given], Any]


class Looks(NamedTuple):
    """Functions for inspecting a game's networks, not needed in training.

    `latents`: (g, keys [N]) -> latents, a tree of leaves [N, ...]. `decode`: (g, latents, given) -> examples
    [N, ...]. `judge`: (d, examples, given) -> logits [N]. `truncated`: (amount) -> a function as the game's
    `sample`, whose examples are less diverse. `back`: (g, examples, given) -> the first leaf of `given`, made
    again of the examples, as translators there and back do. Each is None if the game has no such function.
    """

    latents: Callable[[Side, Key], PyTree] | None = None
    decode: Callable[[Side, PyTree, Given], Array] | None = None
    judge: Callable[[Side, Array, Given], Array] | None = None
    truncated: Callable[[float], Sample] | None = None
    back: Callable[[Side, Array, Given], Array] | None = None


class Game(NamedTuple):
    """Two losses with the same arguments: the player that moves is the one whose argument is differentiated.

    `init`: (key, batch) -> (g, d, extra). `d_loss`, `g_loss`: (g_params, d_params, context) -> (loss, aux).
    `sample`: (g, key, index [N], given) -> examples [N, ...]; the n-th depends only on index[n] and on the
    n-th row of `given`. `given`: names of the leaves of a batch that `sample` reads.
    `classes`: the number of classes of the networks, 0 without labels; the data may not have more.
    `looks`: for inspection only. `lowering`: the layout over devices, by which rules average gradients.
    `whole`: names of the parts that take statistics of a whole batch: rules refuse micro-batches of such a
    game, whose mean gradient would be that of another loss.
    A side is any tree, so it may have two generators, an encoder, or a classifier beside D. There is no
    `stop_gradient` on the other player: rules that differentiate through its step need its gradient.
    """

    init: Callable[[Key, Batch], tuple[Side, Side, PyTree]]
    d_loss: Loss
    g_loss: Loss
    sample: Sample
    given: tuple[str, ...] = ()
    classes: int = 0
    looks: Looks = Looks()
    lowering: Lowering = Lowering()
    whole: tuple[str, ...] = ()


class Player(struct.PyTreeNode):
    """One player, as arrays only, so that it can be sharded and saved."""

    params: Params
    stats: Stats
    opt_state: PyTree

    @property
    def side(self) -> Side:
        """The player without its optimiser's state."""
        return Side(self.params, self.stats)


class State(struct.PyTreeNode):
    """The whole state of a run, as arrays: nothing else is needed to resume it."""

    step: Array  # updates made, int32
    key: Key  # the root key, which never changes: every draw folds a name and the step into it
    g: Player
    d: Player
    ema: Side | None  # the averaged generator
    extra: PyTree  # the game's memory
    rule: PyTree  # the rule's memory
    averages: Mapping[str, Side] = struct.field(default_factory=dict)  # further averaged generators, by name

    @property
    def data_key(self) -> Key:
        """The root key of the order of the data."""
        return self.key

    @property
    def generator(self) -> Side:
        """The generator to sample from: its average if there is one."""
        return self.g.side if self.ema is None else self.ema


class SplitState(State):
    """A state with another root key of the data; a class of its own, so that others are stored as before."""

    own_data_key: Key = None  # type: ignore[assignment]  # follows a field with a default

    @property
    def data_key(self) -> Key:
        """The root key of the order of the data."""
        return self.own_data_key
