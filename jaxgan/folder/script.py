"""The script of a run, and the modules that it loads from its folder."""

import hashlib
import os
import sys
import sysconfig
from pathlib import Path
from typing import NamedTuple


class Script(NamedTuple):
    """A script as it was when it was started: it may be edited at any time."""

    path: Path
    code: bytes


def read_script(path: Path) -> Script:
    """Reads a script."""
    return Script(path.absolute(), path.read_bytes())


def hashes(script: Script) -> dict[str, str]:
    """Returns the sha256 of the script and of each module loaded from its folder, by relative path."""
    home, files = script.path.parent, set()
    for module in list(sys.modules.values()):
        file = getattr(module, "__file__", None)
        if file and os.path.isabs(file) and not file.startswith(str(home)):
            continue  # cheaper than comparing paths, for thousands of modules
        if file and Path(file).suffix == ".py" and home in Path(file).absolute().parents:
            files.add(Path(file).absolute())
    # not Python, jaxgan itself, nor packages wherever they are installed
    excluded = {Path(sys.prefix), Path(sysconfig.get_path("stdlib")), Path(__file__).parent.parent}
    packages = {"site-packages", "dist-packages"}
    loaded = [
        f for f in files if not excluded & set(f.parents) and not packages & set(f.parts) and f.is_file()
    ]
    modules = {str(f.relative_to(home)): _sha256(f.read_bytes()) for f in sorted(loaded)}
    return {**modules, script.path.name: _sha256(script.code)}


def _sha256(code: bytes) -> str:
    return hashlib.sha256(code).hexdigest()
