"""Draws samples from the generator in this folder, without jaxgan: it needs jax and flatbuffers only.

python sample.py --seed 0 --n 64               of all classes in turn, if there are classes
python sample.py --seed 0 --n 64 --label 3     of one class
python sample.py --given mine.npz              under other conditions than given.npz, if there is that file

Images are written to drawn.png, other samples to drawn.npy.
"""

import argparse
import struct
import zlib
from pathlib import Path

import numpy as np

CLASSES = 0


def draw(seed: int, n: int, label: int | None = None, given: Path | None = None) -> np.ndarray:
    """Returns the first n samples of a seed; images are uint8 [n, H, W, C]."""
    from jax import export

    index = np.arange(n, dtype=np.uint32)
    conditions = {"label": (index % CLASSES).astype(np.int32)} if CLASSES else {}
    path = given or Path(__file__).with_name("given.npz")
    if path.is_file():
        with np.load(path) as file:
            conditions |= {name: file[name][index % len(file[name])] for name in file.files}
    if label is not None:
        conditions["label"] = np.full(n, label, np.int32)
    generator = export.deserialize(bytearray(Path(__file__).with_name("generator.jaxexport").read_bytes()))
    return np.asarray(generator.call(np.uint32(seed), index, conditions))


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
    parser.add_argument("--n", type=int, default=64)
    if CLASSES:
        parser.add_argument("--label", type=int, choices=range(CLASSES), metavar="CLASS")
    parser.add_argument("--given", type=Path, metavar="FILE.npz")
    args = parser.parse_args()
    if args.n < 1:
        parser.error(f"--n must be at least 1, not {args.n}")
    if not 0 <= args.seed < 2**32:
        parser.error(f"--seed must be from 0 to 4294967295, not {args.seed}")
    if args.given is not None and not args.given.is_file():
        parser.error(f"there is no file {args.given}")
    samples = draw(args.seed, args.n, args.label if CLASSES else None, args.given)
    if samples.ndim == 4 and samples.dtype == np.uint8:
        Path("drawn.png").write_bytes(png(samples))
    else:
        np.save("drawn.npy", samples)
