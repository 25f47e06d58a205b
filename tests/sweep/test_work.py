"""When a worker leaves, and when a pack that is killed again and again counts as failed."""

import contextlib
import threading
import time
import traceback
from pathlib import Path

import jax
import pytest
from support import SCRIPTS, ended, jaxgan, start

from jaxgan.folder.lock import lock_folder
from jaxgan.folder.rows import Row, encode
from jaxgan.sweep import claims, work
from jaxgan.sweep.claims import Claim, Outcome, Owner
from jaxgan.sweep.folder import Planned, Progress, progress, reached, read

FAILED = Outcome(how="failed", line="no memory")


def pack(
    name: str, state: str, program: str = "a", step: int = 1, outcomes: tuple[Outcome, ...] = ()
) -> Progress:
    planned = Planned(name=name, program=program, shared={}, values=[{}], seeds=[0])
    claim = Claim(Path(name), 1, Owner(host="elsewhere", process=1, started="1"), None)
    claim = claim if state == "running" else None
    return Progress(planned, state, step, 8, list(outcomes), claim, updated=step > 0 or state == "done")


class Seen:
    """Knows which workers are at work."""

    def __init__(self, *names: str) -> None:
        self._names = names

    def certain(self, claim: Claim) -> bool:
        return claim.path.name in self._names


@pytest.mark.parametrize(
    ("every", "leaves"),
    [
        ([pack("1", "done"), pack("2", "running"), pack("3", "running")], True),
        ([pack("1", "running"), pack("2", "running"), pack("3", "running")], True),
        ([pack("1", "running"), pack("dead", "running")], False),  # which comes free once it is known
        ([pack("1", "running", step=0), pack("2", "waiting", step=0)], False),  # for the first of the program
        ([pack("1", "running"), pack("2", "interrupted")], False),
        ([pack("1", "running"), pack("2", "failed", outcomes=(FAILED,))], False),  # may be tried again
        ([pack("1", "running"), pack("2", "failed", outcomes=(FAILED, FAILED))], True),
        # nobody will begin the others of a program whose first cannot be begun
        (
            [
                pack("1", "running"),
                *(
                    pack(n, s, "b", 0, o)
                    for n, s, o in (("2", "failed", (FAILED,) * 2), ("3", "waiting", ()))
                ),
            ],
            True,
        ),
    ],
)
def test_a_worker_leaves_once_every_pack_that_is_left_has_another(every, leaves):
    assert work.attended(every, 1, {}, Seen("1", "2", "3")) == leaves


def test_others_follow_once_the_first_of_their_program_has_made_an_update():
    """Not only once it has logged one, which in a short run is at its end."""
    first, other = pack("1", "running", step=0), pack("2", "waiting", step=0)
    assert work.claimable([first, other], 1, {}) is None
    assert work.claimable([first._replace(updated=True), other], 1, {}) == other


def test_failures_of_earlier_commands_are_forgiven():
    every = [pack("1", "running"), pack("2", "failed", outcomes=(FAILED, FAILED))]
    assert not work.attended(every, 1, {"2": 2}, Seen("1"))


@pytest.mark.slow
def test_a_worker_with_nothing_to_do_leaves_while_others_train(tmp_path, monkeypatch, capsys):
    home = tmp_path / "s"
    process = start(SCRIPTS / "tiny.py", "--sweep", "seed=0:2", "--steps", 100, "--pause", 0.2, "--out", home)

    def states() -> list[str]:
        return [pack.state for pack in progress(home, read(home))] if (home / "sweep.json").exists() else []

    while not (states() and set(states()) == {"running"}):
        assert process.poll() is None
        time.sleep(0.2)
    assert jaxgan(monkeypatch, "work", home, "--jobs", 2) == 0
    assert set(states()) == {"running"}
    assert jaxgan(monkeypatch, "sweep", "resume", home) == 0  # which waits for the others
    assert set(states()) == {"done"}
    ended(process)


def killed(run: Path, outcomes: list[Outcome]) -> Outcome:
    given = pack("1", "running", outcomes=tuple(outcomes))
    return work._outcome(run, given, -9, run / "log.txt")


def test_a_pack_that_makes_progress_between_kills_is_not_failed(tmp_path):
    """By rows or by checkpoints, whichever are later: a session that is killed writes no step."""
    outcomes: list[Outcome] = []
    for step in (20, 40, 60, 80):  # before the next row
        (tmp_path / "checkpoints" / str(step)).mkdir(parents=True)
        (tmp_path / "checkpoints" / f"{step + 20}.orbax-checkpoint-tmp").mkdir()
        outcomes.append(killed(tmp_path, outcomes))
    for step in (100, 200):  # before the next checkpoint
        (tmp_path / "metrics.jsonl").write_text(encode(Row(step, "train", {"x": 1.0})) + "\n")
        outcomes.append(killed(tmp_path, outcomes))
    assert reached(tmp_path) == 200
    assert [outcome.step for outcome in outcomes] == [20, 40, 60, 80, 100, 200]
    assert {outcome.how for outcome in outcomes} == {"interrupted"}
    outcomes.append(killed(tmp_path, outcomes))
    last = killed(tmp_path, outcomes)
    assert (last.how, last.line) == ("failed", "was killed 3 times at step 200: is there memory enough?")


def test_a_run_that_goes_on_without_its_worker_is_waited_for(tmp_path):
    """A worker may be killed while its run starts: the next finds no lock, is refused, and tries again."""
    log = tmp_path / "log.txt"
    log.write_text(f"error: {tmp_path} is in use by process 7\n")
    mine = claims.claim(tmp_path / "claims", None)
    assert mine is not None
    run = contextlib.ExitStack()
    run.enter_context(lock_folder(tmp_path))
    assert work._outcome(tmp_path, pack("1", "running"), 2, log).how == "interrupted"
    assert not work._free(tmp_path, mine, lambda: True)
    assert [outcome.how for outcome in claims.outcomes(tmp_path / "claims")] == ["interrupted"]

    began = time.monotonic()
    threading.Timer(1.0, run.close).start()
    assert work._free(tmp_path, mine, lambda: False)
    assert time.monotonic() - began >= 1
    assert work._outcome(tmp_path, pack("1", "running"), 2, log).how == "failed"
    assert claims.claim(tmp_path / "claims", mine) is not None  # by another worker, which has it now
    with lock_folder(tmp_path):
        assert not work._free(tmp_path, mine, lambda: False)


def test_the_reason_of_a_failure_is_the_error_not_what_jax_says_of_its_traceback(tmp_path):
    def loss(x):
        raise KeyError("other")

    with pytest.raises(KeyError) as raised:
        jax.jit(loss)(1.0)
    log = tmp_path / "log.txt"
    log.write_text("".join(traceback.format_exception(raised.value)))
    assert "For simplicity, JAX has removed" in log.read_text()
    assert work._outcome(tmp_path, pack("1", "running"), 1, log).line == "KeyError: 'other'"
