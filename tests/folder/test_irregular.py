"""What is no regular file in the place of one: a line or a note, never a hang or memory without end."""

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
    report([run], run.parent / "page.html", rebuild=False)  # loads what takes longer than the alarm waits
    return run


@pytest.fixture
def copy(run, tmp_path):
    return shutil.copytree(run, tmp_path / "copy")


@pytest.fixture
def alarm():
    """Ten seconds: a pipe would be waited for, and a device read, for ever."""

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
    said = "is not a run folder" if name == "config.json" else f"it is a {kind}, not a file"
    for command in ("info", "report", "compare"):
        status = jaxgan(monkeypatch, command, copy)
        said_now = capsys.readouterr().err
        if name == "manifest.json":  # of which each checkpoint has a copy; it is said once
            assert status == 0 or command == "compare"
            assert said in said_now or command != "info"
        else:
            assert status == 2
            assert said in said_now
            assert said_now.count("\n") == 1


@pytest.mark.parametrize("kind", IRREGULAR)
def test_options_to_go_on_with(kind, copy, capsys, alarm):
    irregular(kind, copy / "config.json")
    assert play(TINY, "--resume", copy, "--steps", 3) == 2
    assert "is not a run folder" in error(capsys)


@pytest.mark.parametrize("kind", IRREGULAR)
def test_what_is_beside_the_run(kind, copy, monkeypatch, capsys, alarm):
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
def test_a_report_embeds_what_lies_in_the_run_folder_alone(link, copy, tmp_path, monkeypatch):
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
def test_nothing_is_written_over_what_is_the_runs_own(command, option, name, copy, monkeypatch, capsys):
    def there():
        return {path: path.is_file() and path.read_bytes() for path in copy.rglob("*")}

    before = there()
    more = ["seed=0"] if command == "take" else []
    assert jaxgan(monkeypatch, command, copy, *more, option, copy / name) == 2
    assert "choose another --out" in (said := error(capsys)) or "ends in .html" in said
    assert there() == before


def test_a_page_is_not_written_over_a_script(copy, tmp_path, monkeypatch, capsys):
    (tmp_path / "mine.py").write_text("precious")
    assert jaxgan(monkeypatch, "report", copy, "--out", tmp_path / "mine.py") == 2
    assert "give it a name that ends in .html" in error(capsys)
    assert (tmp_path / "mine.py").read_text() == "precious"


def test_what_a_terminal_would_obey_is_shown_as_code(copy, monkeypatch, capsys):
    config = json.loads((copy / "config.json").read_text())
    config |= {"data": "\x1b[31mred\nsession 9  forged", "\x1b]0;title\x07": 1}
    (copy / "config.json").write_text(json.dumps(config))
    assert jaxgan(monkeypatch, "info", copy) == 0
    said = capsys.readouterr().out
    assert r"data=\x1b[31mred\nsession 9  forged" in said
    assert r"\x1b]0;title\x07=1" in said
    assert jaxgan(monkeypatch, "info", f"{copy}/no\x1b[31m\nwhere") == 2
    said += error(capsys)
    assert not set(said) & {"\x1b", "\x07"}
