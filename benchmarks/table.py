"""What was measured, as a table for people and as JSON for programs."""

import json
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from jaxgan.folder import files

Facts = Mapping[str, Any]


def spread(values: Sequence[float], digits: int = 2) -> str:
    """Mean and standard deviation.

    >>> spread([1.0, 2.0, 3.0])
    '2.00 ± 1.00'
    """
    deviation = statistics.stdev(values) if len(values) > 1 else 0.0
    return f"{statistics.mean(values):,.{digits}f} ± {deviation:,.{digits}f}"


def ratios(ours: Sequence[float], theirs: Sequence[float]) -> list[float]:
    """Ours to theirs, round by round.

    >>> ratios([2.0, 9.0], [1.0, 3.0])
    [2.0, 3.0]
    """
    return [a / b for a, b in zip(ours, theirs, strict=True)]


def terms(row: Facts) -> dict[str, float]:
    """The shares of ours' time that its arithmetic, its bytes and one dispatch would take at the peaks.

    FLOPs and bytes are those of the compiled program as XLA counts them; the peaks are a large product's, a
    copy's and an empty program's, measured beside it. The largest binds. Bytes are an upper bound: XLA counts
    what passes between its operations, some of which stays in a cache.

    >>> ours = {"images_per_s": [64.0], "gemm_flops_per_s": [10.0], "flops": 5.0, "bytes": 1.0, "images": 64}
    >>> terms({"ours": ours, "peaks": {"bytes_per_s": 10.0, "dispatch_s": 0.01}})
    {'arithmetic': 0.5, 'bytes': 0.1, 'dispatch': 0.01}
    """
    ours, peaks = row["ours"], row["peaks"]
    seconds = ours["images"] / statistics.mean(ours["images_per_s"])
    arithmetic = [
        ours["flops"] * speed / ours["images"] / peak
        for speed, peak in zip(ours["images_per_s"], ours["gemm_flops_per_s"], strict=True)
    ]
    return {
        "arithmetic": statistics.mean(arithmetic),
        "bytes": ours["bytes"] / peaks["bytes_per_s"] / seconds,
        "dispatch": peaks["dispatch_s"] / seconds,
    }


def speeds(rows: Sequence[Facts]) -> str:
    """The table of the works: images per second of each, ratios, and what binds ours."""
    head = [
        "work",
        "jaxgan, images/s",
        "eager",
        "tuned",
        "jaxgan / eager",
        "jaxgan / tuned",
        "% of GEMM peak",
    ]
    body = []
    for row in rows:
        ours, eager, tuned = (row[side]["images_per_s"] for side in ("ours", "eager", "tuned"))
        shares = terms(row)
        body.append(
            [
                titled(row),
                *(spread(values, 0) for values in (ours, eager, tuned)),
                spread(ratios(ours, eager)),
                spread(ratios(ours, tuned)),
                f"{100 * shares['arithmetic']:.0f}",
            ]
        )
    return grid(head, body)


def means(rows: Sequence[Facts]) -> str:
    """The table of what the works need: time to the first update, memory; and which term binds."""
    head = ["work", "first update, s: jaxgan", "eager", "tuned", "peak MB: jaxgan", "eager", "tuned"]
    head += ["jaxgan / tuned", "arithmetic / bytes / dispatch", "torch.compile"]
    body = []
    for row in rows:
        sides = [row[side] for side in ("ours", "eager", "tuned")]
        memory = [side["device_peak"] or side["peak_rss"] for side in sides]
        shares = " / ".join(f"{100 * share:.0f} %" for share in terms(row).values())
        body.append(
            [
                titled(row),
                *(f"{side['first_update_s']:.1f}" for side in sides),
                *(
                    f"{peak / 2**20:,.0f} ({side['import_rss'] / 2**20:,.0f})"
                    for peak, side in zip(memory, sides, strict=True)
                ),
                f"{memory[0] / memory[2]:.2f}",
                shares,
                row["torch.compile"],
            ]
        )
    return grid(head, body)


def titled(row: Facts) -> str:
    """A row's name, with what is not usual about it."""
    precision = "" if row["precision"] == "float32" else f", {row['precision']}"
    return f"{row['work']} {row['what']}, batch {row['batch']}{precision}"


def grid(head: Sequence[str], body: Sequence[Sequence[str]]) -> str:
    """A Markdown table.

    >>> print(grid(["a", "b"], [["1", "2"]]))
    | a | b |
    |---|---|
    | 1 | 2 |
    """
    lines = ["| " + " | ".join(cells) + " |" for cells in (head, *body)]
    lines.insert(1, "|---" * len(head) + "|")
    return "\n".join(lines)


def titles(report: Facts) -> str:
    """The line that says where and when."""
    return f"{report['date']}, {report['device']}, {report['cores']} cores; {', '.join(report['versions'])}."


def page(report: Facts) -> str:
    """The whole report in Markdown."""
    parts = [f"# Benchmark: {report['device']}", titles(report), report["load"]]
    if report["rows"]:
        parts += [
            "Images per second, mean ± standard deviation over the rounds; ratios are taken within each "
            "round, and the GEMM peak is that of JAX's own products in the same rounds. Eager: PyTorch as "
            "people write it; tuned: channels_last, fused Adam, D frozen in G's step, nothing fetched, and "
            "torch.compile where it is faster.",
            speeds(report["rows"]),
            "What binds jaxgan: the shares of its time that its arithmetic at the GEMM peak, its bytes at "
            "the speed of a copy and one dispatch would take. Bytes may pass 100 %: XLA counts all that its "
            "operations hand on, and much of it never leaves the caches. Memory is the most that the process "
            "held, compiling included, and in brackets what it held once its libraries were loaded; on an "
            "accelerator it is the accelerator's.",
            means(report["rows"]),
        ]
    for title in ("run loop", "start", "sampling", "losses", "lanes", "lanes on a CPU"):
        if report.get(title):
            head, body, words = report[title]["head"], report[title]["body"], report[title]["words"]
            parts += [f"## {title[0].upper()}{title[1:]}", words, grid(head, body)]
    return "\n\n".join(parts) + "\n"


def begun(report: Facts, out: Path) -> dict[str, Any]:
    """The report to go on with: what the folder has of this device and day, under both loads, or a new one.

    >>> begun({"device": "x", "date": "2000-01-01"}, Path("nowhere"))
    {'device': 'x', 'date': '2000-01-01', 'rows': []}
    """
    kept = _place(report, out, ".json")
    if not kept.exists():
        return {**report, "rows": []}
    earlier = json.loads(kept.read_text())
    versions = list(dict.fromkeys([*earlier["versions"], *report["versions"]]))
    return {**earlier, "load": f"{earlier['load']} {report['load']}", "versions": versions}


def added(rows: Sequence[Facts], row: Facts) -> list[Facts]:
    """The rows with this one, in the place of what was measured of the same before.

    >>> row = {"work": "W2", "what": "", "batch": 8, "precision": "float32"}
    >>> [(row["work"], row["at"]) for row in added([{**row, "at": 1}], {**row, "at": 2})]
    [('W2', 2)]
    """
    others = [other for other in rows if titled(other) != titled(row)]
    return sorted([*others, row], key=lambda row: row["work"])


def write(report: Facts, out: Path) -> Path:
    """Leaves the report in the folder as NAME.json and NAME.md, NAME the device and the day."""
    out.mkdir(parents=True, exist_ok=True)
    files.write(_place(report, out, ".json"), json.dumps(report, indent=1) + "\n")
    path = _place(report, out, ".md")
    files.write(path, page(report))
    return path


def _place(report: Facts, out: Path, suffix: str) -> Path:
    device = "".join(c if c.isalnum() else "-" for c in report["device"].lower()).strip("-")
    return out / f"{device}-{report['date']}{suffix}"
