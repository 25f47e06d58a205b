"""Draws samples from the generator in this folder, without jaxgan: it needs jax and flatbuffers only.

python sample.py --seed 0 --n 64               of all classes in turn, if there are classes
python sample.py --seed 0 --n 64 --label 3     of one class
python sample.py --given mine.npz              under other conditions than given.npz, if there is that file
python sample.py --given pictures/             made from your pictures, if it takes any (needs Pillow)

Images are written to drawn.png, other samples to drawn.npy; those made from pictures in a folder also one by
one to drawn/, under their names.
"""

import argparse
import struct
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np

CLASSES = 0
PICTURES: tuple[str, ...] = ()
SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".ppm", ".pgm", ".tif", ".tiff")
FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "PPM", "TIFF")


def draw(
    seed: int, n: int, label: int | None = None, given: Mapping[str, np.ndarray] | None = None
) -> np.ndarray:
    """Returns the first n samples of a seed; images are uint8 [n, H, W, C].

    The i-th sample is made under the conditions `given` [m, ...] of number i % m, or those of given.npz; a
    label of given.npz belongs to the picture there, and not to another.
    """
    from jax import export

    index = np.arange(n, dtype=np.uint32)
    conditions = {"label": (index % CLASSES).astype(np.int32)} if CLASSES else {}
    saved = {name: x for name, x in defaults().items() if name != "label" or not given}
    conditions |= {name: x[index % len(x)] for name, x in {**saved, **(given or {})}.items()}
    if label is not None:
        conditions["label"] = np.full(n, label, np.int32)
    generator = export.deserialize(bytearray(Path(__file__).with_name("generator.jaxexport").read_bytes()))
    return np.asarray(generator.call(np.uint32(seed), index, conditions))


def defaults() -> dict[str, np.ndarray]:
    """Returns the conditions in given.npz, by name; none without that file."""
    path = Path(__file__).with_name("given.npz")
    return arrays(path) if path.is_file() else {}


def arrays(path: Path) -> dict[str, np.ndarray]:
    """Returns the arrays of an .npz by name."""
    try:
        with np.load(path) as file:
            return {name: file[name] for name in file.files}
    except (OSError, ValueError, EOFError, AttributeError, zipfile.BadZipFile) as error:
        raise ValueError(f"{path} cannot be read: {error}") from None


def conditions(path: Path) -> dict[str, np.ndarray]:
    """Returns the conditions in an .npz, or the pictures of a folder or file; ValueError if it has none."""
    known = defaults()
    if path.suffix.lower() == ".npz":
        given = arrays(path)
    elif len(PICTURES) != 1:
        raise ValueError(f"{path} is no .npz, and the generator takes {', '.join(known) or 'no conditions'}")
    else:
        (name,) = PICTURES
        if not (paths := listed(path)):
            raise ValueError(f"there are no pictures in {path}")
        given = {name: np.stack([read(one, known[name].shape[1:]) for one in paths])}
    for name, x in given.items():
        if name not in known and not (name == "label" and CLASSES):
            raise ValueError(f"the generator takes no {name}, only {', '.join(known) or 'labels'}")
        if name in known and (x.shape[1:] != known[name].shape[1:] or not len(x)):
            wanted = ["n", *known[name].shape[1:]]
            raise ValueError(f"{name} has the shape {list(x.shape)}, but the generator takes {wanted}")
        if x.dtype == np.uint8 and name in PICTURES:
            given[name] = x / np.float32(127.5) - 1
    return {name: x.astype(known[name].dtype if name in known else np.int32) for name, x in given.items()}


def listed(path: Path) -> list[Path]:
    """Returns the picture files of a folder, or the one file."""
    paths = sorted(path.iterdir()) if path.is_dir() else [path]
    return [one for one in paths if one.suffix.lower() in SUFFIXES]


def read(path: Path, shape: tuple[int, ...]) -> np.ndarray:
    """Reads the square in the middle of a picture, scaled to the shape [H, W, C], in [-1, 1]."""
    try:
        from PIL import Image, ImageOps
    except ImportError:
        raise ValueError("reading pictures needs Pillow: install it, or give an .npz of arrays") from None
    try:
        with Image.open(path, formats=FORMATS) as file:
            upright = ImageOps.exif_transpose(file)
            if upright.mode in ("RGBA", "LA", "PA") or "transparency" in upright.info:
                above = upright.convert("RGBA")
                upright = Image.alpha_composite(Image.new("RGBA", above.size, "white"), above)
            picture = upright.convert("L" if shape[2] == 1 else "RGB")
    except (OSError, ValueError, SyntaxError) as error:
        raise ValueError(f"{path} cannot be read: {error}") from None
    if picture.size != (shape[1], shape[0]):
        (width, height), edge = picture.size, min(picture.size)
        left, top = (width - edge) // 2, (height - edge) // 2
        box = (left, top, left + edge, top + edge)
        picture = picture.resize((shape[1], shape[0]), Image.Resampling.BICUBIC, box)
    return np.asarray(picture, np.float32).reshape(shape) / 127.5 - 1


def png(images: np.ndarray) -> bytes:
    """Returns the bytes of a PNG file of images [n, H, W, C], tiled in a square.

    >>> png(np.zeros((4, 8, 8, 3), np.uint8))[:4]
    b'\\x89PNG'
    """
    images = images if images.shape[-1] <= 4 else images[..., :3]
    n, h, w, c = images.shape
    columns = int(np.ceil(np.sqrt(n)))
    tiles = np.concatenate([images, np.zeros((-n % columns, h, w, c), np.uint8)])
    lines = tiles.reshape(-1, columns, h, w, c).swapaxes(1, 2).reshape(-1, columns * w * c)

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    colours = (0, 4, 2, 6)[c - 1]  # grey, grey and alpha, RGB, RGB and alpha
    head = struct.pack(">2I5B", columns * w, len(lines), 8, colours, 0, 0, 0)
    data = zlib.compress(b"".join(b"\0" + line.tobytes() for line in lines))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--n", type=int, help="64 by default, or the number of pictures given")
    if CLASSES:
        parser.add_argument("--label", type=int, choices=range(CLASSES), metavar="CLASS")
    parser.add_argument("--given", type=Path, metavar="PATH", help="an .npz, or a folder of pictures")
    args = parser.parse_args()
    if args.n is not None and args.n < 1:
        parser.error(f"--n must be at least 1, not {args.n}")
    if not 0 <= args.seed < 2**32:
        parser.error(f"--seed must be from 0 to 4294967295, not {args.seed}")
    if args.given is not None and not args.given.exists():
        parser.error(f"there is no file {args.given}")
    own, names = None, []
    if args.given is not None:
        try:
            own = conditions(args.given)
        except ValueError as error:
            parser.error(str(error))
        names = [] if args.given.suffix.lower() == ".npz" else listed(args.given)
    samples = draw(args.seed, args.n or len(names) or 64, args.label if CLASSES else None, own)
    if samples.ndim == 4 and samples.dtype == np.uint8:
        Path("drawn.png").write_bytes(png(samples))
        alike = len({path.stem for path in names}) < len(names)
        for picture, path in zip(samples, names, strict=False):
            Path("drawn").mkdir(exist_ok=True)
            Path("drawn", f"{path.name if alike else path.stem}.png").write_bytes(png(picture[None]))
    else:
        np.save("drawn.npy", samples)
