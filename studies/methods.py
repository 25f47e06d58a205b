"""What the short scripts of published methods score with equal networks, optimisers and budgets.

    python studies/methods.py --sweep points --data ring --out runs/methods-ring
    python studies/methods.py --sweep points --data grid --out runs/methods-grid
    python studies/methods.py --sweep pictures --data digits --out runs/methods-digits
    python studies/methods.py --sweep larger --data glyphs --width 48 --batch-size 64 --out runs/methods-28px
    jaxgan table runs/methods-ring --by method --metric reverse_kl --baseline method=gan

each trains every method that has a meaning on such data, with 5 seeds, or, on the larger pictures, those that
are told the class or augment, with 3; `results/methods.md` has the tables.
The networks are those of `experiments/methods/small.py`, so a method's own networks play no part, and no
method was tuned: the numbers say what a part does to a small plain GAN, not what its paper reports. All see
the same data, so that SGAN knows every label here.
"""

import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from importlib import import_module
from pathlib import Path
from typing import Any

sys.path.append(str(Path(__file__).parents[1] / "experiments" / "methods"))

import small

import jaxgan as jg

SCRIPTS = Path(small.__file__).parent


def methods(*data: str) -> list[str]:
    """The short scripts whose data are these by default."""
    names = sorted(path.stem for path in SCRIPTS.glob("*.py") if "import small" in path.read_text())
    return [name for name in names if import_module(name).Config().data in data]


OTHER_DATA = ("adversarial_flow", "cogan", "dmd", "samplers")
"""Scripts that have no meaning on pictures, or need pictures of two domains."""


@dataclass(frozen=True)
class Config(small.Config):
    method: str = "gan"
    """A script of `experiments/methods`, with its own defaults but for the options of `small.Config`."""


def points() -> Iterator[Mapping[str, Any]]:
    """Every method that needs neither labels nor pictures, with 5 seeds."""
    yield from jg.sweep.product(method=methods("ring"), seed=range(5))


def pictures() -> Iterator[Mapping[str, Any]]:
    """Every method but those of other data and of networks for larger pictures, with 5 seeds."""
    names = [name for name in methods("ring", "digits") if name not in OTHER_DATA]
    yield from jg.sweep.product(method=names, seed=range(5))


def larger() -> Iterator[Mapping[str, Any]]:
    """The plain GAN, those whose G is told the class, and those with an augmentation, with 3 seeds."""
    told = ("cgan", "pdgan", "acgan_mod", "tacgan", "adcgan", "contragan", "reacgan", "mhgan", "md_gan")
    augmented = ("ada_gan", "apa_gan", "diffaugment_gan", "crgan", "zcr_gan")
    yield from jg.sweep.product(method=["gan", *told, *augmented], seed=range(3))


def build(config: Config, source: "jg.Source") -> jg.Experiment:
    script = import_module(config.method)
    default = small.Config()
    given = {name: getattr(config, name) for name in (field.name for field in fields(default))}
    changed = {name: value for name, value in given.items() if value != getattr(default, name)}
    return script.build(script.Config(**changed), source)


if __name__ == "__main__":
    jg.main(Config, build)
