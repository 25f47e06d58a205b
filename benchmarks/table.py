"""The report of the benchmark, in Markdown and JSON."""

import json
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from jaxgan.folder import files

Facts = Mapping[str, Any]


def spread(values: Sequence[float], digits: int = 2) -> str:
    """Formats mean and standard deviation.

    >>> spread([1.0, 2.0, 3.0])
    '2.00 ± 1.00'
    """
    deviation = statistics.stdev(values) if len(values) > 1 else 0.0
    return f"{statistics.mean(values):,.{digits}f} ± {deviation:,.{digits}f}"


def ratios(ours: Sequence[float], theirs: Sequence[float]) -> list[float]:
    """Returns the ratio of ours to theirs in each round.

    >>> ratios([2.0, 9.0], [1.0, 3.0])
    [2.0, 3.0]
    """
    return [a / b for a, b in zip(ours, theirs, strict=True)]


def terms(row: Facts) -> dict[str, float]:
    """Returns the shares of jaxgan's time that its arithmetic, bytes and one dispatch take at the peaks.

    FLOPs and bytes are XLA's counts for the compiled program; the peaks are those of a large product, a copy
    and an empty program, measured in the same process. The largest share is the bottleneck. Bytes are an
    upper bound: XLA counts everything that passes between its operations, some of which stays in a cache.

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
    """Returns the table of the works: images per second, ratios, and the share of the GEMM peak."""
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
                title(row),
                *(spread(values, 0) for values in (ours, eager, tuned)),
                spread(ratios(ours, eager)),
                spread(ratios(ours, tuned)),
                f"{100 * shares['arithmetic']:.0f}",
            ]
        )
    return grid(head, body)


def resources(rows: Sequence[Facts]) -> str:
    """Returns the table of time to the first update, memory, and bottlenecks."""
    head = ["work", "first update, s: jaxgan", "eager", "tuned", "peak MB: jaxgan", "eager", "tuned"]
    head += ["jaxgan / tuned", "arithmetic / bytes / dispatch", "torch.compile"]
    body = []
    for row in rows:
        sides = [row[side] for side in ("ours", "eager", "tuned")]
        memory = [side["device_peak"] or side["peak_rss"] for side in sides]
        shares = " / ".join(f"{100 * share:.0f} %" for share in terms(row).values())
        body.append(
            [
                title(row),
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


def title(row: Facts) -> str:
    """Returns a row's name, with its precision if it is not float32."""
    precision = "" if row["precision"] == "float32" else f", {row['precision']}"
    return f"{row['work']} {row['what']}, batch {row['batch']}{precision}"


def grid(head: Sequence[str], body: Sequence[Sequence[str]]) -> str:
    """Formats a Markdown table.

    >>> print(grid(["a", "b"], [["1", "2"]]))
    | a | b |
    |---|---|
    | 1 | 2 |
    """
    lines = ["| " + " | ".join(cells) + " |" for cells in (head, *body)]
    lines.insert(1, "|---" * len(head) + "|")
    return "\n".join(lines)


def header(report: Facts) -> str:
    """Returns the line with date, device and versions."""
    return f"{report['date']}, {report['device']}, {report['cores']} cores; {', '.join(report['versions'])}."


def page(report: Facts) -> str:
    """Returns the whole report in Markdown."""
    parts = [f"# Benchmark: {report['device']}", header(report), report["load"]]
    if report["rows"]:
        parts += [
            "Images per second, mean ± standard deviation over the rounds; ratios are taken within each "
            "round, and the GEMM peak is that of JAX's own products in the same rounds. Eager: PyTorch as it "
            "is usually written; tuned: channels_last, fused Adam, D frozen in G's step, no losses fetched, "
            "and torch.compile if it is faster.",
            speeds(report["rows"]),
            "Bottlenecks of jaxgan: the shares of its time that its arithmetic at the GEMM peak, its bytes "
            "at the speed of a copy and one dispatch would take. Bytes may exceed 100 %: XLA counts all "
            "data that passes between its operations, and much of it stays in the caches. Memory is the peak "
            "of the process, compiling included, in brackets its memory after loading the libraries; on an "
            "accelerator it is the accelerator's.",
            resources(report["rows"]),
        ]
    for name in ("run loop", "start", "sampling", "losses", "lanes", "lanes on a CPU"):
        if report.get(name):
            head, body, words = report[name]["head"], report[name]["body"], report[name]["words"]
            parts += [f"## {name[0].upper()}{name[1:]}", words, grid(head, body)]
    return "\n\n".join(parts) + "\n"


def open_report(report: Facts, out: Path) -> dict[str, Any]:
    """Returns the saved report of this device and day, with load and versions added, or a new one.

    >>> open_report({"device": "x", "date": "2000-01-01"}, Path("nowhere"))
    {'device': 'x', 'date': '2000-01-01', 'rows': []}
    """
    path = _path(report, out, ".json")
    if not path.exists():
        return {**report, "rows": []}
    earlier = json.loads(path.read_text())
    versions = list(dict.fromkeys([*earlier["versions"], *report["versions"]]))
    return {**earlier, "load": f"{earlier['load']} {report['load']}", "versions": versions}


def replace_row(rows: Sequence[Facts], row: Facts) -> list[Facts]:
    """Returns the rows with this one instead of an earlier one with the same title.

    >>> row = {"work": "W2", "what": "", "batch": 8, "precision": "float32"}
    >>> [(row["work"], row["at"]) for row in replace_row([{**row, "at": 1}], {**row, "at": 2})]
    [('W2', 2)]
    """
    others = [other for other in rows if title(other) != title(row)]
    return sorted([*others, row], key=lambda row: row["work"])


def write(report: Facts, out: Path) -> Path:
    """Writes the report to the folder as NAME.json and NAME.md, NAME the device and the day."""
    out.mkdir(parents=True, exist_ok=True)
    files.write(_path(report, out, ".json"), json.dumps(report, indent=1) + "\n")
    path = _path(report, out, ".md")
    files.write(path, page(report))
    return path


def _path(report: Facts, out: Path, suffix: str) -> Path:
    device = "".join(c if c.isalnum() else "-" for c in report["device"].lower()).strip("-")
    return out / f"{device}-{report['date']}{suffix}"
