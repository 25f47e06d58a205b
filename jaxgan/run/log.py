"""Numbers for the file and for the eye."""

import json
import math
import os
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import tqdm

from jaxgan.run.sinks import Sink


class Log:
    """metrics.jsonl, and a progress bar on a terminal or plain lines elsewhere; `sinks` are told it all too.

    Rows after the step `last` are dropped: a run that starts at `start` is about to make them again.
    """

    def __init__(
        self, path: Path, start: int, steps: int, per_step: int, last: int, sinks: Sequence[Sink] = ()
    ) -> None:
        self._path, self._file = path, _trimmed(path, last)
        self._sinks = sinks
        self._steps, self._per_step = steps, per_step
        self._last = (start, time.perf_counter())
        terminal = sys.stderr.isatty()
        self._bar = tqdm.tqdm(
            total=steps, initial=start, unit="step", disable=not terminal, dynamic_ncols=True
        )

    def write(self, step: int, metrics: Mapping[str, float]) -> None:
        """Logs the metrics of a step, with the speed since the last call."""
        metrics = {name: float(value) for name, value in metrics.items()}
        before, then = self._last
        now = time.perf_counter()
        self._last = (step, now)
        speed = (step - before) * self._per_step / (now - then)
        self._record(step, {**metrics, "images_per_s": round(speed, 1)})
        shown = {name: f"{value:.3g}" for name, value in metrics.items()}
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
        self._file.close()
        self._file = _trimmed(self._path, step)
        for sink in self._sinks:
            sink.rewind(step)
        self._bar.update(step - self._bar.n)
        self.restart(step)

    def measured(self, step: int, values: Mapping[str, float] | None) -> dict[str, float]:
        """Logs what a hook measured, if anything, and hands it on."""
        numbers = {name: float(value) for name, value in (values or {}).items()}
        if numbers:
            self._record(step, numbers)
            self.say(f"step {step}  " + "  ".join(f"{name} {value:.4g}" for name, value in numbers.items()))
        return numbers

    def pictured(self, step: int, path: Path) -> None:
        """Hands on a picture that was drawn."""
        for sink in self._sinks:
            sink.picture(step, path)

    def warn(self, lines: Iterable[str]) -> None:
        """Says what went wrong without ending the run."""
        for line in lines:
            self.say(f"warning: {line}")

    def _record(self, step: int, numbers: Mapping[str, float]) -> None:
        row = {"step": step, **{name: _jsonable(value) for name, value in numbers.items()}}
        print(json.dumps(row), file=self._file, flush=True)
        for sink in self._sinks:
            sink.numbers(step, numbers)

    def say(self, line: str) -> None:
        """A line for the person watching."""
        tqdm.tqdm.write(line, file=sys.stderr)

    def close(self) -> None:
        self._bar.close()
        self._file.close()
        for sink in self._sinks:
            sink.close()


def rows(path: Path) -> list[dict[str, Any]]:
    """The rows of metrics.jsonl; a line that a crash or the disk has damaged is passed over."""
    found = []
    for line in path.read_bytes().splitlines() if path.exists() else []:
        try:
            row = json.loads(line)
        except ValueError:
            continue
        if isinstance(row, dict) and isinstance(row.get("step"), int):
            found.append(row)
    return found


def _trimmed(path: Path, last: int) -> Any:
    """The file opened for appending, with rows up to the step `last` only."""
    kept = [row for row in rows(path) if row["step"] <= last]
    temporary = path.with_name(path.name + ".tmp")
    temporary.write_text("".join(json.dumps(row) + "\n" for row in kept))
    os.replace(temporary, path)
    return path.open("a")


def _jsonable(value: Any) -> Any:
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value


def _clock(seconds: float) -> str:
    minutes, seconds = divmod(round(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{seconds:02}"
