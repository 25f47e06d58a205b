"""The works in PyTorch, written for this comparison: the same mathematics, in PyTorch's own style.

`eager`: as usually written. NCHW, default Adam, D's gradients computed in G's step too, both losses fetched
in every update. `tuned`: channels_last, fused Adam, D frozen in G's step, no losses fetched. `compiled`: that
with torch.compile, and CUDA graphs on a GPU; a gradient penalty needs a second derivative, which
torch.compile does not support, so D's loss is not compiled there.
"""

import time
from collections.abc import Callable
from functools import partial
from typing import Literal, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchmarks.contest import Contestant, bursts
from benchmarks.twin_networks import networks
from benchmarks.works import Work, noise

Way = Literal["eager", "tuned", "compiled"]
Losses = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]


class Twin(NamedTuple):
    """A work's two networks and the losses they train on."""

    g: nn.Module
    d: nn.Module
    d_loss: Callable[[Tensor, Tensor], Tensor]  # (real, z) -> mean loss
    g_loss: Callable[[Tensor], Tensor]  # z -> mean loss


def twin(work: Work, precision: str = "float32") -> Twin:
    """Builds the networks and losses of a work.

    >>> from benchmarks.works import work
    >>> built = twin(work("W4"))
    >>> built.g_loss(torch.zeros(3, 2)).shape
    torch.Size([])
    """
    g, d = networks(work)
    g, d = g.to(device()), d.to(device())
    half = partial(torch.autocast, device().type, torch.bfloat16, enabled=precision == "bfloat16")

    def generate(z: Tensor) -> Tensor:
        with half():
            return g(z).float()

    def discriminate(x: Tensor) -> Tensor:
        with half():
            return d(x).float()

    def d_loss(real: Tensor, z: Tensor) -> Tensor:
        with torch.no_grad():
            fake = generate(z)
        real_logits, fake_logits = discriminate(real), discriminate(fake)
        match work.name:
            case "W5":
                loss = (fake_logits - real_logits).mean()
                return loss + 10.0 * penalty(discriminate, real, fake)
            case "W6":
                return (F.relu(1 - real_logits) + F.relu(1 + fake_logits)).mean()
            case _:
                return (F.softplus(-real_logits) + F.softplus(fake_logits)).mean()

    def g_loss(z: Tensor) -> Tensor:
        logits = discriminate(generate(z))
        return -logits.mean() if work.name in ("W5", "W6") else F.softplus(-logits).mean()

    return Twin(g, d, d_loss, g_loss)


def penalty(d: Callable[[Tensor], Tensor], real: Tensor, fake: Tensor, mix: Tensor | None = None) -> Tensor:
    """Returns mean (|grad D| - 1)^2 at random points between real and fake (Gulrajani et al., 2017)."""
    if mix is None:
        mix = torch.rand(len(real), *(1,) * (real.ndim - 1), device=real.device)
    x = (mix * real + (1 - mix) * fake).requires_grad_()
    (slope,) = torch.autograd.grad(d(x).sum(), x, create_graph=True)
    return (slope.flatten(1).norm(dim=1) - 1).square().mean()


def device() -> torch.device:
    """Returns the GPU if there is one, else the CPU."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def wait() -> None:
    """Waits until the device is idle."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()


def batches(work: Work, last: bool, images: np.ndarray | None = None) -> Callable[[], Tensor]:
    """Returns a function that draws a batch of examples; with `last`, images in channels_last."""
    if work.name == "W4":
        angle = torch.arange(8, device=device()) * (2 * torch.pi / 8)
        centres = torch.stack([angle.cos(), angle.sin()], 1)

        def ring() -> Tensor:
            mode = torch.randint(8, (work.batch,), device=device())
            return centres[mode] + 0.01 * torch.randn(work.batch, 2, device=device())

        return ring
    data = torch.from_numpy(noise(work.shape) if images is None else images).to(device()).permute(0, 3, 1, 2)
    data = data.contiguous(memory_format=layout(last))

    def draw() -> Tensor:
        number = torch.randint(len(data), (work.batch,), device=device())
        return (data[number].float() / 127.5 - 1).contiguous(memory_format=layout(last))

    return draw


def layout(last: bool) -> torch.memory_format:
    """Returns the memory format of images."""
    return torch.channels_last if last else torch.contiguous_format


def trainer(
    work: Work, way: Way, precision: str = "float32", images: np.ndarray | None = None
) -> tuple[Twin, Callable[[], tuple[Tensor, Tensor]]]:
    """Returns the twin and its update: `d_steps` steps of D, each on its own batch, then one of G.

    The update returns the last losses of D and G, as tensors.
    """
    tf32 = precision == "tf32"
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = tf32
    built = twin(work, precision)
    if way != "eager":
        for net in (built.g, built.d):
            net.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # its stub omits this
    d_loss, g_loss = built.d_loss, built.g_loss
    if way == "compiled":
        faster = partial(torch.compile, mode="reduce-overhead" if torch.cuda.is_available() else None)
        d_loss, g_loss = (d_loss if work.name == "W5" else faster(d_loss)), faster(g_loss)

    fused = {} if way == "eager" else {"fused": True}
    g_adam, d_adam = (
        torch.optim.Adam(net.parameters(), work.rate, (work.b1, work.b2), **fused)
        for net in (built.g, built.d)
    )
    real = batches(work, last=way != "eager", images=images)

    def latents() -> Tensor:
        return torch.randn(work.batch, work.latent, device=device())

    def update() -> tuple[Tensor, Tensor]:
        if way == "compiled":
            torch.compiler.cudagraph_mark_step_begin()
        for _ in range(work.d_steps):
            d_adam.zero_grad()
            loss = d_loss(real(), latents())
            loss.backward()
            d_adam.step()
        if way != "eager":
            built.d.requires_grad_(False)
        g_adam.zero_grad()
        loss_g = g_loss(latents())
        loss_g.backward()
        g_adam.step()
        if way != "eager":
            built.d.requires_grad_(True)
        return loss.detach(), loss_g.detach()

    return built, update


def contestant(work: Work, way: Way, precision: str) -> Contestant:
    """Returns the work, ready to be timed."""
    clock = time.perf_counter()
    built, update = trainer(work, way, precision)

    def play(updates: int) -> None:
        for _ in range(updates):
            d_loss, g_loss = update()
            if way == "eager":  # as for logging
                d_loss.item(), g_loss.item()
        wait()

    play(1)
    facts = {
        "first_update_s": time.perf_counter() - clock,
        "parameters": [sum(p.numel() for p in net.parameters()) for net in (built.g, built.d)],
        "version": f"torch {torch.__version__}",
        "platform": device().type,
    }
    return Contestant(play, partial(gemm, precision), dict, device_peak, facts)


def gemm(precision: str) -> float:
    """Measures FLOP/s of a product of two square matrices, in this precision."""
    n = 8192 if torch.cuda.is_available() else 2048
    a = torch.full((n, n), 1e-3, dtype=torch.bfloat16 if precision == "bfloat16" else None, device=device())

    def product() -> None:
        a @ a
        wait()

    return 2 * n**3 / bursts(product)


def device_peak() -> int | None:
    """Returns the peak bytes of the GPU's memory."""
    return torch.cuda.max_memory_allocated() if torch.cuda.is_available() else None
