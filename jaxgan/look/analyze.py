"""`jaxgan analyze`: pictures of what a trained generator has learnt."""

from pathlib import Path
from typing import Literal, NamedTuple

from jaxgan.folder.files import write_files
from jaxgan.folder.folder import check_out
from jaxgan.look.panels import OF_CODES, PANELS
from jaxgan.look.subject import make_subject
from jaxgan.pictures.chart import Chart, files
from jaxgan.run.reopen import reopen


class Analysis(NamedTuple):
    """The files written, and for each picture that could not be drawn the reason."""

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
    """Draws interpolations, truncation, directions and codes of the latent, neighbours, spectrum and scores.

    Writes PNG and SVG files into `out`, by default RUN/analysis, or RUN/analysis/LANE for a lane, and there
    into a subfolder such as best-seed-1 for another checkpoint or seed. The samples are those of `jaxgan
    sample --seed`.
    """
    if out is not None:
        check_out(out)
    subject = make_subject(reopen(run, at, lane, trust=trust), seed)
    subfolder = "-".join([*([at] if at != "last" else []), *([f"seed-{seed}"] if seed else [])])
    home = (run / "analysis" / lane / subfolder) if out is None else out
    of_codes = OF_CODES if subject.latents is not None and subject.latents.parts else ()
    results = {panel.__name__: panel(subject) for panel in (*PANELS, *of_codes)}
    pictures = write_files(home, files(chart for chart in results.values() if isinstance(chart, Chart)))
    return Analysis(pictures, [f"{name}: {why}" for name, why in results.items() if isinstance(why, str)])
