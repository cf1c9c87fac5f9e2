"""Which act is allowed when, and who owns the alert afterwards."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from lampkeep.domain import life_cycle
from lampkeep.domain.life_cycle import Act, NotAllowedError, Transition
from lampkeep.domain.vocabulary import AlertKind, AlertState, Outcome
from support.alerts import A_USER, OPENED, WANG, WEI, an_alert, at, owner_of, seconds

NOW = OPENED + seconds(10)


def test_a_forward_act_implies_the_states_between() -> None:
    moved = life_cycle.on_scene(an_alert(), owner_of(WANG), NOW)
    assert moved.entered == (AlertState.ACKNOWLEDGED, AlertState.ON_THE_WAY, AlertState.ON_SCENE)
    assert moved.alert.owner == owner_of(WANG)
    assert moved.alert.acknowledged_at == NOW


@pytest.mark.parametrize(
    ("act", "lease"),
    [
        (life_cycle.acknowledge, timedelta(minutes=5)),
        (life_cycle.on_the_way, timedelta(minutes=20)),
        (life_cycle.on_scene, timedelta(minutes=60)),
    ],
)
def test_each_state_holds_for_its_lease(act: Callable[..., Transition], lease: timedelta) -> None:
    assert act(an_alert(), A_USER, NOW).alert.lease_until == NOW + lease


def test_a_second_person_who_acknowledges_is_told_who_owns_it() -> None:
    owned = life_cycle.acknowledge(an_alert(), owner_of(WANG), NOW).alert
    with pytest.raises(NotAllowedError) as refused:
        life_cycle.acknowledge(owned, owner_of(WEI), NOW)
    assert refused.value.owner == owner_of(WANG)
    assert Act.ON_THE_WAY in refused.value.allowed


def test_the_owners_own_second_acknowledgement_renews_the_lease() -> None:
    owned = life_cycle.acknowledge(an_alert(), owner_of(WANG), NOW).alert
    again = life_cycle.acknowledge(owned, owner_of(WANG), NOW + seconds(60))
    assert again.entered == ()
    assert again.alert.lease_until == NOW + seconds(360)


def test_another_person_on_the_way_takes_the_alert_over() -> None:
    owned = life_cycle.acknowledge(an_alert(), owner_of(WEI), NOW).alert
    moved = life_cycle.on_the_way(owned, owner_of(WANG), NOW)
    assert moved.alert.owner == owner_of(WANG)
    assert moved.alert.acknowledged_at == NOW


def test_a_user_who_says_that_the_owner_is_there_does_not_take_the_alert_from_the_one_who_went() -> None:
    owned = life_cycle.acknowledge(an_alert(), owner_of(WANG), NOW).alert
    moved = life_cycle.on_scene(owned, A_USER, NOW)
    assert moved.alert.owner == owner_of(WANG)
    assert moved.alert.state is AlertState.ON_SCENE


def test_a_closed_alert_takes_only_notes() -> None:
    closed = life_cycle.resolve(an_alert(), Outcome.HELPED, NOW).alert
    assert life_cycle.allowed(closed) == (Act.NOTE,)
    assert life_cycle.note(closed, NOW).alert == closed
    with pytest.raises(NotAllowedError):
        life_cycle.acknowledge(closed, A_USER, NOW)
    with pytest.raises(NotAllowedError):
        life_cycle.resolve(closed, Outcome.HELPED, NOW)
    for refused in (life_cycle.escalate, life_cycle.confirm_emergency, life_cycle.cancel):
        with pytest.raises(NotAllowedError):
            refused(closed, NOW)


def test_only_a_pre_alarm_can_be_cancelled() -> None:
    with pytest.raises(NotAllowedError, match="only a pre-alarm"):
        life_cycle.cancel(an_alert(), NOW)
    assert life_cycle.cancel(at(an_alert(), state=AlertState.PRE_ALARM), NOW).alert.state is AlertState.CANCELLED


def test_the_line_can_be_confirmed_only_where_it_may_be_called_and_was_not() -> None:
    assert Act.CONFIRM_EMERGENCY in life_cycle.allowed(an_alert(consent=False))
    assert Act.CONFIRM_EMERGENCY not in life_cycle.allowed(an_alert(AlertKind.LOW_BATTERY))
    assert Act.CONFIRM_EMERGENCY not in life_cycle.allowed(an_alert(home_id=None))


def test_a_pre_alarm_has_no_line_to_confirm() -> None:
    early = at(an_alert(consent=False), state=AlertState.PRE_ALARM)
    assert Act.CONFIRM_EMERGENCY not in life_cycle.allowed(early)
    with pytest.raises(NotAllowedError) as refused:
        life_cycle.confirm_emergency(early, NOW)
    assert refused.value.allowed == life_cycle.allowed(early)


def test_a_lease_lapses_only_when_its_time_has_come() -> None:
    owned = life_cycle.acknowledge(an_alert(), A_USER, NOW).alert
    with pytest.raises(ValueError, match="has not run out"):
        life_cycle.lapse(owned, NOW + seconds(299))
    assert life_cycle.lapse(owned, NOW + seconds(300)).alert.owner is None
