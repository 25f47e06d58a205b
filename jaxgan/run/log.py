"""The log of a run: metrics.jsonl, a progress bar or lines on the terminal, and sinks."""

import contextlib
import math
import os
import re
import statistics
import sys
import time
import warnings
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tqdm

from jaxgan.folder.files import still_there, write
from jaxgan.folder.rows import Row, encode, read, select_lane
from jaxgan.run.sinks import Sink
from jaxgan.terminal import escape

Numbers = Mapping[str, Any]
"""Numbers by name; in a run with lanes a list with one for each lane, None where there is none."""
FILE_ONLY = re.compile("/grad$|/update$|/spectral/")
"""Names of diagnostics that are logged to the file but not printed."""


class Log:
    """Writes metrics.jsonl, shows a progress bar, or lines if stderr is not a terminal, and feeds `sinks`.

    A row that is not on a schedule of `every` steps, but written because the session ended, is marked and not
    given to stop rules, so that a resumed run stops where an uninterrupted one would.

    Rows after the step `last` are dropped, because a run that starts at `start` makes them again. With
    `lanes`, their names, a row holds a list of numbers, and a line shows their median and the number farthest
    from it. Without a path nothing is written. With `silent` nothing is printed and there is no bar.
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
        self._histories: dict[int, list[Row]] = {}
        self._seen = 0  # number of rows that the history has taken in
        self._file: Any = None
        self._size = 0  # of the file, according to what was written
        self._open(last)
        self._sinks, self._lanes = sinks, lanes
        self._steps, self._per_step = steps, per_step
        self._last = (start, time.perf_counter())
        hidden = silent or not (in_notebook() or sys.stderr.isatty())
        self._bar = _bar()(total=steps, initial=start, unit="step", disable=hidden, dynamic_ncols=True)

    def write(self, step: int, metrics: Numbers, every: int) -> None:
        """Logs the metrics of a step, and the speed since the last call."""
        metrics = {name: _number(value) for name, value in metrics.items()}
        before, then = self._last
        now = time.perf_counter()
        self._last = (step, now)
        speed = (step - before) * self._per_step / (now - then)
        self._record(Row(step, "train", {**metrics, "images_per_s": round(speed, 1)}), every)
        shown = {name: self._format(x, 3) for name, x in metrics.items() if not FILE_ONLY.search(name)}
        self._bar.set_postfix({**shown, "images/s": f"{speed:,.0f}"}, refresh=False)
        self._bar.update(step - self._bar.n)
        if self._bar.disable:
            left = (self._steps - step) * (now - then) / max(step - before, 1)
            numbers = "  ".join(f"{name} {value}" for name, value in shown.items())
            self.say(f"step {step}/{self._steps}  {numbers}  {speed:,.0f} images/s  {_clock(left)} left")

    def write_measured(self, step: int, values: Numbers, every: int) -> None:
        """Logs what a hook measured, if anything."""
        numbers = {name: _number(value) for name, value in values.items()}
        if numbers:
            self._record(Row(step, "measured", numbers), every)
            shown = {name: value for name, value in numbers.items() if not FILE_ONLY.search(name)}
            words = (f"{name} {self._format(value, 4)}" for name, value in shown.items())
            self.say(f"step {step}  " + "  ".join(words))

    def restart(self, step: int) -> None:
        """Restarts the clock at a step, so that time before it, such as that of compiling, does not count."""
        self._last = (step, time.perf_counter())

    def rewind(self, step: int) -> None:
        """Returns to a step and drops the rows after it."""
        self._open(step)
        for sink in self._sinks:
            sink.rewind(step)
        self._bar.update(step - self._bar.n)
        self.restart(step)

    def rows(self) -> list[Row]:
        """Returns all rows so far, including those of earlier sessions."""
        return list(self._rows)

    def history(self, lane: int | None = None) -> list[Row]:
        """Returns the scheduled rows so far, or those of one lane alone: what stop rules are given."""
        history = self._histories.setdefault(-1 if lane is None else lane, [])
        if lane is None:
            history += [row for row in self._rows[self._seen :] if row.scheduled]
            self._seen = len(self._rows)
        else:
            history += [select_lane(row, lane) for row in self.history()[len(history) :]]
        return history

    def add_picture(self, step: int, path: Path, lane: str) -> None:
        """Passes a picture to the sinks."""
        for sink in self._sinks:
            sink.picture(step, path, lane)

    def warn(self, lines: Iterable[str]) -> None:
        """Prints warnings."""
        for line in lines:
            self.say(f"warning: {line}")

    def say(self, line: str) -> None:
        """Prints a line."""
        if not self._silent:
            tqdm.tqdm.write(escape(line), file=sys.stderr)

    def _record(self, row: Row, every: int) -> None:
        row = row._replace(scheduled=every > 0 and row.step % every == 0)
        self._rows.append(row)
        if self._file is not None and not self._repair():
            print(encode(row), file=self._file, flush=True)
            self._size = os.fstat(self._file.fileno()).st_size
        for sink in self._sinks:
            sink.row(row)

    def _format(self, value: Any, digits: int) -> str:
        """Formats a number, or of several lanes the median of the finite ones and the farthest from it."""
        if not isinstance(value, list):
            return f"{value:.{digits}g}"
        pairs = [(x, lane) for x, lane in zip(value, self._lanes, strict=True) if x is not None]
        if not pairs:
            return "-"
        finite = [x for x, _ in pairs if math.isfinite(x)]  # NaN cannot be sorted
        median = statistics.median(finite) if finite else math.nan
        far, lane = max(pairs, key=lambda pair: abs(pair[0] - median) if math.isfinite(pair[0]) else math.inf)
        return f"{median:.{digits}g} ({lane}: {far:.{digits}g})"

    def _open(self, last: int) -> None:
        """Opens the file for appending, with rows up to the step `last` only."""
        if self._file is not None:
            self._file.close()
        rows = read(self._path) if self._path is not None and self._file is None else self._rows
        self._rows, self._histories, self._seen = [row for row in rows if row.step <= last], {}, 0
        if self._path is not None:
            self._write_all(self._path)

    def _write_all(self, path: Path) -> None:
        write(path, "".join(encode(row) + "\n" for row in self._rows))
        self._file = path.open("a")
        self._size = path.stat().st_size

    def _repair(self) -> bool:
        """Writes the file again if it was deleted, replaced or cut during the run; returns whether it did."""
        assert self._path is not None
        if not self._there():
            return False  # the next checkpoint reports it
        opened = os.fstat(self._file.fileno())
        with contextlib.suppress(OSError):
            on_disk = self._path.stat()
            if os.path.samestat(opened, on_disk) and on_disk.st_size >= self._size:
                return False
        self._file.close()
        self._write_all(self._path)
        self.warn([f"{self._path} was deleted or cut while the run went on; it is written again"])
        return True

    def close(self) -> None:
        self._bar.close()
        if self._file is not None:
            with contextlib.suppress(OSError):  # the disk may be full
                self._repair()
            self._file.close()
        for sink in self._sinks:
            sink.close()


def in_notebook() -> bool:
    """Returns whether this runs in a cell of a notebook.

    >>> in_notebook()
    False
    """
    shell = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
    return shell is not None and "IPKernelApp" in shell.config


def _bar() -> type[tqdm.tqdm]:
    """Returns the progress bar for a terminal, or for a notebook."""
    if not in_notebook():
        return tqdm.tqdm
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # without ipywidgets it warns and uses a bar of characters
        from tqdm.auto import tqdm as bar

    return bar


def _number(value: Any) -> Any:
    """Returns a float, or a list of them for lanes."""
    if isinstance(value, list | tuple | np.ndarray) and np.ndim(value):
        return [None if x is None else float(x) for x in value]
    return float(value)


def _clock(seconds: float) -> str:
    minutes, seconds = divmod(round(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{seconds:02}"
