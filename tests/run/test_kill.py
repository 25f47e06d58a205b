"""A run killed at any moment, even during a save, resumes to the same state and rows."""

import random
import time

import pytest
from support import SCRIPTS, ended, final, rows, same, start

TINY = SCRIPTS / "tiny.py"
HEAVY = ("--ballast", 3_000_000, "--save-every", 3, "--log-every", 1)  # 12 MB: a save takes a while


def kill(process, run, rng):
    """Kills a process after its first new checkpoint, during a save or at a random moment.

    Returns False if it ended before.
    """
    saves = run / "checkpoints"
    before = set(saves.iterdir()) if saves.exists() else set()
    while process.poll() is None and not (saves.exists() and set(saves.iterdir()) - before):
        time.sleep(0.001)
    if rng.random() < 0.5:
        while process.poll() is None and not any("tmp" in path.name for path in saves.iterdir()):
            time.sleep(0.0005)
        time.sleep(rng.uniform(0.0, 0.02))
    else:
        time.sleep(rng.uniform(0.0, 0.5))
    process.kill()
    process.communicate()
    return process.returncode == -9


def check_kills(tmp_path, kills, length):
    rng = random.Random(kills)
    options = (*HEAVY, "--steps", length)
    undisturbed, run = tmp_path / "undisturbed", tmp_path / "run"
    reference = start(TINY, "--out", undisturbed, *options)
    assert kill(start(TINY, "--out", run, *options), run, rng)
    for _ in range(kills - 1):
        assert kill(start(TINY, "--resume", run), run, rng), "the run was over too soon: make it longer"
    ended(start(TINY, "--resume", run))
    ended(reference)
    same(final(undisturbed), final(run))
    assert rows(run) == rows(undisturbed)


def test_three_kills(tmp_path):
    check_kills(tmp_path, 3, 60)


@pytest.mark.slow
def test_twenty_kills(tmp_path):
    check_kills(tmp_path, 20, 300)
