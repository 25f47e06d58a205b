"""Pictures of samples while a run is trained."""

import errno
import os
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path

from jaxgan.data.kind import registered, unregistered
from jaxgan.data.source import Source, examples
from jaxgan.folder.files import still_there
from jaxgan.pictures import png
from jaxgan.pictures.drawn import crowd, drawn
from jaxgan.run.experiment import Moment
from jaxgan.run.hooks import warning_hook
from jaxgan.run.translations import beside


def picture_hook(
    folder: Path,
    source: Source,
    count: int,
    shown: Callable[[int, Path, str], None] | None = None,
    warn: Callable[[Sequence[str]], None] | None = None,
) -> Callable[[Moment], None]:
    """Returns a hook that writes a picture of samples of the same latents at every call.

    It shows `count` samples, or for kinds with a `crowd` that many, with as many real examples. Pictures made
    from pictures are shown in rows of about as many: what each is made from, always the same held-out
    examples, the sample, and the true answer if it is known. If no
    function draws the kind, the hook only says so, once. `shown` is called with the step, the file and the
    lane of each picture, `warn` when one cannot be written, the first time in a row: the run goes on without
    pictures.
    """
    if not registered(drawn, source.kind):
        return warning_hook("pictures", unregistered("draws", source.kind, "jaxgan.drawn"))
    real = examples(source, crowd(source.kind)) if crowd(source.kind) else None
    run_exists, failing = still_there(folder.parent), False
    count = count if real is None else len(real)
    known = cache(lambda given: beside(source, given))

    def call(moment: Moment) -> None:
        nonlocal failing
        others = known(moment.game.given)
        n = count if others is None else max(1, count // others.parts)
        samples = moment.sample(moment.state.generator, n)
        path = folder / moment.lane / f"step_{moment.step:06d}.png"
        pixels = drawn(source.kind, samples, beside=real) if others is None else others.drawn(samples)
        try:
            if not run_exists():  # then do not create the run folder again
                raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
            png.save(pixels, path, "" if others is None else f"From left to right: {others.words}.")
        except OSError as error:
            if warn is not None and not failing:
                why = error.strerror or error
                warn([f"{path} cannot be written: {why}; the run goes on without pictures"])
            failing = True
            return
        failing = False
        if shown is not None:
            shown(moment.step, path, moment.lane)

    return call
