"""A run killed at any moment, a save in progress included, goes on as if nothing had happened."""

import random
import time

import pytest
from support import SCRIPTS, ended, final, rows, same, start

TINY = SCRIPTS / "tiny.py"
HEAVY = ("--ballast", 3_000_000, "--save-every", 3, "--log-every", 1)  # 12 MB: a save takes a while


def killed(process, run, chance):
    """Kills a process after its first new checkpoint: at once in the middle of a save, or at some moment.

    False if it came to its end before.
    """
    saves = run / "checkpoints"
    before = set(saves.iterdir()) if saves.exists() else set()
    while process.poll() is None and not (saves.exists() and set(saves.iterdir()) - before):
        time.sleep(0.001)
    if chance.random() < 0.5:
        while process.poll() is None and not any("tmp" in path.name for path in saves.iterdir()):
            time.sleep(0.0005)
        time.sleep(chance.uniform(0.0, 0.02))
    else:
        time.sleep(chance.uniform(0.0, 0.5))
    process.kill()
    process.communicate()
    return process.returncode == -9


def survives(tmp_path, kills, length):
    chance = random.Random(kills)
    options = (*HEAVY, "--steps", length)
    whole, run = tmp_path / "whole", tmp_path / "run"
    at_once = start(TINY, "--out", whole, *options)
    assert killed(start(TINY, "--out", run, *options), run, chance)
    for _ in range(kills - 1):
        assert killed(start(TINY, "--resume", run), run, chance), "the run was over too soon: make it longer"
    ended(start(TINY, "--resume", run))
    ended(at_once)
    same(final(whole), final(run))
    assert rows(run) == rows(whole)


def test_three_kills(tmp_path):
    survives(tmp_path, 3, 60)


@pytest.mark.slow
def test_twenty_kills(tmp_path):
    survives(tmp_path, 20, 300)
