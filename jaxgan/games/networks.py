"""Games of several networks in G's side: encoders, further generators, parameters alone."""

from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp

from jaxgan.errors import Refused
from jaxgan.games import check, prior
from jaxgan.games.adversarial import Play, adversarial, on_one_device
from jaxgan.games.adversary import Adversary, Turn
from jaxgan.games.game import Game, Looks, Sample, Side
from jaxgan.parts.latents import Latent
from jaxgan.parts.network import Network
from jaxgan.parts.rng import each, fold
from jaxgan.parts.types import Array, Batch, Given, Key, Lowering, Params, PyTree, Stats

Call = Callable[..., Any]  # (name, *inputs) -> output of the network of this name
Met = tuple[Any, Mapping[str, Array]]  # what the adversary meets, and G's own losses [N] by name


def networks_game(
    adversary: Adversary,
    networks: Mapping[str, Network],
    *,
    latent: Latent,
    play: Callable[[Call, PyTree, Batch, Turn], Met],
    decode: Callable[[Call, PyTree, Given], Any],
    given: tuple[str, ...] = (),
    classes: int = 0,
    judge: Callable[[Side, Any, Given], Array] | None = None,
    back: Callable[[Call, Any, Given], Any] | None = None,
    lowering: Lowering = Lowering(),  # noqa: B008 - immutable
) -> Game:
    """The game of several networks, by name, against an adversary.

    `play`: (call, z, batch, turn) -> (meeting, losses): one pass in training, with one latent per example.
    `call(name, *inputs)` applies a network and keeps its statistics; networks are initialised by their first
    call. The meeting is the adversary's; `losses` are G's own, per example [N]. `decode`: (call, z, given) ->
    examples, not in training. A loss that should not reach a network is cut in `play`, by
    `jax.lax.stop_gradient`; with `call(name, *inputs, fixed=True)` losses reach the inputs through the
    network, but not its parameters. Rates of their own: `jg.each_own`. `judge` is the adversary's, if it
    judges single examples. `back`: (call, examples, given) -> the first leaf of `given` again, if there is a
    way back; the error there and back is then measured. `given`, `classes`, `lowering` are those of the game.

    An autoencoder whose codes are matched to a prior by a D on codes (Makhzani et al., 2016):

    >>> import jax
    >>> from flax import linen as nn
    >>> from jaxgan.games.adversary import Meeting, adversary
    >>> from jaxgan.parts.latents import normal
    >>> from jaxgan.parts.network import from_linen
    >>> from jaxgan.parts.objectives import hinge
    >>> def play(call, z, batch, turn):
    ...     code = call("encode", batch["x"])
    ...     error = jnp.square(call("decode", code) - batch["x"]).sum(axis=1)
    ...     return Meeting(real=z, fake=code), {"error": error}
    >>> game = networks_game(
    ...     adversary(from_linen(nn.Dense(1)), hinge()),
    ...     {"encode": from_linen(nn.Dense(2)), "decode": from_linen(nn.Dense(3))},
    ...     latent=normal(2),
    ...     play=play,
    ...     decode=lambda call, z, given: call("decode", z),
    ... )
    >>> g, d, _ = game.init(jax.random.key(0), {"x": jnp.zeros((4, 3)), "index": jnp.arange(4)})
    >>> sorted(g.params), game.sample(g, jax.random.key(1), jnp.arange(5), {}).shape
    (['decode', 'encode'], (5, 3))
    """
    for network in networks.values():
        check.generator(network, latent)
    if "latent" in networks:
        raise Refused('no network may be called "latent", as the parameters of the prior are: rename it')

    of_latents = latent.truncate is not None and not any(network.reads_psi for network in networks.values())

    def init(key: Key, batch: Batch, keys: Key) -> Side:
        own = prior.init(latent, key)

        def by_calls(batch: Batch) -> Side:
            call, side = initialising(networks, key)
            play(call, prior.draw(latent, own, keys), batch, Turn(keys, jnp.int32(0), jnp.int32(0)))
            return side

        side = on_one_device(lowering, by_calls)(batch)
        check_called(networks, side, "`play`")
        return Side({**side.params, **own}, side.stats)

    def play_all(params: Params, stats: Stats, batch: Batch, turn: Turn) -> Play:
        call, new = training(networks, params, stats, turn)
        met, losses = play(call, prior.draw(latent, params, fold(turn.keys, "z")), batch, turn)
        return Play(met, new, losses)

    def latents(g: Side, keys: Key) -> PyTree:
        return prior.draw(latent, g.params, keys)

    def decoded(g: Side, z: PyTree, given: Given) -> Any:
        return decode(caller(networks, g), z, given)

    def sampling(latent: Latent) -> Sample:
        return lambda g, key, index, given: decoded(g, prior.draw(latent, g.params, each(key, index)), given)

    def truncated(bound: float) -> Sample:
        return sampling(prior.truncated(latent, bound))

    def made_again(g: Side, x: Any, given: Given) -> Any:
        assert back is not None
        return back(caller(networks, g), x, given)

    return adversarial(
        adversary,
        init=init,
        play=play_all,
        sample=sampling(latent),
        given=given,
        classes=classes,
        looks=Looks(
            latents,
            decoded,
            judge,
            truncated if of_latents else None,
            made_again if back else None,
        ),
        lowering=lowering,
    )


def caller(networks: Mapping[str, Network], side: Side) -> Call:
    """Returns call(name, *inputs), which applies a trained side's network, to measure or to encode.

    >>> from flax import linen as nn
    >>> from jaxgan.parts.network import from_linen
    >>> networks = {"g": from_linen(nn.Dense(3, use_bias=False))}
    >>> side = Side({"g": {"kernel": jnp.ones((2, 3))}}, {"g": {}})
    >>> caller(networks, side)("g", jnp.ones((1, 2))).tolist()
    [[2.0, 2.0, 2.0]]
    """

    def call(name: str, *inputs: Any) -> Any:
        return _named(networks, name).apply(side.params[name], side.stats[name], *inputs)[0]

    return call


def parameter(start: float) -> Network:
    """A network without inputs whose output is its only parameter, such as a temperature that G learns.

    >>> import jax
    >>> net = parameter(0.5)
    >>> float(net.apply(*net.init(jax.random.key(0)))[0])
    0.5
    """
    return Network(
        lambda key: (jnp.asarray(start, float), {}),
        lambda params, stats, key=None, train=False: (params, stats),
    )


def initialising(networks: Mapping[str, Network], key: Key) -> tuple[Call, Side]:
    """Returns a call that initialises a network when it is first called, and the side it fills in."""
    side = Side({}, {})

    def call(name: str, *inputs: Any, fixed: bool = False) -> Any:
        network = _named(networks, name)
        if name not in side.params:
            side.params[name], side.stats[name] = network.init(fold(key, name), *inputs)
        return network.apply(side.params[name], side.stats[name], *inputs)[0]

    return call, side


def training(
    networks: Mapping[str, Network], params: Params, stats: Stats, turn: Turn
) -> tuple[Call, dict[str, Stats]]:
    """Returns a call in training, and the statistics that it updates; each call has keys of its own."""
    new, calls = dict(stats), dict.fromkeys(networks, 0)

    def call(name: str, *inputs: Any, fixed: bool = False) -> Any:
        network = _named(networks, name)
        key = fold(turn.keys, name, calls[name])
        calls[name] += 1
        own = jax.lax.stop_gradient(params[name]) if fixed else params[name]
        output, new[name] = network.train(own, new[name], *inputs, key=key, step=turn.update)
        return output

    return call, new


def check_called(networks: Mapping[str, Network], side: Side, by: str) -> None:
    """Raises `Refused` for a network without parameters, since it was never called."""
    if missing := sorted(networks.keys() - side.params.keys()):
        raise Refused(f"{by} never calls the network {missing[0]}: call it, or leave it out")


def _named(networks: Mapping[str, Network], name: str) -> Network:
    if name not in networks:
        raise Refused(f"no network is called {name}: there are {', '.join(networks)}")
    return networks[name]
