"""Draws pictures in the style of another by the Gram matrices of VGG16: no GAN, the comparison for one.

    pip install "jaxgan[perceptual]"
    python studies/gram_style.py --content cat.png --style waves.png --out styled.png
    python studies/gram_style.py --content pictures/ --style waves.png --size 32 --steps 100

Gatys, Ecker & Bethge, 2016: the picture itself is optimised, from the content picture, so that its features
in relu4_2 stay near those of the content and the Gram matrices of its features in relu1_1 to relu5_1 come
near those of the style. Nothing is trained, and every picture is a run of its own. Changed: Adam rather than
L-BFGS, maxima rather than means where VGG16 halves, VGG16 rather than VGG19, losses that are means rather
than sums (so the weight of the style is not theirs), and pixels stay in [-1, 1].

Prints both losses before and after, and draws rows of content, style and result. `styled` is for other
scripts. Without pictures it shows `shapes` in the style of one of them.
"""

import argparse
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

import jaxgan as jg
from jaxgan.data import image
from jaxgan.pictures import images, png

CONTENT = "relu4_2"
STYLE = ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1")
Weights = tuple[Any, Any]


class Styled(NamedTuple):
    """Pictures [n, H, W, C] and the losses [steps + 1, n] on the way to them."""

    pictures: np.ndarray
    content_loss: np.ndarray
    style_loss: np.ndarray


def styled(
    content: np.ndarray,
    style: np.ndarray,
    network: jg.Frozen,
    *,
    weight: float = 1.0,
    steps: int = 300,
    lr: float = 0.02,
) -> Styled:
    """Returns pictures with the content of `content` [n, H, W, C] and the style of `style` [n or 1, h, w, C].

    Both in [-1, 1]; `network` has activations by name, as `jg.vgg16()`. `weight` is that of the style.
    """
    content = np.asarray(content, np.float32)
    style = np.broadcast_to(np.asarray(style, np.float32), (len(content), *style.shape[1:]))
    optimiser, weights = optax.adam(lr), (network.params, network.stats)

    @jax.jit
    def seen(x: jax.Array, weights: Weights) -> tuple[jax.Array, list[jax.Array]]:
        """Returns the features of the content, and the Gram matrices of the style's layers."""
        h = network.network.apply(*weights, x)[0]
        return h[CONTENT], [jg.gram(h[layer]) for layer in STYLE]

    wanted = seen(content, weights)[0], seen(style, weights)[1]

    def losses(x: jax.Array, weights: Weights, wanted: Any) -> tuple[jax.Array, tuple]:
        features, grams = seen(x, weights)
        near = jnp.square(features - wanted[0]).mean(axis=(1, 2, 3))
        apart = [jnp.square(a - b).mean(axis=(1, 2)) / 4 for a, b in zip(grams, wanted[1], strict=True)]
        alike = jnp.stack(apart).mean(axis=0)
        return (near + weight * alike).sum(), (near, alike)

    @jax.jit
    def step(x: jax.Array, state: optax.OptState, weights: Weights, wanted: Any) -> tuple:
        slope, both = jax.grad(losses, has_aux=True)(x, weights, wanted)
        updates, state = optimiser.update(slope, state, x)
        return optax.apply_updates(x, updates).clip(-1, 1), state, both

    x, history = jnp.asarray(content), []
    state = optimiser.init(x)
    for _ in range(steps):
        x, state, both = step(x, state, weights, wanted)
        history.append(both)
    history.append(jax.jit(losses)(x, weights, wanted)[1])
    content_loss, style_loss = (np.stack(loss) for loss in zip(*history, strict=True))
    return Styled(np.asarray(x), content_loss, style_loss)


def pictures(path: Path, size: int) -> np.ndarray:
    """Reads a picture, or all PNG and JPEG files of a folder, as [n, size, size, 3] in [-1, 1]."""
    files = sorted([*path.glob("*.png"), *path.glob("*.jpg")]) if path.is_dir() else [path]
    if not files:
        raise jg.Refused(f"{path} has no .png and no .jpg")
    try:
        return np.stack([image.read_square(file, (size, size, 3)) for file in files]) / 127.5 - 1
    except image.Broken as broken:
        raise jg.Refused(f"a picture of {path} cannot be read: {broken}") from None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--content", type=Path, help="picture, or folder of pictures")
    parser.add_argument("--style", type=Path, help="picture, or folder with as many")
    parser.add_argument("--size", type=int, default=64, help="side that pictures are scaled to")
    parser.add_argument("--weight", type=float, default=1.0, help="of the style's loss")
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--lr", type=float, default=0.02)
    parser.add_argument("--out", type=Path, default=Path("styled.png"))
    options = parser.parse_args()
    try:
        network = jg.vgg16()
        shown = jg.data.examples(jg.load("shapes", options.size), 9)
        content = pictures(options.content, options.size) if options.content else shown[:8]
        style = pictures(options.style, options.size) if options.style else shown[8:]
        if len(style) not in (1, len(content)):
            raise jg.Refused(f"give one picture of style or {len(content)}, not {len(style)}")
        made = styled(content, style, network, weight=options.weight, steps=options.steps, lr=options.lr)
    except jg.Refused as refused:
        raise SystemExit(f"error: {refused}") from None
    for name, loss in (("content", made.content_loss), ("style", made.style_loss)):
        print(f"{name}: {loss[0].mean():.4g} before, {loss[-1].mean():.4g} after {options.steps} steps")
    rows = np.stack([content, np.broadcast_to(style, content.shape), made.pictures], axis=1)
    png.save(images.grid(rows.reshape(-1, *content.shape[1:]), columns=3), options.out)
    print(options.out)


if __name__ == "__main__":
    main()
