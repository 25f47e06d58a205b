"""Changed scripts and modules of run folders and exports are not run unless trusted."""

import json
import shutil

import pytest
from safetensors.numpy import load_file, save_file
from support import jaxgan, play, script, steps

from jaxgan.folder import weights
from jaxgan.folder.folder import find_folder
from jaxgan.folder.manifest import read_manifest, write_manifest
from jaxgan.run.export import export

TINY = script("tiny")
COMMANDS = ["sample", "evaluate", "analyze", "diagnose", "export", "resume", "take"]


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    run = tmp_path_factory.mktemp("trusted") / "run"
    assert play(TINY, "--out", run, "--steps", 2) == 0
    return run


@pytest.fixture
def changed(run, tmp_path):
    """A copy of the run with a script that creates a file when it is run, and that file."""
    copy, mark = shutil.copytree(run, tmp_path / "changed"), tmp_path / "mark"
    add_mark(copy / "script.py", mark)
    return copy, mark


def add_mark(path, mark):
    path.write_text(f"open({str(mark)!r}, 'a').close()\n" + path.read_text())


def error(capsys):
    (line,) = capsys.readouterr().err.splitlines()
    return line.removeprefix("error: ")


@pytest.mark.parametrize("command", COMMANDS)
def test_a_changed_script_is_not_run(command, changed, monkeypatch, tmp_path, capsys):
    copy, mark = changed
    more = ["seed=0", "--out", tmp_path / "taken"] if command == "take" else []
    assert jaxgan(monkeypatch, command, copy, *more) == 2
    message = f"{copy}: changed since the run was started: tiny.py; --trust runs it anyway"
    assert error(capsys) == message
    assert not mark.exists()


def test_a_report_names_a_changed_script_and_is_made(changed, monkeypatch, capsys):
    copy, mark = changed
    assert jaxgan(monkeypatch, "report", copy) == 0
    assert "--trust runs it anyway" in (copy / "report.html").read_text()
    assert not mark.exists()
    assert jaxgan(monkeypatch, "report", copy, "--trust", "--no-rebuild") == 0  # runs nothing
    assert jaxgan(monkeypatch, "info", copy) == 0
    assert jaxgan(monkeypatch, "compare", copy) in (0, 2)
    assert not mark.exists()


def test_a_trusted_script_is_run_with_a_warning(changed, monkeypatch, tmp_path, capsys):
    copy, mark = changed
    more = ["--n", 1, "--out", tmp_path / "a.png"]
    assert jaxgan(monkeypatch, "sample", copy, "--trust", *more) == 0
    assert jaxgan(monkeypatch, "sample", copy, "--trust", *more) == 0
    assert capsys.readouterr().err == f"warning: {copy}: changed since the run was started: tiny.py\n"
    assert mark.exists()


def test_a_changed_script_can_resume_if_trusted_and_forced(changed, monkeypatch, capsys):
    copy, mark = changed
    assert jaxgan(monkeypatch, "resume", copy, "--steps", 3, "--force") == 2
    assert not mark.exists()
    assert jaxgan(monkeypatch, "resume", copy, "--steps", 3, "--trust") == 2
    assert "changed since the run was started: tiny.py; --force resumes" in capsys.readouterr().err
    assert jaxgan(monkeypatch, "resume", copy, "--steps", 3, "--trust", "--force") == 0
    assert steps(copy)[-1] == 3
    assert jaxgan(monkeypatch, "resume", copy, "--steps", 4) == 0  # now it is the run's script


@pytest.mark.parametrize("files", [{}, {"tiny.py": ""}])
def test_a_script_without_its_hash_is_not_run(files, changed, monkeypatch, capsys):
    copy, mark = changed
    manifest = read_manifest(find_folder(copy))
    manifest.files = files
    write_manifest(find_folder(copy), manifest)
    assert jaxgan(monkeypatch, "sample", copy) == 2
    assert "changed since the run was started: tiny.py" in error(capsys)
    assert not mark.exists()


def test_a_changed_or_missing_module_is_not_run(run, monkeypatch, tmp_path, capsys):
    copy, home = shutil.copytree(run, tmp_path / "copy"), tmp_path / "home"
    home.mkdir()
    (home / "its_module.py").write_text("x = 1\n")
    manifest = read_manifest(find_folder(copy))
    manifest.script = str(home / "tiny.py")
    manifest.files = {"tiny.py": manifest.files["tiny.py"], "its_module.py": 64 * "0"}
    write_manifest(find_folder(copy), manifest)
    assert jaxgan(monkeypatch, "sample", copy) == 2
    assert "started: its_module.py; --trust" in error(capsys)
    (home / "its_module.py").unlink()  # a folder of that name may be imported instead
    assert jaxgan(monkeypatch, "sample", copy) == 2
    assert "started: its_module.py (missing); --trust" in error(capsys)


@pytest.mark.parametrize("name", ["../../secret", "/etc/hostname"])
def test_an_export_copies_no_file_from_outside(name, run, monkeypatch, tmp_path, capsys):
    copy = shutil.copytree(run, tmp_path / "copy")
    manifest = read_manifest(find_folder(copy))
    manifest.files = {**manifest.files, name: 64 * "0"}
    write_manifest(find_folder(copy), manifest)
    assert jaxgan(monkeypatch, "export", copy, "--trust") == 2
    assert f"names a script or module outside its folder, {name!r}: it is not run" in error(capsys)


@pytest.fixture
def exported(run, tmp_path):
    return export(run, tmp_path / "export")


def set_metadata(home, **changes):
    """Changes the metadata of an export's weights."""
    file = home / weights.NAME
    save_file(load_file(file), file, {**weights.metadata(file), **changes})


@pytest.mark.parametrize("kind", ["above", "absolute", "link"])
def test_an_import_runs_no_script_outside_its_folder(kind, exported, monkeypatch, tmp_path, capsys):
    mark, evil = tmp_path / "mark", tmp_path / "evil.py"
    shutil.copy(exported / "script" / "tiny.py", evil)
    add_mark(evil, mark)
    if kind == "link":
        (exported / "script" / "tiny.py").unlink()
        (exported / "script" / "tiny.py").symlink_to(evil)
    else:
        set_metadata(exported, script=str(evil) if kind == "absolute" else "../evil.py", files="{}")
    for more in ([], ["--trust"]):
        assert jaxgan(monkeypatch, "import", exported, "--out", tmp_path / "new", *more) == 2
        assert "outside i" in error(capsys)
    assert not mark.exists()


def test_an_import_runs_the_script_that_was_exported(exported, monkeypatch, tmp_path, capsys):
    assert "script/tiny.py" in json.loads(weights.metadata(exported / weights.NAME)["files"])
    mark = tmp_path / "mark"
    add_mark(exported / "script" / "tiny.py", mark)
    more = ("--out", tmp_path / "new", "--", "--steps", 1)
    assert jaxgan(monkeypatch, "import", exported, *more) == 2
    message = f"{exported}: changed since it was exported: script/tiny.py; --trust runs it anyway"
    assert error(capsys) == message
    assert not mark.exists()
    assert jaxgan(monkeypatch, "import", exported, "--trust", *more) == 0
    assert mark.exists()
