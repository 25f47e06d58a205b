"""The package as it is installed: a wheel, in an environment with nothing else."""

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

HOME = Path(__file__).parent.parent


def run(*command: object, **more: object) -> str:
    ended = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False, **more)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout + ended.stderr


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_a_wheel_trains_a_copied_script(tmp_path):
    run(sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "-w", tmp_path, HOME)
    [wheel] = tmp_path.glob("jaxgan-*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    assert {"jaxgan/py.typed", "jaxgan/__init__.pyi"} < set(names)
    assert any(name.endswith("licenses/LICENSE") for name in names)
    assert not [name for name in names if name.startswith(("tests", "experiments", "benchmarks"))]

    run(sys.executable, "-m", "venv", tmp_path / "venv")
    python = tmp_path / "venv" / "bin" / "python"
    run(python, "-m", "pip", "install", "-q", "-c", HOME / "constraints.txt", wheel)
    shutil.copy(HOME / "experiments" / "digits.py", tmp_path / "mine.py")
    options = ("--steps", 2, "--sample-every", 1, "--out", tmp_path / "run")
    said = run(python, tmp_path / "mine.py", *options, cwd=tmp_path)
    assert "finished at step 2" in said
    assert (tmp_path / "run" / "samples" / "step_000002.png").exists()
    assert "finished" in run(python.with_name("jaxgan"), "info", tmp_path / "run")
