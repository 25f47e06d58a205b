"""Without a norm a network answers from the start, however narrow; those with one start as in DCGAN."""

import jax
import jax.numpy as jnp
import pytest

from jaxgan.models import dcgan, patch, translator, unet

NETWORKS = {
    "dcgan": lambda width, norm: dcgan.Discriminator(width, norm),
    "patch": lambda width, norm: patch.Discriminator(width, 2, norm),
    "unet": lambda width, norm: unet.Generator((32, 32, 3), width, 3, norm=norm),
    "translator": lambda width, norm: translator.Generator((32, 32, 3), width, 1, norm),
}


def started(name, width, norm):
    network = NETWORKS[name](width, norm)
    x = jax.random.uniform(jax.random.key(1), (16, 32, 32, 3), minval=-1, maxval=1)
    outputs, variables = jax.jit(network.init_with_output)(jax.random.key(0), x)
    return outputs, variables["params"]


@pytest.mark.parametrize("width", [4, 16])
@pytest.mark.parametrize("name", NETWORKS)
def test_without_a_norm_the_first_outputs_are_of_the_size_of_one(name, width):
    outputs, _ = started(name, width, "none")
    assert 0.1 < float(jnp.abs(outputs).mean()) < 10


@pytest.mark.parametrize("norm", ["batch", "instance"])
@pytest.mark.parametrize("name", NETWORKS)
def test_with_a_norm_kernels_start_as_in_dcgan(name, norm):
    _, params = started(name, 16, norm)
    kernels = [x for path, x in jax.tree.leaves_with_path(params) if path[-1].key == "kernel" and x.ndim == 4]
    assert len(kernels) > 2
    for kernel in kernels:
        assert float(kernel.std()) == pytest.approx(0.02, rel=0.2)
