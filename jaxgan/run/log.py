"""Numbers for the file and for the eye."""

import contextlib
import math
import os
import re
import statistics
import sys
import time
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tqdm

from jaxgan.folder.files import still_there, write
from jaxgan.folder.rows import Row, encode, read, select_lane
from jaxgan.run.sinks import Sink
from jaxgan.terminal import escape

Numbers = Mapping[str, Any]
"""Names to numbers; in a run with lanes to one number for each, None where there is none."""
ASIDE = re.compile("/grad$|/update$|/spectral/")
"""Signs of health: in the file, for whoever looks for them, and not in the line that is read in passing."""


class Log:
    """metrics.jsonl, and a progress bar on a terminal or plain lines elsewhere; `sinks` are told it all too.

    A row that is only there because the session ended, not by a schedule of `every` so many steps, is marked
    and not shown to rules, so that a resumed run stops where it would have.

    Rows after the step `last` are dropped: a run that starts at `start` is about to make them again. Where
    there are `lanes`, by name, a row holds a list for them, and a line their median and the one farthest off.
    Without a path nothing is written. Where it is `silent` nothing is said either, and there is no bar.
    """

    def __init__(
        self,
        path: Path | None,
        start: int,
        steps: int,
        per_step: int,
        last: int,
        sinks: Sequence[Sink] = (),
        lanes: Sequence[str] = (),
        silent: bool = False,
    ) -> None:
        self._path, self._silent = path, silent
        self._there = still_there(Path() if path is None else path.parent)
        self._rows: list[Row] = []
        self._apart: dict[int, list[Row]] = {}
        self._shown = 0  # rows that the history has been told of
        self._file: Any = None
        self._size = 0  # of the file, by what was written
        self._open(last)
        self._sinks, self._lanes = sinks, lanes
        self._steps, self._per_step = steps, per_step
        self._last = (start, time.perf_counter())
        drawn = not silent and (in_notebook() or sys.stderr.isatty())
        self._bar = _bar()(total=steps, initial=start, unit="step", disable=not drawn, dynamic_ncols=True)

    def write(self, step: int, metrics: Numbers, every: int) -> None:
        """Logs the metrics of a step, with the speed since the last call."""
        metrics = {name: _number(value) for name, value in metrics.items()}
        before, then = self._last
        now = time.perf_counter()
        self._last = (step, now)
        speed = (step - before) * self._per_step / (now - then)
        self._record(Row(step, "train", {**metrics, "images_per_s": round(speed, 1)}), every)
        shown = {name: self._said(value, 3) for name, value in metrics.items() if not ASIDE.search(name)}
        self._bar.set_postfix({**shown, "images/s": f"{speed:,.0f}"}, refresh=False)
        self._bar.update(step - self._bar.n)
        if self._bar.disable:
            left = (self._steps - step) * (now - then) / max(step - before, 1)
            words = "  ".join(f"{name} {value}" for name, value in shown.items())
            self.say(f"step {step}/{self._steps}  {words}  {speed:,.0f} images/s  {_clock(left)} left")

    def restart(self, step: int) -> None:
        """Starts the clock at a step: what came before, compiling say, does not count."""
        self._last = (step, time.perf_counter())

    def rewind(self, step: int) -> None:
        """Goes back to a step and forgets the rows after it."""
        self._open(step)
        for sink in self._sinks:
            sink.rewind(step)
        self._bar.update(step - self._bar.n)
        self.restart(step)

    def measured(self, step: int, values: Numbers, every: int) -> None:
        """Logs what a hook measured, if anything."""
        numbers = {name: _number(value) for name, value in values.items()}
        if numbers:
            self._record(Row(step, "measured", numbers), every)
            shown = {name: value for name, value in numbers.items() if not ASIDE.search(name)}
            words = (f"{name} {self._said(value, 4)}" for name, value in shown.items())
            self.say(f"step {step}  " + "  ".join(words))

    def rows(self) -> list[Row]:
        """Every row so far, of earlier sessions too."""
        return list(self._rows)

    def history(self, lane: int | None = None) -> list[Row]:
        """The rows on schedule so far, or what one lane alone would have of them: what rules are shown."""
        own = self._apart.setdefault(-1 if lane is None else lane, [])
        new = self._rows[self._shown :] if lane is None else self.history()[len(own) :]
        if lane is None:
            own += [row for row in new if row.scheduled]
            self._shown = len(self._rows)
        else:
            own += [select_lane(row, lane) for row in new]
        return own

    def pictured(self, step: int, path: Path) -> None:
        """Hands on a picture that was drawn."""
        for sink in self._sinks:
            sink.picture(step, path)

    def warn(self, lines: Iterable[str]) -> None:
        """Says what went wrong without ending the run."""
        for line in lines:
            self.say(f"warning: {line}")

    def _record(self, row: Row, every: int) -> None:
        row = row._replace(scheduled=every > 0 and row.step % every == 0)
        self._rows.append(row)
        if self._file is not None and not self._mended():
            print(encode(row), file=self._file, flush=True)
            self._size = os.fstat(self._file.fileno()).st_size
        for sink in self._sinks:
            sink.numbers(row.step, dict(self._each(row.numbers)))

    def _each(self, numbers: Numbers) -> Iterator[tuple[str, float]]:
        """A number for each lane, by a name with the lane's."""
        for name, value in numbers.items():
            if isinstance(value, list):
                pairs = zip(self._lanes, value, strict=True)
                yield from ((f"{name}/{lane}", x) for lane, x in pairs if x is not None)
            else:
                yield name, value

    def _said(self, value: Any, digits: int) -> str:
        """A number; of those of lanes the median of the finite ones, and the farthest off with its lane."""
        if not isinstance(value, list):
            return f"{value:.{digits}g}"
        there = [(x, lane) for x, lane in zip(value, self._lanes, strict=True) if x is not None]
        if not there:
            return "-"
        finite = [x for x, _ in there if math.isfinite(x)]  # a NaN has no place in an order
        median = statistics.median(finite) if finite else math.nan
        far, lane = max(there, key=lambda pair: abs(pair[0] - median) if math.isfinite(pair[0]) else math.inf)
        return f"{median:.{digits}g} ({lane}: {far:.{digits}g})"

    def say(self, line: str) -> None:
        """A line for the person watching."""
        if not self._silent:
            tqdm.tqdm.write(escape(line), file=sys.stderr)

    def _open(self, last: int) -> None:
        """The file for appending, with rows up to the step `last` only."""
        if self._file is not None:
            self._file.close()
        known = read(self._path) if self._path is not None and self._file is None else self._rows
        self._rows, self._apart, self._shown = [row for row in known if row.step <= last], {}, 0
        if self._path is not None:
            self._write_all(self._path)

    def _write_all(self, path: Path) -> None:
        write(path, "".join(encode(row) + "\n" for row in self._rows))
        self._file = path.open("a")
        self._size = path.stat().st_size

    def _mended(self) -> bool:
        """Whether the file was deleted, replaced or cut under the run: it is written again, all of it."""
        assert self._path is not None
        if not self._there():
            return False  # the next checkpoint says so
        own = os.fstat(self._file.fileno())
        with contextlib.suppress(OSError):
            there = self._path.stat()
            if os.path.samestat(own, there) and there.st_size >= self._size:
                return False
        self._file.close()
        self._write_all(self._path)
        self.warn([f"{self._path} was deleted or cut while the run went on; it is written again"])
        return True

    def close(self) -> None:
        self._bar.close()
        if self._file is not None:
            with contextlib.suppress(OSError):  # the disk may be full
                self._mended()
        if self._file is not None:
            self._file.close()
        for sink in self._sinks:
            sink.close()


def in_notebook() -> bool:
    """Whether this runs in a cell of a notebook.

    >>> in_notebook()
    False
    """
    shell = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
    return shell is not None and "IPKernelApp" in shell.config


def _bar() -> type[tqdm.tqdm]:
    """The progress bar of a terminal, or that of a notebook where it can show one."""
    if not in_notebook():
        return tqdm.tqdm
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # without ipywidgets it is a bar of characters, and says so
        from tqdm.auto import tqdm as bar

    return bar


def _number(value: Any) -> Any:
    """A float, or a list of them for lanes."""
    if isinstance(value, list | tuple | np.ndarray) and np.ndim(value):
        return [None if x is None else float(x) for x in value]
    return float(value)


def _clock(seconds: float) -> str:
    minutes, seconds = divmod(round(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{seconds:02}"
