"""`jg.main`: scripts in several files, edited while they run, with paths; and errors in one line."""

import errno
import fcntl
import json
import os
import runpy
import signal
import sys
import time
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from support import SCRIPTS, jaxgan, picture_folder, play, script, steps

import jaxgan as jg
from jaxgan.data.source import examples
from jaxgan.errors import Refused
from jaxgan.folder import cache
from jaxgan.folder.files import atomic_folder
from jaxgan.folder.lock import lock_folder
from jaxgan.folder.script import Script, hashes
from jaxgan.pictures import png
from jaxgan.run import feed
from jaxgan.run.reopen import reopen
from jaxgan.sweep.script import main

TINY = script("tiny")
TEXT = (SCRIPTS / "tiny.py").read_text()


@pytest.fixture
def run_file(tmp_path, monkeypatch):
    """Runs a script with this text as a command line does; returns its file and exit status."""
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])

    def run(text, *args):
        path = tmp_path / "mine.py"
        path.write_text(text)
        monkeypatch.setattr(sys, "argv", [str(path), *map(str, args)])
        try:
            runpy.run_path(str(path), run_name="__main__")
        except SystemExit as end:
            return path, int(end.code or 0)
        return path, 0

    return run


def last_line(capsys):
    return capsys.readouterr().err.splitlines()[-1]


def test_the_script_is_the_file_that_is_run_wherever_build_is_defined(run_file, tmp_path, monkeypatch):
    (tmp_path / "recipe.py").write_text(TEXT)
    text = """import jaxgan as jg
from jaxgan.data.source import examples
from recipe import Config, build

if __name__ == "__main__":
    jg.main(Config, build)
"""
    run = tmp_path / "run"
    assert run_file(text, "--out", run, "--steps", 2)[1] == 0
    assert (run / "script.py").read_text() == text
    assert json.loads((run / "manifest.json").read_text())["files"].keys() == {"mine.py", "recipe.py"}
    assert jaxgan(monkeypatch, "resume", run, "--steps", 4) == 0
    assert steps(run)[-1] == 4
    assert int(reopen(run).state.step) == 4


def test_resume_of_a_script_without_jg_main_is_refused(tmp_path, monkeypatch, capsys):
    run = tmp_path / "run"
    assert play(TINY, "--out", run, "--steps", 1) == 0
    (run / "script.py").write_text(TEXT.partition("if __name__")[0])
    assert jaxgan(monkeypatch, "resume", run, "--steps", 4, "--trust") == 2
    assert "script.py does not call jg.main, so nothing was done" in last_line(capsys)


def test_the_copy_in_the_run_is_of_the_script_that_ran(run_file, tmp_path):
    """And not of what an editor saved meanwhile."""
    text = TEXT.replace(
        "    import time\n",
        "    with open(__file__, 'a') as f:\n        f.write('# later')\n    import time\n",
    )
    path, status = run_file(text, "--out", tmp_path / "run", "--steps", 1)
    assert status == 0
    assert path.read_text() == text + "# later"
    assert (tmp_path / "run" / "script.py").read_text() == text


def test_a_build_that_is_not_a_function_is_refused(tmp_path, capsys):
    with pytest.raises(SystemExit):
        main(TINY.Config, partial(TINY.build), args=["--out", str(tmp_path / "run")])
    line = last_line(capsys)
    assert "error: jg.main takes the function `build` of a script, not functools.partial(" in line


OLD = TEXT.replace('(config: Config, source: "jg.Source")', "(config: Config)")
OLD_BUILD = "was made before `build` took (config, source): go on with the version of jaxgan that made it"


def test_an_older_script_is_refused_with_what_build_takes_now(run_file, tmp_path, capsys):
    assert run_file(OLD, "--out", tmp_path / "run")[1] == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line == (
        "error: `build` takes (config, source) now: the examples come from --data, or from a function given "
        "by jg.main(Config, build, data=...)"
    )
    assert not (tmp_path / "run").exists()


def test_a_run_of_an_older_script_is_refused_in_one_line(tmp_path, monkeypatch, capsys):
    run = tmp_path / "run"
    assert play(TINY, "--out", run, "--steps", 1) == 0
    (run / "script.py").write_text(OLD)
    capsys.readouterr()
    for command in ("sample", "evaluate", "export", "analyze", "diagnose", "resume"):
        assert jaxgan(monkeypatch, command, run, "--trust") == 2
        assert last_line(capsys) == f"error: {run} {OLD_BUILD}"
    assert jaxgan(monkeypatch, "report", run, "--trust") == 0  # it needs no script
    assert OLD_BUILD in (run / "report.html").read_text()


WITH_DATA = TEXT.replace(
    "def build(",
    """def data(config: Config) -> "jg.Source":
    import numpy as np

    from jaxgan.data.arrays import arrays

    return arrays(np.random.RandomState(config.width).normal(size=(50, 2)).astype(np.float32))


def build(""",
)


def test_a_script_may_have_a_data_function(run_file, tmp_path, monkeypatch):
    text, run = WITH_DATA.replace("main(Config, build)", "main(Config, build, data=data)"), tmp_path / "run"
    assert run_file(text, "--out", run, "--steps", 1)[1] == 0
    source = reopen(run).experiment.source
    expected = np.random.RandomState(8).normal(size=(50, 2)).astype(np.float32)
    np.testing.assert_array_equal(source.arrays["x"], expected)
    manifest = json.loads((run / "manifest.json").read_text())
    assert manifest["data"]["fingerprint"] == source.fingerprint != ""
    assert jaxgan(monkeypatch, "resume", run, "--steps", 2) == 0
    assert jaxgan(monkeypatch, "sample", run, "--out", tmp_path / "a.png") == 0


@pytest.mark.parametrize(
    ("argument", "line"),
    [
        ("", "the script has a function `data`: pass it, by jg.main(Config, build, data=data)"),
        (
            ", data=lambda config: data(config)",
            "jg.main takes as `data` a function of the script that is called `data`, not '<lambda>'",
        ),
        (
            ", data=['--steps', '1']",
            "jg.main takes as `data` a function of the script that is called `data`, not",
        ),
    ],
)
def test_data_that_cannot_be_called_again_is_refused(argument, line, run_file, tmp_path, capsys):
    text = WITH_DATA.replace("main(Config, build)", f"main(Config, build{argument})")
    assert run_file(text, "--out", tmp_path / "run")[1] == 2
    assert last_line(capsys).startswith(f"error: {line}")
    assert not (tmp_path / "run").exists()


def test_data_that_is_not_a_source_is_refused_in_one_line(run_file, tmp_path, capsys):
    text = WITH_DATA.replace("return arrays(", "return (").replace("build)", "build, data)")
    assert run_file(text, "--out", tmp_path / "run")[1] == 2
    assert last_line(capsys) == "error: `data` must return a source of examples, not ndarray"


def test_examples_are_loaded_once_and_never_traced(tmp_path, monkeypatch):
    """However often `build` is called, with numbers or with tracers; it may read them either way."""
    from jaxgan.run import check

    loaded, load = [], check.load
    monkeypatch.setattr(check, "load", lambda *args: loaded.append(load(*args)) or loaded[-1])
    sources = []

    def build(config, source):
        sources.append(source)
        assert np.isfinite(examples(source, 5)).all()
        return TINY.build(config, source)

    module = SimpleNamespace(Config=TINY.Config, build=build)
    assert play(module, "--out", tmp_path / "run", "--over", "lr=1e-3,1e-2", "--steps", 1) == 0
    assert len(loaded) == 1
    assert len(sources) > 3
    assert all(source is loaded[0] for source in sources)


def test_a_config_may_have_paths(run_file, tmp_path):
    text = TEXT.replace("    width: jg.Count", '    where: Path = Path("here")\n    width: jg.Count')
    text = text.replace("import jaxgan", "from pathlib import Path\n\nimport jaxgan", 1)
    run = tmp_path / "run"
    assert run_file(text, "--out", run, "--steps", 1, "--where", "over/there")[1] == 0
    assert reopen(run).config.where == Path("over/there")
    assert run_file(text, "--resume", run, "--steps", 2)[1] == 0


def test_a_config_field_that_json_cannot_express_is_refused(run_file, tmp_path, capsys):
    text = TEXT.replace("    width: jg.Count", "    odd: complex = 1j\n    width: jg.Count")
    assert run_file(text, "--out", tmp_path / "run")[1] == 2
    assert last_line(capsys).startswith("error: the Config holds 1j, which JSON cannot hold")
    assert not (tmp_path / "run").exists()


def test_a_config_field_with_the_name_of_a_common_option_is_refused(run_file, tmp_path, capsys):
    text = TEXT.replace("    width: jg.Count", "    weights: float = 1.0\n    width: jg.Count")
    assert run_file(text, "--out", tmp_path / "run", "--weights", 0.5)[1] == 2
    expected = "error: the Config cannot have a field weights: every script has an option --weights"
    assert last_line(capsys) == expected


def test_a_script_that_trains_when_its_run_is_opened_is_refused(run_file, tmp_path, monkeypatch, capsys):
    text = TEXT.partition("if __name__")[0] + "jg.main(Config, build)\n"
    assert run_file(text, "--out", tmp_path / "run", "--steps", 1)[1] == 0
    capsys.readouterr()
    assert jaxgan(monkeypatch, "sample", tmp_path / "run") == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.endswith(
        'starts training when its run is opened: put `if __name__ == "__main__":` before jg.main'
    )


@pytest.fixture
def ctrl_c():
    """Ctrl-C raises KeyboardInterrupt as in a terminal, even if the tests run in the background."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def interrupted(*_):
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(5)


def test_ctrl_c_while_the_experiment_is_built(ctrl_c, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(TINY, "build", lambda config, source: interrupted())
    assert play(TINY, "--out", tmp_path / "run") == 130
    assert capsys.readouterr().err == "interrupted\n"
    assert not (tmp_path / "run").exists()


def test_ctrl_c_during_a_callback(ctrl_c, tmp_path, monkeypatch, capsys):
    """Python drops exceptions of callbacks, such as those that JAX has in the garbage collector."""

    class Raising:
        def __del__(self):
            raise KeyboardInterrupt

    def build(config, source):
        objects = [Raising()]
        objects.clear()
        time.sleep(5)

    before = sys.unraisablehook
    monkeypatch.setattr(TINY, "build", build)
    assert play(TINY, "--out", tmp_path / "run") == 130
    assert capsys.readouterr().err == "interrupted\n"
    assert sys.unraisablehook is before


MISTAKES = {
    "`build` must return a jg.Experiment, not None": lambda made: None,
    "must return a jg.Experiment, not Game": lambda made: made.game,
    "an experiment needs a Rule where it has a Game: jg.Experiment(rule, source)": lambda made: jg.Experiment(
        made.game, made.rule, made.source
    ),
    "must be its game, jg.Rule(game, init, update), not init": lambda made: made._replace(
        rule=jg.Rule(made.rule.init, made.rule.update, 1)
    ),
    "the experiment has other examples than `build` was given": lambda made: made._replace(
        source=made.source._replace(note="other")
    ),
    "an experiment needs a Source where it has 'ring'": lambda made: made._replace(source="ring"),
    "lists, such as [jg.Hook(100, call)], not health": lambda made: made._replace(hooks=jg.health),
    "health is not a Hook: give one such as": lambda made: made._replace(hooks=[jg.health]),
    "lists, such as [jg.saturated()], not StopRule": lambda made: made._replace(stops=jg.saturated()),
    "saturated is not a StopRule: give one such as": lambda made: made._replace(stops=[jg.saturated]),
    "`best` scores what hooks measure, but the experiment has no hooks": lambda made: made._replace(best=len),
}


@pytest.mark.parametrize("words", MISTAKES)
def test_what_is_not_an_experiment_is_refused_in_one_line(words, tmp_path, capsys):
    module = SimpleNamespace(
        Config=TINY.Config, build=lambda config, source: MISTAKES[words](TINY.build(config, source))
    )
    assert play(module, "--out", tmp_path / "run") == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert words in line
    assert not (tmp_path / "run").exists()


def test_ctrl_c_while_files_are_read_into_memory(ctrl_c, tmp_path, monkeypatch, capsys):
    data, run = picture_folder(tmp_path / "data"), tmp_path / "run"
    monkeypatch.setattr(feed, "_read_all", interrupted)
    assert play(script("files"), "--data", data, "--memory", 512, "--out", run) == 130
    assert last_line(capsys) == "interrupted"
    assert json.loads((run / "manifest.json").read_text())["sessions"][0]["ended"] == "KeyboardInterrupt"


def test_a_terminal_with_ascii_only(tmp_path, monkeypatch):
    import io

    run = tmp_path / "läufe"
    assert play(TINY, "--out", run, "--steps", 1) == 0
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(io.BytesIO(), encoding="ascii"))
    assert jaxgan(monkeypatch, "info", run) == 0
    sys.stdout.flush()
    assert b"l\\xe4ufe" in sys.stdout.buffer.getvalue()


def test_a_full_disk_is_an_error_and_leaves_no_files(tmp_path):
    run = tmp_path / "run"
    run.mkdir()
    (run / ".lock").symlink_to("/dev/full")
    with pytest.raises(Refused, match="cannot write the run folder"), lock_folder(run):
        pass
    (tmp_path / ".g.png").symlink_to("/dev/full")
    with pytest.raises(OSError, match="No space left"):
        png.save(np.zeros((8, 8), np.uint8), tmp_path / "g.png")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["run"]


def test_a_file_system_without_locks_is_refused(tmp_path, monkeypatch):
    def no_locks(lock, how):
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(fcntl, "flock", no_locks)
    with (
        pytest.raises(Refused, match=r"cannot lock the run folder .*: No locks available"),
        lock_folder(tmp_path),
    ):
        pass


def test_an_unreadable_file_is_named_while_a_folder_is_written(tmp_path):
    with (
        pytest.raises(Refused, match=r"cannot write .*/out: .*/lost: No such file"),
        atomic_folder(tmp_path / "out"),
    ):
        (tmp_path / "lost").read_bytes()
    with pytest.raises(Refused, match="out: No such file"), atomic_folder(tmp_path / "out") as partial_folder:
        (partial_folder / "none" / "mine").write_text("mine")
    with (
        pytest.raises(Refused, match=r"cannot access .*: File name too long"),
        atomic_folder(tmp_path / ("a" * 300)),
    ):
        pass
    assert not list(tmp_path.iterdir())


def test_python_and_packages_do_not_count_as_modules_of_a_script_above_them():
    for home in (Path(os.__file__).parents[1], Path(np.__file__).parents[2]):
        assert hashes(Script(home / "train.py", b"")).keys() == {"train.py"}


def test_an_empty_environment_variable_counts_as_unset(monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", "")
    assert cache.home() == Path.home() / ".cache" / "jaxgan"


def test_data_with_a_relative_path_are_found_from_other_folders(tmp_path, monkeypatch):
    (tmp_path / "here").mkdir()
    (tmp_path / "there").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    np.savez("m.npz", x=np.random.RandomState(0).rand(40, 2).astype(np.float32))
    run = tmp_path / "run"
    assert play(TINY, "--data", "m.npz", "--out", run, "--steps", 2) == 0
    monkeypatch.chdir(tmp_path / "there")
    assert reopen(run).config.data == str(tmp_path / "here" / "m.npz")
    assert jaxgan(monkeypatch, "resume", run, "--steps", 4) == 0
