"""The works in PyTorch, written for this comparison: the same mathematics, in PyTorch's own idiom.

`eager`: as people write it. NCHW, Adam by default, D's gradients also taken where only G's are wanted, both
losses fetched at every update. `tuned`: channels_last, fused Adam, D frozen in G's step, nothing fetched.
`compiled`: that, and torch.compile, with CUDA graphs on a GPU; a gradient penalty needs a second derivative,
which torch.compile does not take, so there D's loss stays as it is.
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
    """The networks and losses of a work.

    >>> from benchmarks.works import work
    >>> made = twin(work("W4"))
    >>> made.g_loss(torch.zeros(3, 2)).shape
    torch.Size([])
    """
    g, d = networks(work)
    g, d = g.to(device()), d.to(device())
    half = partial(torch.autocast, device().type, torch.bfloat16, enabled=precision == "bfloat16")

    def made(z: Tensor) -> Tensor:
        with half():
            return g(z).float()

    def judged(x: Tensor) -> Tensor:
        with half():
            return d(x).float()

    def d_loss(real: Tensor, z: Tensor) -> Tensor:
        with torch.no_grad():
            fake = made(z)
        real_logits, fake_logits = judged(real), judged(fake)
        match work.name:
            case "W5":
                loss = (fake_logits - real_logits).mean()
                return loss + 10.0 * penalty(judged, real, fake)
            case "W6":
                return (F.relu(1 - real_logits) + F.relu(1 + fake_logits)).mean()
            case _:
                return (F.softplus(-real_logits) + F.softplus(fake_logits)).mean()

    def g_loss(z: Tensor) -> Tensor:
        logits = judged(made(z))
        return -logits.mean() if work.name in ("W5", "W6") else F.softplus(-logits).mean()

    return Twin(g, d, d_loss, g_loss)


def penalty(
    judged: Callable[[Tensor], Tensor], real: Tensor, fake: Tensor, mix: Tensor | None = None
) -> Tensor:
    """(|grad D| - 1)^2 at random points between real and fake (Gulrajani et al., 2017), the mean."""
    if mix is None:
        mix = torch.rand(len(real), *(1,) * (real.ndim - 1), device=real.device)
    x = (mix * real + (1 - mix) * fake).requires_grad_()
    (slope,) = torch.autograd.grad(judged(x).sum(), x, create_graph=True)
    return (slope.flatten(1).norm(dim=1) - 1).square().mean()


def device() -> torch.device:
    """The GPU where there is one."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def wait() -> None:
    """Until the device has done what it was given."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()


def batches(work: Work, last: bool, images: np.ndarray | None = None) -> Callable[[], Tensor]:
    """A function that draws a batch of examples; with `last`, images in channels_last."""
    if work.name == "W4":
        angle = torch.arange(8, device=device()) * (2 * torch.pi / 8)
        centres = torch.stack([angle.cos(), angle.sin()], 1)

        def ring() -> Tensor:
            mode = torch.randint(8, (work.batch,), device=device())
            return centres[mode] + 0.01 * torch.randn(work.batch, 2, device=device())

        return ring
    data = torch.from_numpy(noise(work.shape) if images is None else images).to(device()).permute(0, 3, 1, 2)
    data = data.contiguous(memory_format=layout(last))

    def chosen() -> Tensor:
        number = torch.randint(len(data), (work.batch,), device=device())
        return (data[number].float() / 127.5 - 1).contiguous(memory_format=layout(last))

    return chosen


def layout(last: bool) -> torch.memory_format:
    """How images lie in memory."""
    return torch.channels_last if last else torch.contiguous_format


def trainer(
    work: Work, way: Way, precision: str = "float32", images: np.ndarray | None = None
) -> tuple[Twin, Callable[[], tuple[Tensor, Tensor]]]:
    """The twin and its update: `d_steps` steps of D, each on its own batch, then one of G.

    The update returns the last losses of D and G, as tensors.
    """
    tf32 = precision == "tf32"
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = tf32
    made = twin(work, precision)
    if way != "eager":
        for net in (made.g, made.d):
            net.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # its stub omits this
    d_loss, g_loss = made.d_loss, made.g_loss
    if way == "compiled":
        faster = partial(torch.compile, mode="reduce-overhead" if torch.cuda.is_available() else None)
        d_loss, g_loss = (d_loss if work.name == "W5" else faster(d_loss)), faster(g_loss)

    fused = {} if way == "eager" else {"fused": True}
    g_adam, d_adam = (
        torch.optim.Adam(net.parameters(), work.rate, (work.b1, work.b2), **fused) for net in (made.g, made.d)
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
            made.d.requires_grad_(False)
        g_adam.zero_grad()
        missed = g_loss(latents())
        missed.backward()
        g_adam.step()
        if way != "eager":
            made.d.requires_grad_(True)
        return loss.detach(), missed.detach()

    return made, update


def contestant(work: Work, way: Way, precision: str) -> Contestant:
    """The work, ready to be timed."""
    clock = time.perf_counter()
    made, update = trainer(work, way, precision)

    def play(updates: int) -> None:
        for _ in range(updates):
            d_loss, g_loss = update()
            if way == "eager":  # what a line of a log needs
                d_loss.item(), g_loss.item()
        wait()

    play(1)
    facts = {
        "first_update_s": time.perf_counter() - clock,
        "parameters": [sum(p.numel() for p in net.parameters()) for net in (made.g, made.d)],
        "version": f"torch {torch.__version__}",
        "platform": device().type,
    }
    return Contestant(play, partial(gemm, precision), dict, device_peak, facts)


def gemm(precision: str) -> float:
    """FLOP/s of a product of two square matrices, in this precision."""
    n = 8192 if torch.cuda.is_available() else 2048
    a = torch.full((n, n), 1e-3, dtype=torch.bfloat16 if precision == "bfloat16" else None, device=device())

    def product() -> None:
        a @ a
        wait()

    return 2 * n**3 / bursts(product)


def device_peak() -> int | None:
    """Bytes of the GPU's memory used at most."""
    return torch.cuda.max_memory_allocated() if torch.cuda.is_available() else None
