"""Any interleaving of time, answers, failures, lapses and restarts keeps escalation's promises."""

from datetime import datetime

import hypothesis.strategies as st
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from lampkeep.alerts.rows import policy_from, policy_json, progress_from, progress_json
from lampkeep.domain import life_cycle
from lampkeep.domain.alert import Alert, Owner
from lampkeep.domain.effects import Effect, StepSkipped, StepStarted, StepWaits
from lampkeep.domain.escalation import cause_joined, next_due_at, react, step_failed, tick
from lampkeep.domain.life_cycle import Act
from lampkeep.domain.vocabulary import AlertKind, AlertState, Outcome, Priority
from support.alerts import A_USER, LINE, OPENED, WANG, WEI, Crew, an_alert, at, owner_of, seconds


class Escalation(RuleBasedStateMachine):
    """One alert, a clock that jumps forward, people who come and go, and a process that forgets everything."""

    def __init__(self) -> None:
        super().__init__()
        self.alert: Alert = an_alert()
        self.now: datetime = OPENED
        self.crew = Crew()
        self.started: set[tuple[int, int]] = set()
        self.seen: list[tuple[int, int]] = []
        self.disturbed = False

    @initialize(
        kind=st.sampled_from([AlertKind.SOS, AlertKind.INACTIVITY, AlertKind.LOW_BATTERY]), consent=st.booleans()
    )
    def opens(self, kind: AlertKind, consent: bool) -> None:
        self.alert = an_alert(kind, consent=consent)
        self._take(tick(self.alert, self.now, self.crew))

    def _take(self, decision: tuple[Alert, tuple[Effect, ...]]) -> None:
        self.alert, effects = decision
        for effect in effects:
            if isinstance(effect, StepStarted):
                key = (effect.round, effect.step)
                assert key not in self.started, f"step {key} started twice"
                assert effect.ready_at <= self.now, f"step {key} started early"
                assert effect.people
                self.started.add(key)
            if isinstance(effect, StepStarted | StepSkipped | StepWaits):
                self.seen.append((effect.round, effect.step))
                if self.alert.priority.rank > Priority.WELFARE.rank:
                    assert not (isinstance(effect, StepStarted) and LINE in effect.people)
                line_called = isinstance(effect, StepStarted) and LINE in effect.people
                assert not (line_called and not self.alert.consent and not self.confirmed)
        again, more = tick(self.alert, self.now, self.crew)
        assert (again, more) == (self.alert, ()), "a second look at the same instant did something"

    confirmed = False

    @rule(by=st.integers(0, 400))
    def time_passes(self, by: int) -> None:
        self.now += seconds(by)
        self._take(tick(self.alert, self.now, self.crew))

    @rule()
    def sleeps_until_due(self) -> None:
        due = next_due_at(self.alert)
        if due is not None:
            self.now = max(self.now, due)
            self._take(tick(self.alert, self.now, self.crew))

    @rule()
    def restarts(self) -> None:
        progress = progress_from(progress_json(self.alert.progress))
        policy = policy_from(policy_json(self.alert.policy))
        assert at(self.alert, progress=progress, policy=policy) == self.alert

    @rule(who=st.sampled_from([owner_of(WANG), owner_of(WEI), A_USER]), far=st.sampled_from(["ack", "way", "scene"]))
    def somebody_acts(self, who: Owner, far: str) -> None:
        do = {"ack": life_cycle.acknowledge, "way": life_cycle.on_the_way, "scene": life_cycle.on_scene}[far]
        act = {"ack": Act.ACKNOWLEDGE, "way": Act.ON_THE_WAY, "scene": Act.ON_SCENE}[far]
        try:
            transition = do(self.alert, who, self.now)
        except life_cycle.NotAllowedError:
            return
        self._react(act, transition)

    @rule(act=st.sampled_from([Act.ESCALATE, Act.CONFIRM_EMERGENCY, Act.NOTE]))
    def operator_acts(self, act: Act) -> None:
        do = {
            Act.ESCALATE: life_cycle.escalate,
            Act.CONFIRM_EMERGENCY: life_cycle.confirm_emergency,
            Act.NOTE: life_cycle.note,
        }[act]
        try:
            transition = do(self.alert, self.now)
        except life_cycle.NotAllowedError:
            return
        self.confirmed = self.confirmed or act is Act.CONFIRM_EMERGENCY
        self._react(act, transition)

    def _react(self, act: Act, transition: life_cycle.Transition) -> None:
        decision = react(
            transition.alert,
            act,
            entered=transition.entered,
            by_operator=True,
            has_reason=True,
            now=self.now,
            people=self.crew,
        )
        self._take(decision)

    @rule(number=st.integers(1, 3))
    def a_step_fails(self, number: int) -> None:
        round_ = self.alert.progress.round
        if (round_, number) in self.started:
            self._take(step_failed(self.alert, round_=round_, step=number, now=self.now, people=self.crew))

    @rule()
    def another_press(self) -> None:
        if not self.alert.state.is_closed:
            self._take(cause_joined(self.alert, self.now, self.crew))

    @rule(gone=st.sets(st.sampled_from(["wang", "wei", "line", "ops", "sup"])))
    def the_shift_changes(self, gone: set[str]) -> None:
        self.crew = Crew().without(*gone)

    @precondition(lambda self: not self.alert.state.is_closed)
    @rule(really=st.integers(0, 9))
    def resolves_now_and_then(self, really: int) -> None:
        if really == 0:
            self._react(Act.RESOLVE, life_cycle.resolve(self.alert, Outcome.HELPED, self.now))

    @invariant()
    def a_life_alert_never_rests_without_a_next_deadline(self) -> None:
        if self.alert.priority is Priority.LIFE and not self.alert.state.is_closed:
            assert next_due_at(self.alert) is not None

    @invariant()
    def nothing_is_owed_in_the_past(self) -> None:
        due = next_due_at(self.alert)
        assert due is None or due > self.now

    @invariant()
    def within_a_round_no_step_is_passed_over(self) -> None:
        if self.alert.state is AlertState.OPEN and not self.confirmed:
            number = self.alert.progress.round
            steps = [step for round_, step in self.seen if round_ == number]
            fresh = list(dict.fromkeys(steps))
            assert fresh == sorted(fresh)
            assert fresh == list(range(1, len(fresh) + 1))


Escalation.TestCase.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
TestEscalation = Escalation.TestCase
