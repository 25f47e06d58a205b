"""The script of a run, and the modules of its own that it loads."""

import hashlib
import os
import sys
import sysconfig
from pathlib import Path
from typing import NamedTuple


class Script(NamedTuple):
    """A script as it was when it began to run: an editor may save another one at any time."""

    path: Path
    code: bytes


def read_script(path: Path) -> Script:
    """The script as it is now."""
    return Script(path.absolute(), path.read_bytes())


def hashes(script: Script) -> dict[str, str]:
    """sha256 of the script and of every module it has loaded from its own folder, by relative path."""
    home, files = script.path.parent, set()
    for module in list(sys.modules.values()):
        file = getattr(module, "__file__", None)
        if file and os.path.isabs(file) and not file.startswith(str(home)):
            continue  # sooner than by paths: there are thousands
        if file and Path(file).suffix == ".py" and home in Path(file).absolute().parents:
            files.add(Path(file).absolute())
    # Python, jaxgan itself, and packages wherever they are installed
    apart = {Path(sys.prefix), Path(sysconfig.get_path("stdlib")), Path(__file__).parent.parent}
    packages = {"site-packages", "dist-packages"}
    own = [f for f in files if not apart & set(f.parents) and not packages & set(f.parts) and f.is_file()]
    found = {str(f.relative_to(home)): _sha256(f.read_bytes()) for f in sorted(own)}
    return {**found, script.path.name: _sha256(script.code)}


def _sha256(code: bytes) -> str:
    return hashlib.sha256(code).hexdigest()
