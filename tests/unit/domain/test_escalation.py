"""Escalation on a timeline: who is told at which second after the press."""

from dataclasses import replace
from datetime import timedelta
from typing import TypeGuard

from lampkeep.domain import life_cycle
from lampkeep.domain.alert import Alert
from lampkeep.domain.effects import (
    AskedAgain,
    AskedToConfirm,
    Effect,
    LeaseLapsed,
    ResidentTold,
    RoundStarted,
    StepSkipped,
    StepStarted,
    StepWaits,
    StoodDown,
    Told,
)
from lampkeep.domain.escalation import cause_joined, next_due_at, react, step_failed, tick
from lampkeep.domain.life_cycle import Act
from lampkeep.domain.policy import DUTY_ROOM_ONLY, TECHNICAL, Policy, choose
from lampkeep.domain.vocabulary import AlertKind, AlertState, Outcome, Role
from support.alerts import A_USER, LINE, OPENED, OPS, SUP, WANG, WEI, Crew, an_alert, owner_of, person, seconds, step


class Story:
    """An alert that is looked at whenever it asks to be, with all effects on one timeline of seconds."""

    def __init__(self, alert: Alert, crew: Crew | None = None) -> None:
        self.alert = alert
        self.crew = crew or Crew()
        self.told: list[tuple[float, Effect]] = []
        self.until(0)

    def until(self, second: float) -> "Story":
        end = OPENED + seconds(second)
        for _ in range(10_000):
            due = next_due_at(self.alert)
            if due is None or due > end:
                break
            now = max(due, self.now)
            self._do(now, *tick(self.alert, now, self.crew))
        self.now = end
        self._do(end, *tick(self.alert, end, self.crew))
        return self

    now = OPENED

    def _do(self, now: object, alert: Alert, effects: tuple[Effect, ...]) -> None:
        self.alert = alert
        self.told += [((now - OPENED).total_seconds(), effect) for effect in effects]  # type: ignore[operator]

    def act(
        self, act: Act, transition: life_cycle.Transition, *, by_operator: bool = False, reason: bool = False
    ) -> None:
        decision = react(
            transition.alert,
            act,
            entered=transition.entered,
            by_operator=by_operator,
            has_reason=reason,
            now=self.now,
            people=self.crew,
        )
        self._do(self.now, *decision)

    def fail(self, number: int) -> None:
        decision = step_failed(
            self.alert, round_=self.alert.progress.round, step=number, now=self.now, people=self.crew
        )
        self._do(self.now, *decision)

    def of(self, kind: type[Effect]) -> list[tuple[float, Effect]]:
        return [(second, effect) for second, effect in self.told if isinstance(effect, kind)]

    def starts(self) -> list[tuple[float, int, int, list[str]]]:
        return [
            (second, effect.round, effect.step, [one.responder_id for one in effect.people])
            for second, effect in self.told
            if isinstance(effect, StepStarted)
        ]


def test_an_unanswered_sos_climbs_to_worker_family_and_line_at_their_instants() -> None:
    story = Story(an_alert()).until(130)
    assert story.starts() == [(0, 1, 1, ["wang"]), (60, 1, 2, ["wei"]), (120, 1, 3, ["line"])]


def test_people_of_a_started_step_are_asked_again_until_the_round_ends() -> None:
    story = Story(an_alert()).until(119)
    repeats = [(second, e.step) for second, e in story.told if isinstance(e, AskedAgain)]
    assert repeats == [(30, 1), (60, 1), (90, 1), (90, 2)]


def test_when_no_step_is_left_the_duty_room_learns_it_and_a_round_starts_after_five_minutes() -> None:
    story = Story(an_alert()).until(425)
    [(second, told)] = story.of(Told)
    assert second == 120
    assert isinstance(told, Told)
    assert (told.text_key, {one.responder_id for one in told.people}) == ("no_step_left", {"ops", "sup"})
    assert [(second, e.round) for second, e in story.told if isinstance(e, RoundStarted)] == [(420, 2)]
    assert story.starts()[-1] == (420, 2, 1, ["wang"])


def test_a_welfare_alert_starts_no_second_round() -> None:
    policy = Policy(policy_id="p", steps=(step(Role.GRID_WORKER, after=0),))
    story = Story(an_alert(AlertKind.INACTIVITY, policy=policy)).until(3600)
    assert len(story.starts()) == 1
    assert next_due_at(story.alert) is None


def test_an_accepted_line_is_told_again_and_not_called_anew_in_the_next_round() -> None:
    story = Story(an_alert()).until(121)
    story.alert = _with_reference(story.alert)
    story.until(420 + 121)
    assert [s for s in story.starts() if s[3] == ["line"]] == [(120, 1, 3, ["line"])]
    again = [second for second, e in story.told if isinstance(e, Told) and e.reason == "again"]
    assert again == [540]


def _with_reference(alert: Alert) -> Alert:
    return replace(alert, progress=replace(alert.progress, line_reference="120-7"))


def test_a_dispatcher_that_was_down_starts_what_is_overdue_at_once_in_order() -> None:
    alert, effects = tick(an_alert(), OPENED + seconds(300), Crew())
    starts = [(e.step, e.due_at - OPENED) for e in effects if isinstance(e, StepStarted)]
    assert starts == [(1, seconds(0)), (2, seconds(60)), (3, seconds(120))]
    assert tick(alert, OPENED + seconds(300), Crew()) == (alert, ())


def test_a_line_step_overdue_by_more_than_a_quarter_asks_first_and_goes_ahead_after_two_minutes() -> None:
    late = 120 + 15 * 60 + 1
    alert, effects = tick(an_alert(), OPENED + seconds(late), Crew())
    assert any(isinstance(e, StepWaits) and e.reason == "overdue" for e in effects)
    assert not any(isinstance(e, StepStarted) and e.people == (LINE,) for e in effects)
    _, effects = tick(alert, OPENED + seconds(late + 120), Crew())
    assert any(isinstance(e, StepStarted) and e.people == (LINE,) for e in effects)


def test_a_step_with_nobody_hands_over_at_once_and_later_steps_move_forward_by_as_much() -> None:
    story = Story(an_alert(), Crew().without("wang")).until(130)
    assert [e.reason for _, e in story.told if isinstance(e, StepSkipped)] == ["nobody_to_reach"]
    assert story.starts() == [(0, 1, 2, ["wei"]), (60, 1, 3, ["line"])]


def test_a_person_without_a_channel_counts_as_nobody() -> None:
    crew = Crew(people=[person("wang", Role.GRID_WORKER, reachable=False), WEI, LINE])
    assert Story(an_alert(), crew).starts() == [(0, 1, 2, ["wei"])]


def test_a_failed_step_hands_over_once() -> None:
    story = Story(an_alert()).until(10)
    story.fail(1)
    story.fail(1)
    assert story.starts() == [(0, 1, 1, ["wang"]), (10, 1, 2, ["wei"])]
    story.until(71)
    assert story.starts()[-1] == (70, 1, 3, ["line"])


def test_a_failure_of_a_step_that_others_have_followed_changes_nothing() -> None:
    story = Story(an_alert()).until(61)
    before = len(story.told)
    story.fail(1)
    assert len(story.told) == before


def test_the_line_is_brought_forward_for_life_alone() -> None:
    welfare = Story(an_alert(AlertKind.INACTIVITY), Crew().without("wang", "wei")).until(1)
    assert not welfare.of(StepWaits)
    welfare.until(121)
    assert [second for second, _ in welfare.of(StepWaits)] == [120]
    life = Story(an_alert(), Crew().without("wang", "wei"))
    assert life.starts() == [(0, 1, 3, ["line"])]


def test_an_acknowledgement_stops_the_steps_that_have_not_started_and_stands_the_others_down() -> None:
    story = Story(an_alert()).until(65)
    story.act(Act.ACKNOWLEDGE, life_cycle.acknowledge(story.alert, owner_of(WANG), story.now))
    story.until(300)
    assert [second for second, _ in story.of(StoodDown)] == [65]
    assert [s[2] for s in story.starts()] == [1, 2]
    assert [e.state for _, e in story.told if isinstance(e, ResidentTold)] == [AlertState.ACKNOWLEDGED]


def test_family_and_operators_stand_nobody_down_until_somebody_is_on_the_way() -> None:
    for taker in (owner_of(WEI), A_USER):
        story = Story(an_alert()).until(65)
        story.act(Act.ACKNOWLEDGE, life_cycle.acknowledge(story.alert, taker, story.now))
        assert not story.of(StoodDown)
        story.act(Act.ON_THE_WAY, life_cycle.on_the_way(story.alert, taker, story.now))
        assert [e for _, e in story.of(StoodDown)] == [StoodDown(line_too=False)]
        story.act(Act.ON_SCENE, life_cycle.on_scene(story.alert, taker, story.now))
        assert len(story.of(StoodDown)) == 1


def test_the_line_is_stood_down_only_by_an_operators_act_with_a_reason() -> None:
    for by_operator, reason, expected in ((True, True, True), (True, False, False), (False, True, False)):
        story = Story(an_alert()).until(125)
        closed = life_cycle.resolve(story.alert, Outcome.FALSE_ALARM, story.now)
        story.act(Act.RESOLVE, closed, by_operator=by_operator, reason=reason)
        assert [e for _, e in story.of(StoodDown)] == [StoodDown(line_too=expected)]


def test_a_lapsed_lease_opens_the_alert_and_starts_the_next_step_at_once_the_others_keep_their_distance() -> None:
    story = Story(an_alert()).until(10)
    story.act(Act.ACKNOWLEDGE, life_cycle.acknowledge(story.alert, owner_of(WANG), story.now))
    story.until(311)
    assert [(second, e.owner_id) for second, e in story.told if isinstance(e, LeaseLapsed)] == [(310, "wang")]
    assert story.alert.state is AlertState.OPEN
    assert story.alert.owner is None
    assert story.starts()[1:] == [(310, 1, 2, ["wei"])]
    story.until(371)
    assert story.starts()[2:] == [(370, 1, 3, ["line"])]


def test_a_note_renews_the_lease() -> None:
    story = Story(an_alert()).until(10)
    story.act(Act.ACKNOWLEDGE, life_cycle.acknowledge(story.alert, owner_of(WANG), story.now))
    story.until(200)
    story.act(Act.NOTE, life_cycle.note(story.alert, story.now))
    story.until(499)
    assert not story.of(LeaseLapsed)
    assert len(story.until(501).of(LeaseLapsed)) == 1


def test_a_lease_that_lapses_with_no_step_left_begins_a_new_round_at_once() -> None:
    story = Story(an_alert()).until(125)
    story.act(Act.ACKNOWLEDGE, life_cycle.acknowledge(story.alert, owner_of(WEI), story.now))
    story.until(426)
    assert [(second, e.reason) for second, e in story.told if isinstance(e, RoundStarted)] == [(425, "lease_lapsed")]


def test_without_consent_operators_are_asked_every_half_minute_and_supervisors_after_one() -> None:
    story = Story(an_alert(consent=False)).until(200)
    asked = [(second, [p.responder_id for p in e.people]) for second, e in story.told if isinstance(e, AskedToConfirm)]
    assert asked == [(120, ["ops"]), (150, ["ops"]), (180, ["ops", "sup"])]
    assert [s[2] for s in story.starts()] == [1, 2]


def test_asking_for_consent_never_ends_silently() -> None:
    story = Story(an_alert(consent=False)).until(24 * 3600)
    asked = [second for second, e in story.told if isinstance(e, AskedToConfirm)]
    assert asked[-1] > 24 * 3600 - 31
    assert not any(s[3] == ["line"] for s in story.starts())


def test_a_confirmation_calls_the_line_at_once_even_when_an_operator_owns_the_alert() -> None:
    story = Story(an_alert(consent=False)).until(125)
    story.act(Act.ACKNOWLEDGE, life_cycle.acknowledge(story.alert, A_USER, story.now))
    story.act(Act.CONFIRM_EMERGENCY, life_cycle.confirm_emergency(story.alert, story.now), by_operator=True)
    assert story.starts()[-1] == (125, 1, 3, ["line"])
    assert not [second for second, _ in story.until(300).of(AskedToConfirm) if second > 125]


def test_a_confirmation_before_its_step_calls_the_line_and_leaves_the_others_their_instants() -> None:
    story = Story(an_alert(consent=False)).until(20)
    story.act(Act.CONFIRM_EMERGENCY, life_cycle.confirm_emergency(story.alert, story.now), by_operator=True)
    story.until(200)
    assert story.starts() == [(0, 1, 1, ["wang"]), (20, 1, 3, ["line"]), (60, 1, 2, ["wei"])]
    assert not story.of(AskedToConfirm)


def test_welfare_asks_first_even_with_consent_and_goes_ahead_after_two_minutes() -> None:
    story = Story(an_alert(AlertKind.INACTIVITY)).until(300)
    assert [second for second, _ in story.of(StepWaits)] == [120]
    assert story.starts()[-1] == (240, 1, 3, ["line"])


def test_welfare_without_consent_never_goes_ahead_by_itself() -> None:
    story = Story(an_alert(AlertKind.INACTIVITY, consent=False)).until(3600)
    assert not any(s[3] == ["line"] for s in story.starts())


def test_technical_alerts_never_reach_the_line() -> None:
    story = Story(an_alert(AlertKind.LOW_BATTERY)).until(24 * 3600)
    assert not any(LINE in e.people for _, e in story.told if isinstance(e, StepStarted))
    assert any(isinstance(e, StepSkipped) and e.reason == "line_not_for_this_alert" for _, e in story.told)


def test_an_alert_without_a_home_goes_to_the_duty_room_at_once_and_each_minute() -> None:
    story = Story(an_alert(home_id=None, policy=DUTY_ROOM_ONLY)).until(125)
    assert story.starts() == [(0, 1, 1, ["ops", "sup"])]
    assert [second for second, _ in story.of(AskedAgain)] == [60, 120]


def test_an_alert_without_a_home_and_an_empty_duty_room_is_tried_again_each_minute() -> None:
    story = Story(an_alert(home_id=None, policy=DUTY_ROOM_ONLY), Crew(people=[])).until(130)
    assert [second for second, _ in story.of(RoundStarted)] == [60, 120]


def test_a_life_alert_without_anybody_keeps_a_next_deadline() -> None:
    story = Story(an_alert(), Crew(people=[])).until(10_000)
    assert next_due_at(story.alert) is not None


def test_technical_alerts_wait_for_the_hours_of_their_policy() -> None:
    night = OPENED.replace(hour=15)  # 23:00 in Shanghai
    alert = an_alert(AlertKind.LOW_BATTERY, policy=TECHNICAL, opened_at=night)
    assert next_due_at(alert) == night + timedelta(hours=9)
    alert, effects = tick(alert, night + timedelta(hours=9), Crew())
    [started] = [e for e in effects if isinstance(e, StepStarted)]
    assert {one.responder_id for one in started.people} == {"wang", "ops", "sup"}
    assert next_due_at(alert) is None


def test_a_further_cause_is_told_to_owner_and_duty_room_and_starts_nothing_while_owned() -> None:
    story = Story(an_alert()).until(125)
    story.act(Act.ACKNOWLEDGE, life_cycle.acknowledge(story.alert, owner_of(WANG), story.now))
    alert, effects = cause_joined(story.alert, story.now, story.crew)
    [told] = [e for e in effects if isinstance(e, Told)]
    assert (told.reason, {one.responder_id for one in told.people}) == ("again", {"wang", "ops", "sup"})
    assert not any(isinstance(e, RoundStarted) for e in effects)
    assert alert.occurrence_count == 2


def test_a_new_cause_starts_a_round_when_no_step_is_left_or_the_last_cause_is_old() -> None:
    spent = Story(an_alert()).until(125)
    _, effects = cause_joined(spent.alert, spent.now, spent.crew)
    assert any(isinstance(e, RoundStarted) and e.reason == "new_cause" for e in effects)
    fresh = Story(an_alert()).until(30)
    _, effects = cause_joined(fresh.alert, fresh.now, fresh.crew)
    assert not any(isinstance(e, RoundStarted) for e in effects)
    slow = Policy(policy_id="slow", steps=(step(Role.GRID_WORKER, after=0), step(Role.FAMILY, after=3600)))
    old = Story(an_alert(policy=slow)).until(601)
    _, effects = cause_joined(old.alert, old.now, old.crew)
    assert any(isinstance(e, RoundStarted) for e in effects)


def test_escalate_starts_the_next_step_now_even_when_somebody_owns_the_alert_and_stands_nobody_down() -> None:
    story = Story(an_alert()).until(5)
    story.act(Act.ACKNOWLEDGE, life_cycle.acknowledge(story.alert, owner_of(WANG), story.now))
    before = len(story.of(StoodDown))
    story.act(Act.ESCALATE, life_cycle.escalate(story.alert, story.now), by_operator=True)
    assert story.starts()[-1] == (5, 1, 2, ["wei"])
    assert len(story.of(StoodDown)) == before
    story.until(200)
    assert [s[2] for s in story.starts()] == [1, 2]


def test_a_closed_alert_owes_nothing() -> None:
    story = Story(an_alert()).until(5)
    story.act(Act.RESOLVE, life_cycle.resolve(story.alert, Outcome.HELPED, story.now), by_operator=True, reason=True)
    assert next_due_at(story.alert) is None
    before = len(story.told)
    assert len(story.until(10_000).told) == before
    assert {OPS, SUP}  # the duty room exists, and is not told anything more


def test_escalate_starts_one_step_and_the_later_ones_keep_their_distance() -> None:
    story = Story(an_alert()).until(30)
    story.act(Act.ACKNOWLEDGE, life_cycle.acknowledge(story.alert, owner_of(WEI), story.now))
    story.until(180)
    story.act(Act.ESCALATE, life_cycle.escalate(story.alert, story.now), by_operator=True)
    assert story.starts() == [(0, 1, 1, ["wang"]), (180, 1, 2, ["wei"])]
    assert [due.at for due in story.alert.progress.upcoming] == [OPENED + seconds(240)]


def test_the_line_beside_others_waits_for_a_yes_and_the_others_do_not() -> None:
    mixed = Policy(policy_id="mixed", steps=(step(Role.FAMILY, Role.EMERGENCY_LINE, after=0, repeat=30),))
    story = Story(an_alert(consent=False, policy=choose({"default": mixed}, AlertKind.SOS))).until(65)
    assert story.starts() == [(0, 1, 1, ["wei"])]
    assert [(second, e.step) for second, e in story.told if isinstance(e, AskedAgain)] == [(30, 1), (60, 1)]
    assert [second for second, _ in story.of(AskedToConfirm)] == [0, 30, 60]


def test_a_technical_alert_never_asks_the_line_by_a_repeat_either() -> None:
    mixed = Policy(policy_id="mixed", steps=(step(Role.OPERATOR, Role.EMERGENCY_LINE, after=0, repeat=30),))
    story = Story(an_alert(AlertKind.TAMPER, policy=choose({"technical": mixed}, AlertKind.TAMPER))).until(3600)
    asked = {one for _, e in story.told if isinstance(e, StepStarted | AskedAgain) for one in e.people}
    assert asked == {OPS}


def test_whoever_is_taken_over_from_is_stood_down() -> None:
    story = Story(an_alert()).until(65)
    story.act(Act.ACKNOWLEDGE, life_cycle.acknowledge(story.alert, owner_of(WANG), story.now))
    story.act(Act.ON_THE_WAY, life_cycle.on_the_way(story.alert, owner_of(WEI), story.now))
    assert len(story.of(StoodDown)) == 2


def test_a_line_step_that_an_operator_escalates_to_asks_although_somebody_owns_the_alert() -> None:
    story = Story(an_alert(consent=False)).until(65)
    story.act(Act.ON_SCENE, life_cycle.on_scene(story.alert, owner_of(WANG), story.now))
    story.act(Act.ESCALATE, life_cycle.escalate(story.alert, story.now), by_operator=True)
    story.until(200)
    asked = [(second, [p.responder_id for p in e.people]) for second, e in story.told if isinstance(e, AskedToConfirm)]
    assert asked == [(65, ["ops"]), (95, ["ops"]), (125, ["ops", "sup"]), (155, ["ops", "sup"]), (185, ["ops", "sup"])]


def test_a_welfare_line_step_that_an_operator_escalates_to_goes_ahead_although_somebody_owns_the_alert() -> None:
    story = Story(an_alert(AlertKind.INACTIVITY)).until(65)
    story.act(Act.ON_SCENE, life_cycle.on_scene(story.alert, owner_of(WANG), story.now))
    story.act(Act.ESCALATE, life_cycle.escalate(story.alert, story.now), by_operator=True)
    assert story.until(300).starts()[-1] == (185, 1, 3, ["line"])


def test_a_question_that_a_lapsed_lease_puts_again_has_its_two_minutes_anew() -> None:
    story = Story(an_alert(AlertKind.INACTIVITY)).until(150)
    assert story.of(AskedToConfirm)
    story.act(Act.ACKNOWLEDGE, life_cycle.acknowledge(story.alert, A_USER, story.now))
    story.until(150 + 300 + 119)
    assert [second for second, _ in story.of(LeaseLapsed)] == [450]
    assert not any(s[3] == ["line"] for s in story.starts())
    assert story.until(571).starts()[-1] == (570, 1, 3, ["line"])


def test_where_no_line_can_be_reached_the_duty_room_is_told_to_telephone() -> None:
    crew = Crew().without("line")
    confirmed = Story(an_alert(consent=False), crew).until(125)
    confirmed.act(Act.CONFIRM_EMERGENCY, life_cycle.confirm_emergency(confirmed.alert, confirmed.now), by_operator=True)
    for story, second in ((confirmed, 125), (Story(an_alert(AlertKind.INACTIVITY), crew).until(300), 240)):
        told = [(at, [p.responder_id for p in e.people]) for at, e in story.told if _is_telephone(e)]
        assert told == [(second, ["ops", "sup"])]


def _is_telephone(effect: Effect) -> TypeGuard[Told]:
    return isinstance(effect, Told) and effect.text_key == "telephone_line"


def test_the_step_of_a_line_that_has_accepted_is_recorded_in_each_round() -> None:
    story = Story(an_alert()).until(121)
    story.alert = _with_reference(story.alert)
    story.until(420 + 121)
    skipped = [(second, e.round, e.step, e.reason) for second, e in story.told if isinstance(e, StepSkipped)]
    assert skipped == [(540, 2, 3, "line_has_accepted")]
