"""The works in jaxgan, built from its public API and compiled as in the run loop."""

import time
from functools import partial
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax

import jaxgan as jg
from benchmarks.contest import Contestant, bursts
from benchmarks.works import Work, noise
from jaxgan.data.arrays import arrays
from jaxgan.data.mixtures import ring
from jaxgan.data.source import Source
from jaxgan.models import dcgan, mlp, sngan
from jaxgan.models.layers import UpConv, normalise
from jaxgan.run.program import lower_update, make_init
from jaxgan.run.seeds import root_keys

leaky = partial(nn.leaky_relu, negative_slope=0.2)


class Upsampler(nn.Module):
    """z [B, n] -> images [B, 32, 32, 3]: dense to 4x4, three times upsampling and a 3x3 convolution.

    A last 3x3 convolution makes the images.

    BatchNorm and ReLU between them, tanh at the end; 4, 4, 2 and 1 times `width` channels.

    >>> jax.eval_shape(Upsampler(4).init_with_output, jax.random.key(0), jnp.ones((2, 8)))[0].shape
    (2, 32, 32, 3)
    """

    width: int

    @nn.compact
    def __call__(self, z: jax.Array, *, train: bool = False) -> jax.Array:
        x = nn.Dense(4 * 4 * 4 * self.width)(z).reshape(z.shape[0], 4, 4, 4 * self.width)
        for times in (4, 2, 1):
            x = UpConv(times * self.width)(nn.relu(normalise(x, "batch", None, train)))
        return nn.tanh(nn.Conv(3, (3, 3))(nn.relu(normalise(x, "batch", None, train))))


def networks(work: Work) -> tuple[nn.Module, nn.Module]:
    """Returns the generator and the discriminator of a work.

    >>> from benchmarks.works import work
    >>> networks(work("W4"))[1].widths
    (128, 128)
    """
    shape: Any = work.shape
    match work.name:
        case "W1":
            widths = (256, 512, 1024)
            return mlp.Generator(work.shape, widths, leaky), mlp.Discriminator((512, 256), leaky)
        case "W2":
            return Upsampler(work.width), dcgan.Discriminator(work.width)
        case "W3":
            return dcgan.Generator(shape, work.width), dcgan.Discriminator(work.width)
        case "W4":
            return mlp.Generator((2,), (128, 128), final=mlp.identity), mlp.Discriminator((128, 128))
        case "W5":
            return dcgan.Generator(shape, work.width), dcgan.Discriminator(work.width, norm="none")
        case _:
            return sngan.Generator(shape, work.width), sngan.Discriminator(work.width)


def experiment(work: Work, precision: str = "float32", images: np.ndarray | None = None) -> jg.Experiment:
    """Returns the work as an experiment, on `images` (bytes) if given, else on noise; the ring draws its own.

    >>> from benchmarks.works import work
    >>> experiment(work("W4")).source.shape
    (2,)
    """
    generator, discriminator = map(jg.from_linen, networks(work))
    if precision == "bfloat16":
        generator, discriminator = jg.bfloat16(generator), jg.bfloat16(discriminator)
    match work.name:
        case "W5":
            objective, d_terms = jg.objectives.wasserstein(), [jg.terms.wgan_gp(10.0)]
        case "W6":
            objective, d_terms = jg.objectives.hinge(), []
        case _:
            objective, d_terms = jg.objectives.non_saturating(), []
    latent = jg.latents.normal(work.latent)
    game = jg.gan(generator, discriminator, latent=latent, objective=objective, d_terms=d_terms)
    adam = optax.adam(work.rate, work.b1, work.b2)
    return jg.Experiment(jg.alternating(game, adam, adam, d_steps=work.d_steps), source(work, images))


def source(work: Work, images: np.ndarray | None = None) -> Source:
    """Returns the examples of a work."""
    return ring() if work.name == "W4" else arrays(noise(work.shape) if images is None else images)


def start(
    work: Work, precision: str = "float32", seed: int = 0, images: np.ndarray | None = None
) -> tuple[Any, Any, Any]:
    """Returns (state, compiled update, arrays), as in the run loop before its first step."""
    jax.config.update(  # a GPU's float32 products are TF32 by default
        "jax_default_matmul_precision", "tensorfloat32" if precision == "tf32" else "highest"
    )
    built, settings = experiment(work, precision, images), jg.Settings(batch_size=work.batch, seed=seed)
    arrays = jax.device_put(built.source.arrays, jax.devices()[0])
    state = make_init(built, settings)(root_keys([settings])[0], arrays)
    return state, lower_update(built, settings, state, arrays).compile(), arrays


def contestant(work: Work, precision: str) -> Contestant:
    """The work, ready to be timed."""
    clock = time.perf_counter()
    state, update, arrays = start(work, precision)

    def play(updates: int) -> None:
        nonlocal state
        for _ in range(updates):
            state, _ = update(state, arrays)
        jax.block_until_ready(state)

    play(1)
    cost = update.cost_analysis()
    device = jax.devices()[0]
    facts = {
        "first_update_s": time.perf_counter() - clock,
        "flops": cost.get("flops", 0.0),
        "bytes": cost.get("bytes accessed", 0.0),
        "parameters": [sum(x.size for x in jax.tree.leaves(p.params)) for p in (state.g, state.d)],
        "platform": device.platform,
        "device": device.device_kind,
        "version": f"jax {jax.__version__}",
    }

    def device_peak() -> int | None:
        return (device.memory_stats() or {}).get("peak_bytes_in_use")

    return Contestant(play, partial(gemm, precision), peaks, device_peak, facts)


def gemm(precision: str) -> float:
    """Measures FLOP/s of a product of two square matrices, in this precision."""
    n = 2048 if jax.default_backend() == "cpu" else 8192
    a = jnp.full((n, n), 1e-3, jnp.bfloat16 if precision == "bfloat16" else jnp.float32)
    product = jax.jit(jnp.matmul).lower(a, a).compile()
    return 2 * n**3 / bursts(lambda: jax.block_until_ready(product(a, a)))


def peaks() -> dict[str, float]:
    """Measures bytes per second of a copy (read and written), and seconds to dispatch an empty program."""
    x = jnp.zeros(2**26 if jax.default_backend() == "cpu" else 2**29, jnp.float32)
    copy = jax.jit(lambda x: x + 1).lower(x).compile()
    scalar = jnp.zeros(())
    empty = jax.jit(lambda x: x + 1).lower(scalar).compile()

    def dispatch() -> None:
        y = scalar
        for _ in range(1000):
            y = empty(y)
        jax.block_until_ready(y)

    return {
        "bytes_per_s": 2 * x.nbytes / bursts(lambda: jax.block_until_ready(copy(x))),
        "dispatch_s": bursts(dispatch) / 1000,
    }
