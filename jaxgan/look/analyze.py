"""What a trained generator has learnt, in pictures for the eye and for papers."""

from pathlib import Path
from typing import Literal, NamedTuple

from jaxgan.folder.files import write_files
from jaxgan.folder.folder import check_out
from jaxgan.look.panels import PANELS
from jaxgan.look.subject import subject
from jaxgan.pictures.chart import Chart, files
from jaxgan.run.reopen import reopened


class Analysis(NamedTuple):
    """The files written, and a line for each picture that there cannot be."""

    pictures: list[Path]
    left_out: list[str]


def analyze(
    run: Path,
    out: Path | None = None,
    at: Literal["last", "best"] = "last",
    lane: str = "",
    seed: int = 0,
    trust: bool = False,
) -> Analysis:
    """Draws interpolations, truncation, latent directions, neighbours, spectrum and scores of a run.

    As PNG and SVG into `out`, by default RUN/analysis, of a lane RUN/analysis/LANE; there into a folder of
    their own, as best-seed-1, where checkpoint or seed are other than usual. The same samples as `jaxgan
    sample --seed` draws.
    """
    if out is not None:
        check_out(out)
    seen = subject(reopened(run, at, lane, trust=trust), seed)
    unusual = "-".join([*([at] if at != "last" else []), *([f"seed-{seed}"] if seed else [])])
    home = (run / "analysis" / lane / unusual) if out is None else out
    drawn = [panel(seen) for panel in PANELS]
    pictures = write_files(home, files(chart for chart in drawn if isinstance(chart, Chart)))
    left_out = [
        f"{panel.__name__}: {said}"
        for panel, said in zip(PANELS, drawn, strict=True)
        if isinstance(said, str)
    ]
    return Analysis(pictures, left_out)
