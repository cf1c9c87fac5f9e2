"""Which stretches count as unwatched, by what the broker says of our session and of itself."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest

from lampkeep_ingest.unwatched import Gap, Unwatched

NOW = datetime(2026, 11, 22, 4, 0, tzinfo=UTC)
DRAINED = NOW - timedelta(minutes=10)


@dataclass
class Session:
    """A session that was connected two seconds ago."""

    connected_s: float | None = 98.0
    connections: int = 1
    session_kept: bool = True
    broker_since: datetime | None = NOW - timedelta(days=1)


def gap_of(session: Session, *, drained: datetime | None = DRAINED) -> Gap | None:
    unwatched = Unwatched()
    unwatched.until = drained
    return unwatched.look(session, now=NOW, now_s=100.0)


def test_what_a_broker_that_was_there_kept_for_us_was_watched() -> None:
    assert gap_of(Session()) is None


@pytest.mark.parametrize(
    ("session", "reason"),
    [
        (Session(session_kept=False), "session_lost"),
        (Session(broker_since=NOW - timedelta(minutes=5)), "broker_restarted"),
        (Session(broker_since=None), "broker_unknown"),
    ],
)
def test_the_stretch_goes_from_the_last_drained_instant_to_the_new_connection(session: Session, reason: str) -> None:
    ended_at = NOW - timedelta(seconds=2)
    assert gap_of(session) == Gap(began_at=DRAINED, ended_at=ended_at, reason=reason)


def test_uptime_that_is_told_each_10_s_makes_no_restart() -> None:
    assert gap_of(Session(broker_since=DRAINED + timedelta(seconds=10))) is None


def test_where_nobody_ever_watched_there_is_no_gap() -> None:
    assert gap_of(Session(session_kept=False), drained=None) is None


def test_a_blink_is_none() -> None:
    assert gap_of(Session(session_kept=False), drained=NOW - timedelta(seconds=3)) is None


def test_a_connection_is_looked_at_once_and_not_before_it_has_settled() -> None:
    unwatched, session = Unwatched(), Session(session_kept=False, connected_s=99.5)
    unwatched.until = DRAINED
    assert unwatched.look(session, now=NOW, now_s=100.0) is None
    later = NOW + timedelta(seconds=1)
    assert unwatched.look(session, now=later, now_s=101.0) is not None
    assert unwatched.look(session, now=later, now_s=102.0) is None
    session.connections = 2
    assert unwatched.look(session, now=later, now_s=103.0) is not None
