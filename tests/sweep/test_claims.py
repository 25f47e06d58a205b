"""Claims: one worker gets a pack, one that died is followed by another, and no clock decides it."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import msgspec

from jaxgan.sweep import claims
from jaxgan.sweep.claims import Outcome, Owner, Watch, beat, claim, end, newest, outcomes


def test_of_many_workers_one_gets_the_pack(tmp_path):
    with ThreadPoolExecutor(16) as pool:
        mine = list(pool.map(lambda _: claim(tmp_path / "pack", None), range(64)))
    assert sum(got is not None for got in mine) == 1
    assert newest(tmp_path / "pack").number == 1


def test_a_claim_ends_with_an_outcome_and_another_follows(tmp_path):
    first = claim(tmp_path, None)
    end(first, Outcome(how="interrupted", step=3))
    seen = newest(tmp_path)
    assert seen.outcome == Outcome(how="interrupted", step=3)
    second = claim(tmp_path, seen)
    assert second.number == 2
    assert newest(tmp_path).outcome is None
    assert not beat(first)
    assert beat(second)
    assert outcomes(tmp_path) == [Outcome(how="interrupted", step=3)]


def test_a_process_of_this_machine_that_is_gone_is_known_at_once(tmp_path):
    code = (
        "import sys, pathlib; from jaxgan.sweep.claims import claim; claim(pathlib.Path(sys.argv[1]), None)"
    )
    subprocess.run([sys.executable, "-c", code, tmp_path], check=True)
    assert not Watch().alive(newest(tmp_path))
    assert not Watch().certain(newest(tmp_path))
    mine = claim(tmp_path, newest(tmp_path))
    assert Watch().alive(mine)
    assert Watch().certain(mine)


def test_the_claim_of_another_machine_is_alive_while_its_file_changes(tmp_path, monkeypatch):
    now = [100.0]
    monkeypatch.setattr(claims.time, "monotonic", lambda: now[0])
    (tmp_path / "1").write_bytes(msgspec.json.encode(Owner(host="elsewhere", process=1, started="1")))
    watch, path = Watch(silence=30), tmp_path / "1"
    for stamp in (0, 2_000_000_000, 5):  # long ago, in the future, and back
        os.utime(path, (stamp, stamp))
        assert watch.alive(newest(tmp_path))
        assert watch.certain(newest(tmp_path)) == (stamp != 0)  # not by a single look: it may be an old claim
        now[0] += 29
        assert watch.alive(newest(tmp_path))
    now[0] += 2
    assert not watch.alive(newest(tmp_path))
    assert not watch.certain(newest(tmp_path))


def test_a_claim_that_was_cut_off_while_it_was_written_is_waited_for_and_then_followed(tmp_path, monkeypatch):
    now = [0.0]
    monkeypatch.setattr(claims.time, "monotonic", lambda: now[0])
    (tmp_path / "1").touch()
    watch = Watch(silence=30)
    assert watch.alive(newest(tmp_path))
    now[0] = 31.0
    assert not watch.alive(newest(tmp_path))


def test_what_has_the_same_name_is_another_machine_after_a_restart_or_in_another_container(
    tmp_path, monkeypatch
):
    """The number of a process says nothing there: only a file that does not change any more does."""
    now = [0.0]
    monkeypatch.setattr(claims.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(claims, "_host", lambda: f"{claims.socket.gethostname()} 1 pid:[2]")
    claim(tmp_path, None)
    monkeypatch.setattr(claims, "_host", lambda: f"{claims.socket.gethostname()} 1 pid:[3]")
    monkeypatch.setattr(claims, "_started", lambda process: "")  # there is none of this number
    watch = Watch(silence=30)
    assert watch.alive(newest(tmp_path))
    now[0] = 31.0
    assert not watch.alive(newest(tmp_path))


def test_where_it_cannot_be_told_when_a_process_started_its_claim_is_watched(tmp_path, monkeypatch):
    now = [0.0]
    monkeypatch.setattr(claims.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(claims, "_started", lambda process: "")
    claim(tmp_path, None)
    watch = Watch(silence=30)
    assert watch.alive(newest(tmp_path))
    now[0] = 31.0
    assert not watch.alive(newest(tmp_path))


def test_a_process_of_the_same_number_that_started_later_is_another(tmp_path):
    mine = claims._this_process()
    (tmp_path / "1").write_bytes(msgspec.json.encode(msgspec.structs.replace(mine, started="1")))
    assert not Watch().alive(newest(tmp_path))
