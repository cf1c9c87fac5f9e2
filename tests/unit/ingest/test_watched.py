from dataclasses import dataclass
from datetime import timedelta

from lampkeep_ingest.watched import Drained
from support.ingest_messages import NOW


@dataclass
class Session:
    connected_s: float | None = 0.0
    saturated_s: float = -1e9


def minutes(number: float) -> timedelta:
    return timedelta(minutes=number)


def test_a_lane_without_backlog_is_drained_until_now_and_with_one_until_its_oldest_message() -> None:
    drained = Drained()
    assert drained.look(Session(), oldest_at=None, now=NOW, now_s=10) == NOW
    assert drained.look(Session(), oldest_at=NOW + minutes(1), now=NOW + minutes(2), now_s=130) == NOW + minutes(1)


def test_it_stands_still_without_a_connection_and_just_after_one_was_made() -> None:
    drained = Drained()
    assert drained.look(Session(connected_s=None), oldest_at=None, now=NOW, now_s=0) is None
    assert drained.look(Session(connected_s=5.0), oldest_at=None, now=NOW, now_s=5.9) is None
    assert drained.look(Session(connected_s=5.0), oldest_at=None, now=NOW, now_s=6.0) == NOW


def test_it_stands_still_while_the_broker_holds_messages_back() -> None:
    drained = Drained()
    drained.look(Session(), oldest_at=None, now=NOW, now_s=10)
    assert drained.look(Session(saturated_s=11.5), oldest_at=None, now=NOW + minutes(1), now_s=12) == NOW


def test_it_never_goes_back() -> None:
    drained = Drained()
    drained.look(Session(), oldest_at=None, now=NOW, now_s=10)
    assert drained.look(Session(), oldest_at=NOW - minutes(1), now=NOW, now_s=11) == NOW
