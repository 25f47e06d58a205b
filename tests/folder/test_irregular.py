"""Pipes, devices and folders in place of regular files give one error line or a note, and never a hang."""

import base64
import json
import shutil
import signal

import pytest
from support import IRREGULAR, irregular, jaxgan, play, script

from jaxgan.report.page import report

TINY = script("tiny")


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    run = tmp_path_factory.mktemp("irregular") / "run"
    assert play(TINY, "--out", run, "--steps", 2) == 0
    report([run], run.parent / "page.html", rebuild=False)  # its imports take longer than the alarm waits
    return run


@pytest.fixture
def copy(run, tmp_path):
    return shutil.copytree(run, tmp_path / "copy")


@pytest.fixture
def alarm():
    """Fails after ten seconds: a read of a pipe or a device would never end."""

    def late(signum, frame):
        raise AssertionError("it hangs")

    before = signal.signal(signal.SIGALRM, late)
    signal.setitimer(signal.ITIMER_REAL, 10)
    yield
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, before)


def error(capsys):
    (line,) = capsys.readouterr().err.splitlines()
    return line


@pytest.mark.parametrize("kind", IRREGULAR)
@pytest.mark.parametrize("name", ["metrics.jsonl", "manifest.json", "config.json"])
def test_files_of_a_run(kind, name, copy, monkeypatch, capsys, alarm):
    irregular(kind, copy / name)
    message = "is not a run folder" if name == "config.json" else f"it is a {kind}, not a file"
    for command in ("info", "report", "compare"):
        status = jaxgan(monkeypatch, command, copy)
        err = capsys.readouterr().err
        if name == "manifest.json":  # each checkpoint has a copy of it; the warning is printed once
            assert status == 0 or command == "compare"
            assert message in err or command != "info"
        else:
            assert status == 2
            assert message in err
            assert err.count("\n") == 1


@pytest.mark.parametrize("kind", IRREGULAR)
def test_config_of_a_resume(kind, copy, capsys, alarm):
    irregular(kind, copy / "config.json")
    assert play(TINY, "--resume", copy, "--steps", 3) == 2
    assert "is not a run folder" in error(capsys)


@pytest.mark.parametrize("kind", IRREGULAR)
def test_other_files_of_a_run(kind, copy, monkeypatch, capsys, alarm):
    (copy / "evaluations").mkdir()
    irregular(kind, copy / "evaluations" / "2-raw.json")
    irregular(kind, copy / ".lock")
    irregular(kind, copy / "samples" / "step_00000002.png")
    (copy / "samples" / "step_\u00b2.png").touch()  # a digit, but no number
    (copy / "checkpoints" / "1\u00b2").mkdir()
    assert jaxgan(monkeypatch, "info", copy) == 0
    assert jaxgan(monkeypatch, "report", copy, "--no-rebuild") == 0
    text = (copy / "report.html").read_text()
    assert "samples/step_00000002.png is not a file inside the run folder: it is left out" in text
    assert "evaluations/2-raw.json is damaged" in text


@pytest.mark.parametrize("kind", IRREGULAR)
@pytest.mark.parametrize("name", ["given.npz", "given.txt", "given.png"])
def test_conditions(kind, name, tmp_path, alarm):
    from jaxgan.data.kind import Leaf, Tokens, image, label
    from jaxgan.errors import Refused
    from jaxgan.run.given import read_given

    leaves = {
        "given.npz": {"label": label(10)},
        "given.txt": {"text": Leaf((3,), Tokens(("a", "b")), "int32")},
        "given.png": {"source": image(8, 8, 3)},
    }[name]
    with pytest.raises(Refused, match=f"cannot be read: it is a {kind}, not a file"):
        read_given([str(irregular(kind, tmp_path / name))], leaves)


@pytest.mark.parametrize("link", ["samples/step_00000002.png", "samples"])
def test_a_report_embeds_only_files_of_the_run_folder(link, copy, tmp_path, monkeypatch):
    away = tmp_path / "away"
    away.mkdir()
    secret = base64.b64encode((away / "step_00000002.png").write_bytes(b"a secret key") and b"a secret key")
    if link == "samples":
        shutil.rmtree(copy / "samples")
        (copy / "samples").symlink_to(away)
    else:
        (copy / link).unlink(missing_ok=True)
        (copy / link).symlink_to(away / "step_00000002.png")
    assert jaxgan(monkeypatch, "report", copy, "--no-rebuild") == 0
    text = (copy / "report.html").read_text()
    assert secret.decode() not in text
    assert "samples/step_00000002.png is not a file inside the run folder: it is left out" in text


@pytest.mark.parametrize(
    ("command", "option", "name"),
    [
        ("report", "--out", "config.json"),
        ("report", "--out", "samples/page.html"),
        ("report", "--figures", "samples"),
        ("sample", "--out", "samples/step_00000002.png"),
        ("analyze", "--out", "checkpoints"),
        ("diagnose", "--out", "checkpoints/2"),
        ("export", "--out", "checkpoints/3"),
        ("take", "--out", "checkpoints/3"),
    ],
)
def test_a_runs_own_files_are_not_overwritten(command, option, name, copy, monkeypatch, capsys):
    def contents():
        return {path: path.is_file() and path.read_bytes() for path in copy.rglob("*")}

    before = contents()
    more = ["seed=0"] if command == "take" else []
    assert jaxgan(monkeypatch, command, copy, *more, option, copy / name) == 2
    assert "choose another --out" in (line := error(capsys)) or "ends in .html" in line
    assert contents() == before


def test_a_report_does_not_overwrite_a_script(copy, tmp_path, monkeypatch, capsys):
    (tmp_path / "mine.py").write_text("precious")
    assert jaxgan(monkeypatch, "report", copy, "--out", tmp_path / "mine.py") == 2
    assert "give it a name that ends in .html" in error(capsys)
    assert (tmp_path / "mine.py").read_text() == "precious"


def test_control_characters_are_escaped(copy, monkeypatch, capsys):
    config = json.loads((copy / "config.json").read_text())
    config |= {"data": "\x1b[31mred\nsession 9  forged", "\x1b]0;title\x07": 1}
    (copy / "config.json").write_text(json.dumps(config))
    assert jaxgan(monkeypatch, "info", copy) == 0
    output = capsys.readouterr().out
    assert r"data=\x1b[31mred\nsession 9  forged" in output
    assert r"\x1b]0;title\x07=1" in output
    assert jaxgan(monkeypatch, "info", f"{copy}/no\x1b[31m\nwhere") == 2
    output += error(capsys)
    assert not set(output) & {"\x1b", "\x07"}
