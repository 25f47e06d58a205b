"""Hostile files, values and paths cause no traceback, hang, lost checkpoint or run of foreign code.

Each attempt is a copy of a run with one thing wrong, and a command on it. It must end in time with status 0,
1 or 2, and leave the bytes of every checkpoint in place or in a renamed folder.
"""

import contextlib
import faulthandler
import json
import os
import shutil
import signal
import socket
import sys
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from support import jaxgan, play, script

TINY = script("tiny")
LIMIT = 90  # seconds, on a busy machine
COMMANDS = ("sample", "resume", "report", "export", "compare", "evaluate", "analyze")
EVIL = "\nopen(__import__('pathlib').Path(__file__).absolute().parents[1] / 'ran', 'w').close()\n"
DIGITS = int("9" * 400)


class Attempt(NamedTuple):
    """A name, what is done to a copy of the run, and a command."""

    name: str
    harm: Callable[[Path], None]
    command: str


def of_text(name: str, change: Callable[[str], str]) -> Callable[[Path], None]:
    def harm(run: Path) -> None:
        (run / name).write_text(change((run / name).read_text()), errors="surrogatepass")

    return harm


def of_bytes(name: str, change: Callable[[bytes], bytes]) -> Callable[[Path], None]:
    def harm(run: Path) -> None:
        (run / name).write_bytes(change((run / name).read_bytes()))

    return harm


def of_field(name: str, key: str, value: Any) -> Callable[[Path], None]:
    def harm(run: Path) -> None:
        content = json.loads((run / name).read_text())
        (content.pop(key) if value is ... else content.update({key: value}))
        (run / name).write_text(json.dumps(content))

    return harm


def of_row(value: str, at: int) -> Callable[[Path], None]:
    def harm(run: Path) -> None:
        lines = (run / "metrics.jsonl").read_text().splitlines()
        lines[at] = value
        (run / "metrics.jsonl").write_text("\n".join(lines) + "\n")

    return harm


def of_kind(name: str, make: Callable[[Path], object]) -> Callable[[Path], None]:
    """Replaces the file by something that is not a regular file."""

    def harm(run: Path) -> None:
        path = run / name
        shutil.rmtree(path) if path.is_dir() else path.unlink()
        make(path)

    return harm


def make_socket(path: Path) -> None:
    with contextlib.closing(socket.socket(socket.AF_UNIX)) as unix, contextlib.chdir(path.parent):
        unix.bind(path.name)


TEXTS: dict[str, Callable[[str], str]] = {
    "empty": lambda text: "",
    "half": lambda text: text[: len(text) // 2],
    "tail": lambda text: text[len(text) // 2 :],
    "null": lambda text: "null",
    "list": lambda text: "[]",
    "number": lambda text: "3",
    "deep": lambda text: "[" * 100_000,
    "deep object": lambda text: '{"a":' * 50_000,
    "digits": lambda text: text.replace("8", "8" * 400),
    "negative": lambda text: text.replace(": ", ": -"),
    "twice": lambda text: text + text,
    "bytes": lambda text: "\x00\x1b[2J\udc80" + text,
    "latin": lambda text: text.replace("e", "\udce9"),
    "one long line": lambda text: "x" * 2_000_000,
}
BYTES: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda content: b"",
    "half": lambda content: content[: len(content) // 2],
    "first byte": lambda content: b"\xff" + content[1:],
    "long header": lambda content: b"\xff" * 7 + b"\x7f" + content[8:],
    "names outside": lambda content: content.replace(b"tiny.py", b"../t.py"),
    "absolute names": lambda content: content.replace(b"tiny.py", b"/tmp/py"),
}
KINDS: dict[str, Callable[[Path], object]] = {
    "gone": lambda path: None,
    "fifo": os.mkfifo,
    "folder": os.mkdir,
    "link to nowhere": lambda path: path.symlink_to("nowhere"),
    "link to itself": lambda path: path.symlink_to(path.name),
    "zeros": lambda path: path.symlink_to("/dev/zero"),
    "socket": make_socket,
}
VALUES: tuple[Any, ...] = (None, -1, "\x1b[2Jtext", [], {}, DIGITS, 1.5, ...)
ROWS = (
    "{}",
    "null",
    '{"step": "ten", "kind": "train", "numbers": {}}',
    '{"step": -3, "kind": "train", "numbers": {"d/adv": 1}}',
    '{"step": 4, "kind": "train", "numbers": {"d/adv": "far"}}',
    '{"step": 4, "kind": "train", "numbers": {"d/adv": ' + "9" * 400 + "}}",
    '{"step": ' + "9" * 400 + ', "kind": "train", "numbers": {"d/adv": 1}}',
    '{"step": 4, "kind": "train", "numbers": {"d/adv": [1]}}',
    '{"step": 4, "kind": "train", "numbers": {"d/adv": [[1, 2], 3]}}',
    '{"step": 4, "kind": "measured", "numbers": {"1nn_accuracy": 0.5, "": 1, "a b": 2, "\\u0000": 3}}',
    '{"step": 4, "kind": "strange", "numbers": {"d/adv": 1}}',
    '{"step": 4, "kind": "train", "numbers": ' + '{"a":' * 20_000,
    '{"step": 4, "kind": "train", "numbers": {"d/adv": true, "</script><script>": 1}}',
)
CHECKPOINT = (
    "_CHECKPOINT_METADATA",
    "metrics/metrics",
    "state/_METADATA",
    "state/_sharding",
    "state/manifest.ocdbt",
    "state/array_metadatas/process_0",
    "state/pytree_metadata",
    "state/d",
    "state/ocdbt.process_0",
)


def attempts(run: Path) -> Iterator[Attempt]:
    """Yields all attempts; commands alternate, so that files and values are tried with different ones."""
    turn = 0

    def next_command(name: str, harm: Callable[[Path], None]) -> Iterator[Attempt]:
        nonlocal turn
        turn += 1
        yield Attempt(name, harm, "info")
        yield Attempt(name, harm, COMMANDS[turn % len(COMMANDS)])

    for command in COMMANDS:
        yield Attempt("script.py changed", of_text("script.py", lambda text: text + EVIL), command)
    for name in ("script.py", "weights.safetensors", "generator.jaxexport", "README.md"):
        path = next((run / "export-8").glob("*.py")).name if name == "script.py" else name
        for what, make in KINDS.items():
            yield Attempt(f"export: {name} {what}", of_kind(f"export-8/{path}", make), "import")
        for what, change in {**BYTES, "changed": lambda content: content + EVIL.encode()}.items():
            yield Attempt(f"export: {name} {what}", of_bytes(f"export-8/{path}", change), "import")
    for name in ("config.json", "manifest.json", "metrics.jsonl"):
        for what, change in TEXTS.items():
            yield from next_command(f"{name} {what}", of_text(name, change))
    for name in FILES:
        for what, make in KINDS.items():
            yield from next_command(f"{name} {what}", of_kind(name, make))
    for name, keys in (
        ("manifest.json", None),
        ("config.json", ("lr", "steps", "data", "seed", "over", "out")),
    ):
        for key in keys or json.loads((run / name).read_text()):
            for value in VALUES:
                text = repr(value)[:20]
                yield from next_command(f"{name} {key}={text}", of_field(name, key, value))
    for number, row in enumerate(ROWS):
        for at in (0, -1):
            yield from next_command(f"row {number} at {at}", of_row(row, at))
    newest = max(int(path.name) for path in (run / "checkpoints").iterdir())
    for name in CHECKPOINT:
        if not (run / "checkpoints" / str(newest) / name).exists():
            continue
        for what in ("gone", "fifo", "folder", "link to nowhere", "zeros"):
            path = f"checkpoints/{newest}/{name}"
            yield from next_command(f"{path} {what}", of_kind(path, KINDS[what]))


def words(command: str, run: Path, out: Path) -> list[object]:
    more: dict[str, list[object]] = {
        "sample": ["--n", 4, "--out", out / "grid.png"],
        "resume": ["--steps", 10],
        "report": ["--out", out / "report.html"],
        "export": ["--out", out / "export"],
        "compare": [run],
        "evaluate": ["--n", 40],
        "analyze": ["--out", out / "analysis"],
    }
    if command == "import":
        return [command, run / "export-8", "--out", out / "imported", "--", "--steps", 1]
    return [command, run, *more.get(command, [])]


class TooLong(BaseException):
    """An attempt hangs."""


def raise_too_long(*_: object) -> None:
    raise TooLong


def start_watchdog() -> None:
    """Fails an attempt that takes too long; if that does not end it, dumps its stacks and ends the tests."""
    signal.signal(signal.SIGALRM, raise_too_long)
    signal.alarm(LIMIT)
    faulthandler.dump_traceback_later(2 * LIMIT, exit=True, file=sys.__stderr__)


def stop_watchdog() -> None:
    signal.alarm(0)
    faulthandler.cancel_dump_traceback_later()


def checkpoint_bytes(run: Path) -> Counter[bytes]:
    """Returns the contents of all files in checkpoints, whatever their names."""
    folder = run / "checkpoints"
    if folder.is_symlink() or not folder.is_dir():
        return Counter()
    files = (path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
    return Counter(path.read_bytes() for path in files)


def try_attempt(attempt: Attempt, run: Path, home: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> str:
    """Returns what went wrong, or ""."""
    home.mkdir()
    copy = Path(shutil.copytree(run, home / "run"))
    attempt.harm(copy)
    before = checkpoint_bytes(copy)
    start_watchdog()
    try:
        status = jaxgan(monkeypatch, *words(attempt.command, copy, home))
    except TooLong:
        return "hangs"
    except BaseException as error:
        where = traceback.extract_tb(error.__traceback__)[-1]
        return f"{type(error).__name__}: {str(error)[:100]} at {Path(where.filename).name}:{where.lineno}"
    finally:
        stop_watchdog()
    output = capsys.readouterr()
    if (copy / "ran").exists() or (home / "ran").exists():
        return "ran what it should not"
    if status not in (0, 1, 2):
        return f"status {status}"
    if "Traceback" in output.err + output.out or "\x1b" in output.out:
        return f"prints {output.err[-200:]}{output.out[-200:]!r}"
    if status and not output.err.strip():
        return "no line says why"
    if lost := before - checkpoint_bytes(copy):
        return f"{lost.total()} files of checkpoints are lost"
    return ""


FILES = ("config.json", "manifest.json", "metrics.jsonl", "script.py", "samples", "checkpoints")
PARTS = (*FILES, "row", "export")


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    run = tmp_path_factory.mktemp("hostile") / "run"
    assert play(TINY, "--out", run, "--steps", 8, "--sample-every", 4, "--keep", 9) == 0
    with pytest.MonkeyPatch.context() as patch:
        assert jaxgan(patch, "export", run) == 0
    return run


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("part", PARTS)
def test_hostile_files(part, run, tmp_path, monkeypatch, capsys):
    wrong, count = [], 0
    for count, attempt in enumerate((a for a in attempts(run) if a.name.startswith(part)), 1):
        home = tmp_path / f"{count}"
        if fault := try_attempt(attempt, run, home, monkeypatch, capsys):
            wrong.append(f"{attempt.command}: {attempt.name}: {fault}")
        shutil.rmtree(home)
    assert not wrong, f"{len(wrong)} of {count}:\n" + "\n".join(map(ascii, wrong))


@pytest.mark.slow
def test_every_attempt_is_made(run):
    names = [attempt.name for attempt in attempts(run)]
    assert len(names) >= 600
    assert all(name.startswith(PARTS) for name in names)


NUMBERS = (-1, 0, -(10**20), 10**20, "nan", "inf", "1e999", "", "ten", "0x10", "１", "\udcff", "a" * 5000)


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_hostile_options(tmp_path, monkeypatch, capsys):
    np.savez(tmp_path / "own.npz", x=np.zeros((40, 2), np.float32))
    options = ("steps", "seed", "seeds", "over", "size", "memory", "workers", "batch-size", "micro-batches")
    more = ("log-every", "keep", "retries", "devices", "data-devices", "lr", "width", "data", "out")
    wrong, count = [], 0
    for option in (*options, *more):
        for value in NUMBERS:
            count += 1
            out = ("--out", tmp_path / f"{count}") if option != "out" else ()
            monkeypatch.chdir(tmp_path)
            start_watchdog()
            try:
                status = play(TINY, "--steps", 1, *out, f"--{option}={value}")
            except BaseException as error:
                where = traceback.extract_tb(error.__traceback__)[-1]
                fault = f"{type(error).__name__}: {str(error)[:100]} at {where.filename}:{where.lineno}"
                wrong.append(f"--{option}={str(value)[:20]}: {fault}")
                continue
            finally:
                stop_watchdog()
            err = capsys.readouterr().err
            if status not in (0, 1, 2) or "Traceback" in err or (status and not err.strip()):
                wrong.append(f"--{option}={str(value)[:20]}: status {status}: {err[-200:]}")
    assert count >= 100
    assert not wrong, f"{len(wrong)} of {count}:\n" + "\n".join(map(ascii, wrong))
