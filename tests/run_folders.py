"""Writes run folders without training, for tests of what reads them."""

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from support import line, png

from jaxgan.compare.line import Line
from jaxgan.compare.record import record
from jaxgan.folder.manifest import FORMAT
from jaxgan.folder.settings import Settings
from jaxgan.report.verdict import verdict


def run_folder(
    path: Path,
    rows: Iterable[Mapping[str, Any]] = (),
    *,
    config: Mapping[str, Any] | None = None,
    ended: str | None = "finished",
    still: Mapping[str, str] | None = None,
    note: str = "",
    pictures: Sequence[int] = (),
    lanes: Sequence[str] = ("",),
) -> Path:
    """Writes the folder of a run that logged these rows, with pictures of each lane at these steps."""
    rows = list(rows)
    path.mkdir(parents=True)
    options = {**vars(Settings(steps=1000)), "lr": 1e-3, **(config or {})}
    (path / "config.json").write_text(json.dumps(options))
    last = max((row["step"] for row in rows), default=0)
    entry = {
        "started": "2026-11-21T10:00:00+00:00",
        "command": ["python", "mine.py"],
        "from": 0,
        "step": last,
        "ended": ended,
        **({"still": still} if still else {}),
        **({"stopped": "2026-11-21T10:01:30+00:00"} if ended else {}),
    }
    manifest = {
        "format": FORMAT,
        "created": "2026-11-21T10:00:00+00:00",
        "command": ["python", "mine.py"],
        "seed": 0,
        "data": {"fingerprint": "", "note": note},
        "script": "mine.py",
        "files": {},
        "git": {"commit": "0123abcd", "changed": True},
        "versions": {"python": "3.11.7", "jax": "0.10.2"},
        "devices": ["cpu"],
        "sessions": [entry],
    }
    (path / "manifest.json").write_text(json.dumps(manifest))
    (path / "metrics.jsonl").write_text("".join(map(line, rows)))
    for lane in lanes:
        for step in pictures:
            picture = path / "samples" / lane / f"step_{step:06d}.png"
            picture.parent.mkdir(parents=True, exist_ok=True)
            picture.write_bytes(png(np.full((4, 4, 3), step % 256, np.uint8)))
    return path


def logged(count: int = 20, every: int = 50, **changed: Any) -> list[dict[str, Any]]:
    """Returns rows of healthy training; `changed` are numbers, or functions of the step."""
    healthy = {
        "d/adv": lambda step: 0.7 + 1 / step,
        "g/adv": 0.8,
        "d/acc_real": 0.7,
        "d/acc_fake": 0.6,
        "d/grad": 0.5,
        "g/grad": 0.3,
        "d/update": 1e-3,
        "g/update": 1e-3,
    }
    steps = [every * (n + 1) for n in range(count)]
    numbers = {**healthy, **changed, "images_per_s": 1000.0}
    return [
        {"step": step, **{name: x(step) if callable(x) else x for name, x in numbers.items()}}
        for step in steps
    ]


def measured(values, name="diversity", every=100):
    """Rows of one number, from step 0."""
    return [{"step": every * n, name: value} for n, value in enumerate(values)]


def evaluated(
    run: Path,
    step: int,
    samples: Mapping[str, float],
    oracle: Mapping[str, float] | None = None,
    **fields: Any,
) -> Path:
    """Writes an evaluation, with intervals of plus or minus a tenth of each number."""

    def row(numbers: Mapping[str, float]) -> dict[str, dict[str, float]]:
        return {name: {"value": x, "low": 0.9 * x, "high": 1.1 * x} for name, x in numbers.items()}

    rows = {"samples": row(samples), **({"oracle": row(oracle)} if oracle else {})}
    lane = fields.get("lane", "")
    content = {
        "step": step,
        "lane": lane,
        "n": 10000,
        "oracle_n": fields.get("n", 10000) if oracle else None,
        "seed": 0,
        "split": "test",
        "reference_n": 297,
        "extractor": {"name": "local", "digest": "ab12cd34", "resizer": "none"},
        "note": "",
        "warnings": [],
        "rows": rows,
        "floor": {},
        "better": {"fd_local": "lower", "coverage": "higher"},
        "pictures": {},
        **fields,
    }
    path = run / "evaluations" / f"{step}{f'-{lane}' if lane else ''}.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(content))
    return path


def lines(run: Path) -> dict[str, Line]:
    """Returns the lines of the verdict by heading; of several scores the first."""
    by_heading: dict[str, Line] = {}
    for entry in verdict(record(run)):
        by_heading.setdefault(entry.what, entry)
    return by_heading
