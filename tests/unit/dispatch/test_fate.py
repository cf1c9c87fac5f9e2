"""What is still done with a notification, by the alert as it is now; how long it waits; what its link is."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lampkeep.contracts.notifications import ToldAlert
from lampkeep.domain.vocabulary import AlertKind, AlertState, Priority
from lampkeep.registry.rows import Channel
from lampkeep_dispatch.links import Links
from lampkeep_dispatch.outbox.backoff import LONGEST, LONGEST_URGENT, backoff
from lampkeep_dispatch.outbox.parcels import ASKED_WHILE_OWNED, Drop, Fail, Parcel, Send, Wait, fate

NOW = datetime(2026, 11, 22, 2, 0, tzinfo=UTC)


def parcel(state: AlertState = AlertState.OPEN, **changes: Any) -> Parcel:
    alert = ToldAlert(
        alert_id="a",
        kind=AlertKind.SOS,
        priority=Priority.LIFE,
        state=state,
        opened_at=NOW,
        pressed_at=NOW,
        home_id="h",
        area_id="g",
    )
    whole = Parcel(
        notification_id=UUID(int=1),
        alert_id="a",
        reason="step",
        role="grid_worker",
        round=1,
        step=1,
        responder_id="wang",
        device_id=None,
        text_key="step",
        detail={},
        urgent=True,
        created_at=NOW,
        give_up_at=None,
        claim=1,
        attempt_count=0,
        delivered_before=False,
        deliver_within_s=5,
        alert=alert,
        channels=((0, Channel(kind="webhook", url="http://x")),),
        zone=ZoneInfo("Asia/Shanghai"),
        address=None,
        location=None,
        residents=(),
        line_reference=None,
        asking=False,
        in_flight=False,
        good_until=0,
    )
    return replace(whole, **changes)


OWNED = (AlertState.ACKNOWLEDGED, AlertState.ON_THE_WAY, AlertState.ON_SCENE)
CLOSED = (AlertState.RESOLVED, AlertState.CANCELLED)


@pytest.mark.parametrize("reason", ["step", "repeat"])
@pytest.mark.parametrize("state", [*OWNED, *CLOSED])
def test_steps_and_repeats_end_with_the_acknowledgement(reason: str, state: AlertState) -> None:
    assert isinstance(fate(parcel(state, reason=reason), NOW), Drop)
    assert isinstance(fate(parcel(AlertState.OPEN, reason=reason), NOW), Send)


@pytest.mark.parametrize("reason", ["stand_down", "update"])
@pytest.mark.parametrize("state", [*OWNED, *CLOSED])
def test_stand_downs_and_updates_go_out_in_any_state(reason: str, state: AlertState) -> None:
    assert isinstance(fate(parcel(state, reason=reason), NOW), Send)


def test_nobody_is_stood_down_once_help_is_needed_again_or_they_were_asked_since() -> None:
    assert isinstance(fate(parcel(AlertState.OPEN, reason="stand_down"), NOW), Drop)
    assert isinstance(fate(parcel(AlertState.ACKNOWLEDGED, reason="stand_down", superseded=True), NOW), Drop)


def test_what_an_operator_asked_for_while_it_was_owned_goes_out_until_it_is_closed() -> None:
    asked = {ASKED_WHILE_OWNED: True}
    assert isinstance(fate(parcel(AlertState.ON_THE_WAY, detail=asked), NOW), Send)
    assert isinstance(fate(parcel(AlertState.RESOLVED, detail=asked), NOW), Drop)


def test_a_question_that_nobody_asks_any_more_is_dropped() -> None:
    assert isinstance(fate(parcel(reason="confirm", asking=False), NOW), Drop)
    assert isinstance(fate(parcel(reason="confirm", asking=True), NOW), Send)


def test_a_line_that_has_accepted_is_not_called_by_another_notification() -> None:
    assert isinstance(fate(parcel(role="emergency_line", line_reference="r"), NOW), Drop)
    assert isinstance(fate(parcel(role="family", line_reference="r"), NOW), Send)


def test_after_its_time_and_without_a_channel_it_fails() -> None:
    assert isinstance(fate(parcel(reason="update", give_up_at=NOW), NOW), Fail)
    assert isinstance(fate(parcel(channels=()), NOW), Fail)
    assert isinstance(fate(parcel(channels=(), device_id="d", responder_id=None, reason="progress"), NOW), Send)


def test_a_stand_down_waits_for_what_is_under_way() -> None:
    assert isinstance(fate(parcel(AlertState.ACKNOWLEDGED, reason="stand_down", in_flight=True), NOW), Wait)


@given(rounds=st.integers(1, 10_000), urgent=st.booleans(), jitter=st.floats(0, 1))
def test_a_pause_is_never_nothing_and_never_too_long(rounds: int, urgent: bool, jitter: float) -> None:
    pause = backoff(rounds, urgent=urgent, jitter=jitter)
    assert timedelta(milliseconds=250) <= pause <= (LONGEST_URGENT if urgent else LONGEST)


def test_pauses_grow_and_heed_what_the_peer_asked_for() -> None:
    pauses = [backoff(rounds, urgent=True, jitter=1) for rounds in range(1, 7)]
    assert [pause.total_seconds() for pause in pauses] == [0.5, 1, 2, 4, 8, 10]
    assert backoff(1, urgent=True, jitter=0, patience=timedelta(seconds=20)) == timedelta(seconds=20)


def test_a_link_is_one_for_each_alert_and_responder_and_cannot_be_guessed() -> None:
    links = Links(b"k" * 32, "http://lamp.test")
    assert links.url("a", "wang") == links.url("a", "wang")
    tokens = {links.token("a", "wang"), links.token("a", "wei"), links.token("b", "wang")}
    assert len(tokens) == 3
    assert Links(b"j" * 32, "http://lamp.test").token("a", "wang") not in tokens
    assert len(links.sha256("a", "wang")) == 32


def test_a_state_that_a_later_one_has_overtaken_is_not_told() -> None:
    told = parcel(reason="progress", responder_id=None, device_id="pendant-001", channels=(), superseded=True)
    assert isinstance(fate(told, NOW), Drop)
    assert isinstance(fate(replace(told, superseded=False), NOW), Send)
