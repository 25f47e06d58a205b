"""Numbers for the file and for the eye."""

import json
import math
import os
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import tqdm


class Log:
    """metrics.jsonl, and a progress bar on a terminal or plain lines elsewhere."""

    def __init__(self, path: Path, start: int, steps: int, per_step: int) -> None:
        self._path, self._file = path, _trimmed(path, start)
        self._steps, self._per_step = steps, per_step
        self._last = (start, time.perf_counter())
        terminal = sys.stderr.isatty()
        self._bar = tqdm.tqdm(total=steps, initial=start, unit="step", disable=not terminal, dynamic_ncols=True)

    def write(self, step: int, metrics: Mapping[str, float]) -> None:
        """Logs the metrics of a step, with the speed since the last call."""
        before, then = self._last
        now = time.perf_counter()
        self._last = (step, now)
        speed = (step - before) * self._per_step / (now - then)
        self._record({"step": step, **metrics, "images_per_s": round(speed, 1)})
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
        """Forgets the rows after a step, to which the run went back."""
        self._file.close()
        self._file = _trimmed(self._path, step)
        self._bar.update(step - self._bar.n)
        self.restart(step)

    def measured(self, step: int, values: Mapping[str, float]) -> None:
        """Logs what a hook measured, if anything."""
        if values:
            self._record({"step": step, **values})
            self.say(f"step {step}  " + "  ".join(f"{name} {value:.4g}" for name, value in values.items()))

    def _record(self, row: Mapping[str, Any]) -> None:
        print(json.dumps({k: _jsonable(v) for k, v in row.items()}), file=self._file, flush=True)

    def say(self, line: str) -> None:
        """A line for the person watching."""
        tqdm.tqdm.write(line, file=sys.stderr)

    def close(self) -> None:
        self._bar.close()
        self._file.close()


def rows(path: Path) -> list[dict[str, Any]]:
    """The rows of metrics.jsonl; a last line torn by a crash is passed over."""
    found = []
    for line in path.read_text().splitlines() if path.exists() else []:
        try:
            found.append(json.loads(line))
        except ValueError:
            continue
    return found


def _trimmed(path: Path, start: int) -> Any:
    """The file opened for appending, without rows that the run is about to make again."""
    kept = [row for row in rows(path) if row["step"] <= start]
    temporary = path.with_name(path.name + ".tmp")
    temporary.write_text("".join(json.dumps(row) + "\n" for row in kept))
    os.replace(temporary, path)
    return path.open("a")


def _jsonable(value: Any) -> Any:
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value


def _clock(seconds: float) -> str:
    minutes, seconds = divmod(round(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{seconds:02}"
