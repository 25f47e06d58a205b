"""Pictures of samples, while a run goes on."""

from collections.abc import Callable
from pathlib import Path

from jaxgan.data.kind import registered, unregistered
from jaxgan.data.source import Source, examples
from jaxgan.pictures import png
from jaxgan.pictures.drawn import crowd, drawn
from jaxgan.run.experiment import Moment
from jaxgan.run.measuring import unable


def drawing(
    folder: Path, source: Source, count: int, shown: Callable[[int, Path], None] | None = None
) -> Callable[[Moment], None]:
    """A hook that draws the same latents at every call: `count` samples, or a crowd beside as many real ones.

    Of a kind that nothing draws it says so once. `shown` is told the step and the file of each picture.
    """
    if not registered(drawn, source.kind):
        return unable("pictures", unregistered("draws", source.kind, "jaxgan.drawn"))
    real = examples(source, crowd(source.kind)) if crowd(source.kind) else None
    count = count if real is None else len(real)

    def call(moment: Moment) -> None:
        samples = moment.sample(moment.state.generator, count)
        path = folder / moment.lane / f"step_{moment.step:06d}.png"
        png.save(drawn(source.kind, samples, beside=real), path)
        if shown is not None:
            shown(moment.step, path)

    return call
