"""Runs of several seeds and methods, written by hand."""

import json

from support import line

MODES = {0: [2, 5, 6], 1: [2, 6, 6], 2: [3, 5, 7], 3: [1, 7, 6], 4: [2, 6, 5], 5: [2, 5, 7]}
MORE = {seed: [2, values[1], values[2] + (2 if seed else 1)] for seed, values in MODES.items()}


def run(path, name="modes", every=100, ended="finished", data="ring", script="s", **config):
    """A folder of one run: `values` holds the numbers measured, of a list of lanes lists."""
    values = config.pop("values")
    still = config.pop("still", {})
    path.mkdir(parents=True)
    rows = [{"step": i * every, **({} if value is None else {name: value})} for i, value in enumerate(values)]
    (path / "metrics.jsonl").write_text("".join(map(line, rows)))
    steps = every * max(len(values) - 1, 0)
    options = {"steps": steps, "seed": 0, "seeds": "", "over": [], "gamma": 0.1, "out": str(path), **config}
    (path / "config.json").write_text(json.dumps(options))
    session = {"started": "2026-11-21T10:00:00+00:00", "ended": ended, "step": steps, "still": still}
    manifest = {
        "format": 2,
        "created": "",
        "script": "s.py",
        "files": {"s.py": script},
        "git": None,
        "devices": [],
    }
    manifest |= {"versions": {"jax": "1"}, "sessions": [session], "data": {"fingerprint": data}}
    (path / "manifest.json").write_text(json.dumps(manifest))
    return path


def evaluation(path, step, value, lane="", **settings):
    text = {"step": step, "lane": lane, "n": 100, "seed": 0, "split": "test", "reference_n": 50, "note": ""}
    text |= {"rows": {"samples": {"fd_local": {"value": value}}, "oracle": {"fd_local": {"value": 0.5}}}}
    text |= {"extractor": {"name": "local", "digest": "ab", "resizer": "none"}, **settings}
    (path / "evaluations").mkdir(exist_ok=True)
    (path / "evaluations" / f"{step}{lane and '-'}{lane}.json").write_text(json.dumps(text))


def two(root, a=MODES, b=MORE, **more):
    """The seeds of two methods, a folder each."""
    of_a = [run(root / f"a-{seed}", seed=seed, values=values, **more) for seed, values in a.items()]
    of_b = [
        run(root / f"b-{seed}", seed=seed, values=values, gamma=1.0, **more) for seed, values in b.items()
    ]
    return [*of_a, *of_b]
