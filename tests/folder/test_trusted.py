"""A run folder and an export are programs: nothing in them runs that is not what it was, unless trusted."""

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
LOOKS = ["sample", "evaluate", "analyze", "diagnose", "export", "resume", "take"]


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    run = tmp_path_factory.mktemp("trusted") / "run"
    assert play(TINY, "--out", run, "--steps", 2) == 0
    return run


@pytest.fixture
def changed(run, tmp_path):
    """A copy of the run with a script that leaves a mark where it is run, and that mark."""
    copy, mark = shutil.copytree(run, tmp_path / "changed"), tmp_path / "mark"
    return marked(copy / "script.py", mark), copy, mark


def marked(path, mark):
    path.write_text(f"open({str(mark)!r}, 'a').close()\n" + path.read_text())
    return path


def error(capsys):
    (line,) = capsys.readouterr().err.splitlines()
    return line.removeprefix("error: ")


@pytest.mark.parametrize("command", LOOKS)
def test_a_changed_script_is_not_run(command, changed, monkeypatch, tmp_path, capsys):
    _, copy, mark = changed
    more = ["seed=0", "--out", tmp_path / "taken"] if command == "take" else []
    assert jaxgan(monkeypatch, command, copy, *more) == 2
    said = f"{copy}: changed since the run was started: tiny.py; --trust runs it all the same"
    assert error(capsys) == said
    assert not mark.exists()


def test_a_report_says_so_and_goes_on(changed, monkeypatch, capsys):
    _, copy, mark = changed
    assert jaxgan(monkeypatch, "report", copy) == 0
    assert "--trust runs it all the same" in (copy / "report.html").read_text()
    assert not mark.exists()
    assert jaxgan(monkeypatch, "report", copy, "--trust", "--no-rebuild") == 0  # which runs nothing
    assert jaxgan(monkeypatch, "info", copy) == 0
    assert jaxgan(monkeypatch, "compare", copy) in (0, 2)
    assert not mark.exists()


def test_a_trusted_script_is_run_with_a_warning(changed, monkeypatch, tmp_path, capsys):
    _, copy, mark = changed
    more = ["--n", 1, "--out", tmp_path / "a.png"]
    assert jaxgan(monkeypatch, "sample", copy, "--trust", *more) == 0
    assert jaxgan(monkeypatch, "sample", copy, "--trust", *more) == 0
    assert capsys.readouterr().err == f"warning: {copy}: changed since the run was started: tiny.py\n"
    assert mark.exists()


def test_a_run_goes_on_by_a_changed_script_where_it_is_trusted_and_forced(changed, monkeypatch, capsys):
    _, copy, mark = changed
    assert jaxgan(monkeypatch, "resume", copy, "--steps", 3, "--force") == 2
    assert not mark.exists()
    assert jaxgan(monkeypatch, "resume", copy, "--steps", 3, "--trust") == 2
    assert "changed since the run was started: tiny.py; --force resumes" in capsys.readouterr().err
    assert jaxgan(monkeypatch, "resume", copy, "--steps", 3, "--trust", "--force") == 0
    assert steps(copy)[-1] == 3
    assert jaxgan(monkeypatch, "resume", copy, "--steps", 4) == 0  # it is the run's own from now on


@pytest.mark.parametrize("files", [{}, {"tiny.py": ""}])
def test_a_script_without_its_hash_is_not_run(files, changed, monkeypatch, capsys):
    _, copy, mark = changed
    manifest = read_manifest(find_folder(copy))
    manifest.files = files
    write_manifest(find_folder(copy), manifest)
    assert jaxgan(monkeypatch, "sample", copy) == 2
    assert "changed since the run was started: tiny.py" in error(capsys)
    assert not mark.exists()


def test_a_module_that_is_not_what_it_was(run, monkeypatch, tmp_path, capsys):
    copy, home = shutil.copytree(run, tmp_path / "copy"), tmp_path / "home"
    home.mkdir()
    (home / "its_module.py").write_text("x = 1\n")
    manifest = read_manifest(find_folder(copy))
    manifest.script = str(home / "tiny.py")
    manifest.files = {"tiny.py": manifest.files["tiny.py"], "its_module.py": 64 * "0"}
    write_manifest(find_folder(copy), manifest)
    assert jaxgan(monkeypatch, "sample", copy) == 2
    assert "started: its_module.py; --trust" in error(capsys)
    (home / "its_module.py").unlink()  # a folder of that name may be imported in its place
    assert jaxgan(monkeypatch, "sample", copy) == 2
    assert "started: its_module.py (not there); --trust" in error(capsys)


@pytest.mark.parametrize("name", ["../../secret", "/etc/hostname"])
def test_an_export_takes_no_file_from_elsewhere(name, run, monkeypatch, tmp_path, capsys):
    copy = shutil.copytree(run, tmp_path / "copy")
    manifest = read_manifest(find_folder(copy))
    manifest.files = {**manifest.files, name: 64 * "0"}
    write_manifest(find_folder(copy), manifest)
    assert jaxgan(monkeypatch, "export", copy, "--trust") == 2
    assert f"names a script or module outside its folder, {name!r}: nothing of it is run" in error(capsys)


@pytest.fixture
def exported(run, tmp_path):
    return export(run, tmp_path / "export")


def noting(home, **notes):
    """The export with other notes in the file of its weights."""
    file = home / weights.NAME
    save_file(load_file(file), file, {**weights.metadata(file), **notes})


@pytest.mark.parametrize("kind", ["above", "absolute", "link"])
def test_an_import_runs_no_script_outside_its_folder(kind, exported, monkeypatch, tmp_path, capsys):
    mark, evil = tmp_path / "mark", tmp_path / "evil.py"
    shutil.copy(exported / "script" / "tiny.py", evil)
    marked(evil, mark)
    if kind == "link":
        (exported / "script" / "tiny.py").unlink()
        (exported / "script" / "tiny.py").symlink_to(evil)
    else:
        noting(exported, script=str(evil) if kind == "absolute" else "../evil.py", files="{}")
    for more in ([], ["--trust"]):
        assert jaxgan(monkeypatch, "import", exported, "--out", tmp_path / "new", *more) == 2
        assert "outside i" in error(capsys)
    assert not mark.exists()


def test_an_import_runs_the_script_that_was_exported(exported, monkeypatch, tmp_path, capsys):
    assert "script/tiny.py" in json.loads(weights.metadata(exported / weights.NAME)["files"])
    mark = tmp_path / "mark"
    marked(exported / "script" / "tiny.py", mark)
    more = ("--out", tmp_path / "new", "--", "--steps", 1)
    assert jaxgan(monkeypatch, "import", exported, *more) == 2
    said = f"{exported}: changed since it was exported: script/tiny.py; --trust runs it all the same"
    assert error(capsys) == said
    assert not mark.exists()
    assert jaxgan(monkeypatch, "import", exported, "--trust", *more) == 0
    assert mark.exists()
