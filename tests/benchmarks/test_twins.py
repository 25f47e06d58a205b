"""The PyTorch twins compute what our works compute: same weights in, same losses and gradients out."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxgan as jg
from jaxgan.data.source import batch as drawn
from jaxgan.games.game import Context

torch = pytest.importorskip("torch")

from benchmarks import ours, twins  # noqa: E402
from benchmarks.losses import compare  # noqa: E402
from benchmarks.works import WORKS, Work  # noqa: E402

torch.set_num_threads(1)  # the networks are tiny, and threads only wait for one another
each_work = pytest.mark.parametrize("work", WORKS, ids=lambda work: work.name)
KINDS = ("Dense", "UpConv", "conv0", "Conv", "conv1", "ConvTranspose", "short", "BatchNorm", "Logit")


@each_work
def test_both_sides_have_the_same_number_of_parameters(work: Work):
    experiment = ours.experiment(work)
    batches = drawn(
        experiment.source, (work.d_steps, 1, work.batch), experiment.source.arrays, jax.random.key(0), 0
    )
    state = jax.eval_shape(experiment.rule.init, jax.random.key(0), batches)
    made = twins.twin(work)
    for side, net in ((state.g, made.g), (state.d, made.d)):
        shapes = [np.prod(x.shape) for x in jax.tree.leaves(side.params)]
        assert sorted(shapes) == sorted(p.numel() for p in net.parameters())


@each_work
def test_losses_and_gradients_are_the_same(work: Work, monkeypatch: pytest.MonkeyPatch):
    work = work._replace(batch=4, width=4)
    game, source = (experiment := ours.experiment(work)).game, experiment.source
    key = jax.random.key(1)
    batch = jax.tree.map(lambda x: x[0, 0], drawn(source, (1, 1, work.batch), source.arrays, key, 0))
    g, d, extra = jax.jit(game.init)(jax.random.key(0), batch)
    made = twins.twin(work)
    pour(g.params, made.g, work, generator=True)
    pour(d.params, made.d, work, generator=False)

    keys = jg.each(key, batch["index"])
    z = torch.from_numpy(np.array(jax.vmap(jg.latents.normal(work.latent).draw)(jg.fold(keys, "z"))))
    real = torch.from_numpy(np.array(batch["x"]))
    if work.name != "W4":
        real = real.permute(0, 3, 1, 2)
    mix = torch.from_numpy(np.array(jax.vmap(jax.random.uniform)(jg.fold(keys, "d", "gp")))).reshape(
        -1, 1, 1, 1
    )
    monkeypatch.setattr(torch, "rand", lambda *shape, device: mix)

    d_stats = d.stats
    if "spectral" in d_stats:  # each library has its own order in a power iteration: both are let to converge
        _, judge = map(jg.from_linen, ours.networks(work))
        seen = jax.jit(lambda stats: judge.apply(d.params, stats, batch["x"], train=True)[1])
        for _ in range(50):
            d_stats = seen(d_stats)
            with torch.no_grad():
                made.d(real)

    context = Context(g.stats, d_stats, extra, jnp.int32(0), batch, key, jnp.int32(0))
    for loss, who, theirs, net in (
        (game.d_loss, 1, lambda: made.d_loss(real, z), made.d),
        (game.g_loss, 0, lambda: made.g_loss(z), made.g),
    ):
        (value, _), gradient = jax.jit(jax.value_and_grad(loss, who, has_aux=True))(
            g.params, d.params, context
        )
        net.zero_grad()
        (missed := theirs()).backward()
        assert missed.item() == pytest.approx(float(value), rel=1e-4, abs=1e-5)
        norm = sum(p.grad.square().sum() for p in net.parameters()) ** 0.5
        squares = sum(jnp.square(leaf).sum() for leaf in jax.tree.leaves(gradient))
        assert norm.item() == pytest.approx(float(squares) ** 0.5, rel=1e-3)


@pytest.mark.parametrize("way", ["eager", "tuned"])
def test_a_twin_learns(way: twins.Way):
    torch.manual_seed(0)
    _, update = twins.trainer(WORKS[3], way)
    first = float(update()[0])
    last = [float(update()[0]) for _ in range(50)][-1]
    assert last < first  # D's loss, before G has found anything


@pytest.mark.slow
@pytest.mark.parametrize("name", ["W1", "W4"])
def test_twins_reach_the_same_losses(name: str):
    for row in compare(name):
        assert row["apart"] < 3, row


def pour(params, net, work: Work, generator: bool) -> None:
    """Flax's parameters into a twin, kind by kind, in the order in which the layers are called."""
    waiting: dict[str, list] = {"BatchNorm2d": [], "Linear": [], "Conv2d": [], "ConvTranspose2d": []}
    for path, arrays in sorted(layers(params), key=lambda layer: order(layer[0])):
        arrays = {name: np.array(leaf) for name, leaf in arrays.items()}
        if "scale" in arrays:
            waiting["BatchNorm2d"].append((arrays["scale"], arrays["bias"]))
            continue
        kernel, bias = arrays["kernel"], arrays.get("bias")
        if kernel.ndim == 4:
            transposed = "ConvTranspose" in path[-1]
            weight = kernel[::-1, ::-1].transpose(2, 3, 0, 1) if transposed else kernel.transpose(3, 2, 0, 1)
            waiting["ConvTranspose2d" if transposed else "Conv2d"].append((weight, bias))
            continue
        i, o = kernel.shape
        if generator and work.name in ("W2", "W3", "W5", "W6"):  # its outputs are an image, channels last
            kernel = kernel.reshape(i, 4, 4, -1).transpose(0, 3, 1, 2).reshape(i, o)
            bias = bias if bias is None else bias.reshape(4, 4, -1).transpose(2, 0, 1).ravel()
        if not generator and work.name in ("W2", "W3", "W5"):  # and here its inputs
            kernel = kernel.reshape(4, 4, -1, o).transpose(2, 0, 1, 3).reshape(i, o)
        waiting["Linear"].append((kernel.T, bias))
    with torch.no_grad():
        for layer in net.modules():
            kind = type(layer).__name__.removeprefix("Parametrized")
            if kind in waiting:
                weight, bias = waiting[kind].pop(0)
                inner = getattr(layer, "parametrizations", None)
                (layer.weight if inner is None else inner.weight.original).copy_(
                    torch.from_numpy(weight.copy())
                )
                if bias is not None:
                    layer.bias.copy_(torch.from_numpy(bias.copy()))
    assert not any(waiting.values())


def layers(tree, path=()):
    """(path, arrays) of every layer."""
    if "kernel" in tree or "scale" in tree:
        yield path, tree
        return
    for name, inner in tree.items():
        yield from layers(inner, (*path, name))


def order(path: tuple[str, ...]) -> tuple:
    """Blocks come before what lies outside them; then by kind, and by number."""
    block, name = (path[0], path[-1]) if path[0].startswith("block") else ("outside", path[0])
    kind, _, number = name.partition("_")
    return block, KINDS.index(kind), int(number or 0)
