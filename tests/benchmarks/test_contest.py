"""A contestant's process takes its turns, and reports failures."""

import time
from contextlib import closing

import pytest

from benchmarks.contest import Failed, Row, Seat, in_process
from benchmarks.works import work


def test_a_contestant_takes_turns_in_a_process_of_its_own():
    with closing(Seat(Row(work("W4")._replace(batch=8)), "ours")) as seat:
        assert seat.facts["parameters"] == [17154, 17025]
        assert seat.facts["flops"] > 0
        assert seat.turn(0.1) > 0
        idle = seat.idle_cpu_s
        time.sleep(2.0)
        assert seat.turn(0.1) > 0
        assert seat.idle_cpu_s - idle < 0.5  # it waits without spinning
        assert seat.ask("memory")["peak_rss"] > seat.facts["import_rss"] > 10**6


def test_a_failing_contestant_reports_its_error():
    with pytest.raises(Failed, match="Refused: the size of a latent must be an integer of 1 or more, not -1"):
        Seat(Row(work("W4")._replace(latent=-1)), "ours")


def test_a_process_that_dies_is_noticed():
    with pytest.raises(Exception, match="terminated abruptly"):
        in_process(exit_at_once)


def exit_at_once() -> None:
    """Ends the process as a crash would."""
    import os

    os._exit(3)
