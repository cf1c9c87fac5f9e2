"""Escalation: who is told next, as a pure state machine over (alert, people, now).

Every function returns the alert afterwards and the effects that its caller must carry out in the same transaction.
Deadlines are absolute, so a machine that slept too long does at once, in order, what is overdue, and skips nothing.
`next_due_at` says when to look again. The numbers are those of contract section 4.
"""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta, tzinfo
from typing import Protocol

from lampkeep.domain.alert import Alert, Asking, Progress, StepAt
from lampkeep.domain.effects import (
    AskedAgain,
    AskedToConfirm,
    Effect,
    LeaseLapsed,
    Opened,
    ResidentTold,
    RoundStarted,
    StepSkipped,
    StepStarted,
    StepWaits,
    StoodDown,
    Told,
)
from lampkeep.domain.home import Responder
from lampkeep.domain.life_cycle import Act, lapse
from lampkeep.domain.policy import Policy, Step
from lampkeep.domain.vocabulary import DUTY_ROOM, STANDS_OTHERS_DOWN, AlertState, Priority, Role

ROUND_PAUSE = timedelta(minutes=5)
"""From the last step of a `life` alert that nobody owns to the first of a new round."""

HOMELESS_PAUSE = timedelta(minutes=1)
"""The same where the duty room is all there is: an alert without a home, or an operational one."""

NEW_CAUSE_AFTER = timedelta(minutes=10)
"""A cause that comes later than this after the last one starts a round at once."""

STALE_LINE = timedelta(minutes=15)
"""An emergency line step overdue by more than this asks an operator first."""

GOES_AHEAD_AFTER = timedelta(minutes=2)
"""How long an operator has to say no where the line is called without an answer."""

ASK_EVERY = timedelta(seconds=30)
"""How often operators are asked to confirm."""

SUPERVISORS_AFTER = timedelta(seconds=60)
"""After this supervisors are asked too."""


class People(Protocol):
    """Who can be asked about one alert, at the instant of the decision."""

    @property
    def zone(self) -> tzinfo:
        """The community's zone, for policies with hours."""
        ...

    def on_duty(self, role: Role) -> tuple[Responder, ...]:
        """The people of `role` on duty for the alert's home, or anywhere where it has none; family in its order."""
        ...


Decision = tuple[Alert, tuple[Effect, ...]]


def first_round(policy: Policy, opened_at: datetime, zone: tzinfo) -> Progress:
    """The progress of an alert that has just opened: every step due at `opened_at + after`."""
    return Progress(round=1, upcoming=_due_instants(policy, opened_at, zone))


def tick(alert: Alert, now: datetime, people: People) -> Decision:
    """Do everything that is owed by `now`. Idempotent: a second call at the same instant does nothing."""
    return _Machine(alert, now, people).run()


def step_failed(alert: Alert, *, round_: int, step: int, now: datetime, people: People) -> Decision:
    """Every attempt of a step has failed for good: hand over to the next one at once, once a step.

    Nothing to do for a step of an earlier round, for one that a later step has already followed, or while somebody
    owns the alert.
    """
    machine = _Machine(alert, now, people)
    progress = alert.progress
    followed = bool(progress.upcoming) and step != progress.upcoming[0].step - 1
    stale = round_ != progress.round or step in progress.handed_over or followed
    if alert.state is not AlertState.OPEN or stale:
        return alert, ()
    machine.progress = replace(progress, handed_over=(*progress.handed_over, step))
    machine.hand_over()
    return machine.run()


def cause_joined(alert: Alert, now: datetime, people: People) -> Decision:
    """A further cause: owner and duty room are told `again`, and a round starts at once where the contract asks for it.

    That is: nobody owns the alert, and no step is left or the last cause is more than ten minutes old.
    """
    machine = _Machine(alert, now, people)
    spent = not alert.progress.upcoming or now - alert.last_cause_at > NEW_CAUSE_AFTER
    machine.tell("again", "again", owner_too=True)
    machine.alert = replace(alert, last_cause_at=now, occurrence_count=alert.occurrence_count + 1)
    if spent and alert.state is AlertState.OPEN:
        machine.start_round("new_cause")
    return machine.run()


def told(alert: Alert, now: datetime, people: People, *, text_key: str) -> Decision:
    """Owner and duty room learn something that changes nothing, such as `sos_cancel` or `active: false`."""
    machine = _Machine(alert, now, people)
    machine.tell("update", text_key, owner_too=True)
    return machine.run()


def react(
    alert: Alert,
    act: Act,
    *,
    entered: Iterable[AlertState],
    by_operator: bool,
    has_reason: bool,
    now: datetime,
    people: People,
) -> Decision:
    """What follows from an act; the life cycle has already changed `alert` (state, owner, lease).

    Each state entered is told to the resident. An acknowledgement by somebody who goes there stands the others down;
    by family or an operator only once somebody is on the way. Closing stands everybody down; the emergency line only
    by an operator's act with a reason.
    """
    machine = _Machine(alert, now, people)
    machine.effects.extend(ResidentTold(state=state) for state in entered if state in _TOLD_TO_RESIDENT)
    if act is Act.ESCALATE and not alert.state.is_closed:
        machine.escalate()
    elif act is Act.CONFIRM_EMERGENCY and not alert.state.is_closed:
        machine.call_line_now()
    elif act is not Act.NOTE:
        machine.stand_down_if_due(by_operator=by_operator, has_reason=has_reason)
    return machine.run()


def not_well(alert: Alert, now: datetime, people: People) -> Decision:
    """The resident answers the prompt that they are not well: the pre-alarm opens at once, as a matter of life."""
    machine = _Machine(replace(alert, priority=Priority.LIFE), now, people)
    machine.open_now(now, "not_well")
    return machine.run()


def next_due_at(alert: Alert) -> datetime | None:
    """When `tick` has something to do, unless something happens first; None: never by itself."""
    if alert.state.is_closed:
        return None
    progress = alert.progress
    if alert.state is AlertState.PRE_ALARM:
        return progress.prompt_until
    asking = progress.asking
    asked_next = [] if asking is None else [at for at in (asking.next_ask_at, asking.goes_ahead_at) if at is not None]
    if alert.state.is_owned:
        leased = [alert.lease_until] if alert.lease_until is not None else []
        return min(leased + (asked_next if asking is not None and asking.while_owned else []), default=None)
    instants = [repeat.at for repeat in progress.repeats] + asked_next
    if progress.upcoming:
        instants.append(progress.upcoming[0].at)
    if progress.next_round_at is not None:
        instants.append(progress.next_round_at)
    return min(instants, default=None)


_TOLD_TO_RESIDENT = frozenset(
    {AlertState.ACKNOWLEDGED, AlertState.ON_THE_WAY, AlertState.ON_SCENE, AlertState.RESOLVED}
)


class _Machine:
    """One decision in the making: the alert so far and the effects so far."""

    def __init__(self, alert: Alert, now: datetime, people: People) -> None:
        self.alert = alert
        self.now = now
        self.people = people
        self.effects: list[Effect] = []

    @property
    def progress(self) -> Progress:
        return self.alert.progress

    @progress.setter
    def progress(self, progress: Progress) -> None:
        self.alert = replace(self.alert, progress=progress)

    def run(self) -> Decision:
        """Open, lapse, start what is due, ask, repeat, begin again: until nothing is owed by `now`."""
        prompt_until = self.progress.prompt_until
        if self.alert.state is AlertState.PRE_ALARM and prompt_until is not None and prompt_until <= self.now:
            self.open_now(prompt_until, "no_answer")
        if self.alert.state.is_owned and self.alert.lease_until is not None and self.alert.lease_until <= self.now:
            self._lapse()
        if self.alert.state is AlertState.OPEN:
            self._start_next_round_if_due()
            self._start_due_steps()
            self._ask_if_due()
            self._repeat_if_due()
            self._arm_next_round()
        elif self.alert.state.is_owned and self.progress.asking is not None and self.progress.asking.while_owned:
            self._ask_if_due()
        return self.alert, tuple(self.effects)

    # -- pre-alarm

    def open_now(self, at: datetime, reason: str) -> None:
        """Open the pre-alarm; `after` of its steps counts from `at`."""
        progress = first_round(self.alert.policy, at, self.people.zone)
        self.alert = replace(self.alert, state=AlertState.OPEN, opened_at=at, progress=progress)
        self.effects.append(Opened(reason=reason))

    # -- steps

    def _start_due_steps(self) -> None:
        for _ in self.alert.policy.steps:
            if not self.progress.upcoming or self.progress.upcoming[0].at > self.now:
                return
            due, *rest = self.progress.upcoming
            self.progress = replace(self.progress, upcoming=tuple(rest))
            step = self._step(due.step)
            if step.calls_the_line:
                self._start_line_step(due.step, step, due.at)
            else:
                self._start(due.step, step, due.at, due.at, self._people_of(step))

    def _step(self, number: int) -> Step:
        return self.alert.policy.steps[number - 1]

    def _start(
        self, number: int, step: Step, due_at: datetime, ready_at: datetime, people: tuple[Responder, ...]
    ) -> None:
        if not people:
            self._skip(number, step, due_at, "nobody_to_reach")
            return
        self.effects.append(
            StepStarted(
                round=self.progress.round,
                step=number,
                role=step.role,
                due_at=due_at,
                ready_at=ready_at,
                deliver_within=step.deliver_within,
                people=people,
            )
        )
        repeats = self.progress.repeats
        if step.repeat_every is not None:
            repeats = (*repeats, StepAt(step=number, at=self.now + step.repeat_every))
        self.progress = replace(self.progress, repeats=repeats, stood_down=False)

    def _skip(self, number: int, step: Step, due_at: datetime, reason: str) -> None:
        self._record_skipped(number, step, due_at, reason)
        self.hand_over()

    def _record_skipped(self, number: int, step: Step, due_at: datetime, reason: str) -> None:
        self.effects.append(
            StepSkipped(
                round=self.progress.round,
                step=number,
                role=step.role,
                due_at=due_at,
                deliver_within=step.deliver_within,
                reason=reason,
            )
        )

    def hand_over(self) -> None:
        """The next step is due now and the later ones move forward by as much.

        The emergency line, and what follows it, is brought forward so only for `life`.
        """
        self._bring_forward(line_too=self.alert.priority is Priority.LIFE)

    def _bring_forward(self, *, line_too: bool = True) -> None:
        if self.progress.upcoming and self.progress.upcoming[0].at > self.now:
            self._bring_to_now(line_too=line_too)

    def _bring_to_now(self, *, line_too: bool = True) -> None:
        """The next step is due now; those after it keep their distance from it."""
        upcoming = self.progress.upcoming
        by = upcoming[0].at - self.now
        lines = (index for index, due in enumerate(upcoming) if self._step(due.step).calls_the_line)
        held = len(upcoming) if line_too else next(lines, len(upcoming))
        moved = tuple(replace(due, at=due.at - by) for due in upcoming[:held])
        self.progress = replace(self.progress, upcoming=moved + upcoming[held:])

    # -- the emergency line

    def _start_line_step(self, number: int, step: Step, due_at: datetime) -> None:
        if self.alert.priority.rank > Priority.WELFARE.rank or self.alert.home_id is None:
            self._skip(number, step, due_at, "line_not_for_this_alert")
            return
        if self.progress.line_reference is not None:
            self.effects.append(Told(reason="again", text_key="again", people=self._people_of(step)))
            self._record_skipped(number, step, due_at, "line_has_accepted")
            return
        reason = self._why_to_ask(due_at)
        if reason is None or self.progress.line_called:
            self._call_line(number, step, due_at, due_at)
        else:
            self._ask_first(number, step, due_at, reason)

    def _ask_first(self, number: int, step: Step, due_at: datetime, reason: str) -> None:
        asking = self.progress.asking
        if asking is None:
            asking = Asking(
                step=number,
                due_at=due_at,
                asked_at=self.now,
                next_ask_at=self.now,
                goes_ahead_at=self.now + GOES_AHEAD_AFTER if reason != "no_consent" else None,
            )
        elif self.alert.state.is_owned and not asking.while_owned:
            asking = _asked_anew(asking, self.now)
        if self.alert.state.is_owned:
            asking = replace(asking, while_owned=True)
        self.progress = replace(self.progress, asking=asking)
        self.effects.append(
            StepWaits(
                round=self.progress.round,
                step=number,
                role=step.role,
                due_at=due_at,
                deliver_within=step.deliver_within,
                reason=reason,
            )
        )

    def _why_to_ask(self, due_at: datetime) -> str | None:
        if not self.alert.consent:
            return "no_consent"
        if self.alert.priority is Priority.WELFARE:
            return "welfare"
        if self.now - due_at > STALE_LINE:
            return "overdue"
        return None

    def _call_line(self, number: int, step: Step, due_at: datetime, ready_at: datetime) -> None:
        people = self._people_of(step)
        if people:
            self.progress = replace(self.progress, line_called=True)
        else:
            self.tell("update", "telephone_line")
        self._start(number, step, due_at, ready_at, people)

    def call_line_now(self) -> None:
        """An operator said yes: the line is called at once, whether its step was waiting or is not yet due.

        The other steps keep their instants.
        """
        asking = self.progress.asking
        if self.progress.line_called:
            return
        lines = [number for number, step in enumerate(self.alert.policy.steps, start=1) if step.calls_the_line]
        number = asking.step if asking is not None else next(iter(lines), None)
        if number is None:
            return
        due_at = asking.due_at if asking is not None else self.now
        self._stop_asking_and_call(number, due_at, self.now)

    def _stop_asking_and_call(self, number: int, due_at: datetime, ready_at: datetime) -> None:
        rest = tuple(due for due in self.progress.upcoming if due.step != number)
        self.progress = replace(self.progress, asking=None, upcoming=rest)
        self._call_line(number, self._step(number), due_at, ready_at)

    def _ask_if_due(self) -> None:
        asking = self.progress.asking
        if asking is None:
            return
        if asking.goes_ahead_at is not None and asking.goes_ahead_at <= self.now:
            self._stop_asking_and_call(asking.step, asking.due_at, asking.goes_ahead_at)
            return
        if asking.next_ask_at > self.now:
            return
        people = self._reachable(Role.OPERATOR)
        if not people or self.now - asking.asked_at >= SUPERVISORS_AFTER:
            people = (*people, *self._reachable(Role.SUPERVISOR))
        self.effects.append(AskedToConfirm(round=self.progress.round, step=asking.step, people=people))
        self.progress = replace(
            self.progress, asking=replace(asking, next_ask_at=_later(asking.next_ask_at, ASK_EVERY, self.now))
        )

    # -- repeats and rounds

    def _repeat_if_due(self) -> None:
        repeats = []
        for repeat in self.progress.repeats:
            if repeat.at > self.now:
                repeats.append(repeat)
                continue
            step = self._step(repeat.step)
            every = step.repeat_every or ASK_EVERY
            accepted = step.calls_the_line and self.progress.line_reference is not None
            people = () if accepted else self._people_of(step)
            if people:
                self.effects.append(
                    AskedAgain(round=self.progress.round, step=repeat.step, role=step.role, people=people)
                )
                self.progress = replace(self.progress, stood_down=False)
            repeats.append(StepAt(step=repeat.step, at=_later(repeat.at, every, self.now)))
        self.progress = replace(self.progress, repeats=tuple(repeats))

    def _start_next_round_if_due(self) -> None:
        at = self.progress.next_round_at
        if at is not None and at <= self.now and not self.progress.upcoming:
            self.start_round("nobody_took_it")

    def start_round(self, reason: str) -> None:
        """Begin again at the first step, `after` counting from now."""
        number = self.progress.round + 1
        self.progress = replace(
            self.progress,
            round=number,
            upcoming=_due_instants(self.alert.policy, self.now, self.people.zone),
            repeats=(),
            next_round_at=None,
            handed_over=(),
        )
        self.effects.append(RoundStarted(round=number, reason=reason))

    def _arm_next_round(self) -> None:
        """No step is left: a `life` alert begins again after a pause, and the duty room learns it at once."""
        progress = self.progress
        if progress.upcoming or progress.next_round_at is not None:
            return
        if self.alert.home_id is None or self.alert.priority is Priority.OPERATIONAL:
            if not progress.repeats:
                self.progress = replace(progress, next_round_at=self.now + HOMELESS_PAUSE)
        elif self.alert.priority is Priority.LIFE:
            self.progress = replace(progress, next_round_at=self.now + ROUND_PAUSE)
            self.tell("update", "no_step_left")

    def escalate(self) -> None:
        """The next step starts now, whoever owns the alert; a new round where none is left. A pre-alarm opens."""
        if self.alert.state is AlertState.PRE_ALARM:
            self.open_now(self.now, "escalated")
            return
        if not self.progress.upcoming:
            self.start_round("escalated")
        else:
            self._bring_to_now()
        self._start_due_steps()

    # -- owners

    def _lapse(self) -> None:
        owner = self.alert.owner
        self.alert = lapse(self.alert, self.now).alert
        self.effects.append(LeaseLapsed(owner_id=owner.owner_id if owner else ""))
        progress = self.progress
        self.progress = replace(
            progress,
            repeats=tuple(replace(repeat, at=max(repeat.at, self.now)) for repeat in progress.repeats),
            asking=_asked_anew(progress.asking, self.now) if progress.asking else None,
            stood_down=False,
        )
        if progress.upcoming:
            self._bring_to_now()
        elif self.alert.priority is Priority.LIFE:
            self.start_round("lease_lapsed")
        else:
            self.tell("update", "lease_lapsed")

    def stand_down_if_due(self, *, by_operator: bool, has_reason: bool) -> None:
        """Tell those who were asked that they need not come, once until somebody is asked anew."""
        alert = self.alert
        if alert.state is AlertState.CANCELLED:
            return  # a pre-alarm: nobody has been asked
        goes = alert.state in {AlertState.ON_THE_WAY, AlertState.ON_SCENE}
        takes = alert.state is AlertState.ACKNOWLEDGED and alert.owner and alert.owner.role in STANDS_OTHERS_DOWN
        if not (alert.state.is_closed or goes or takes):
            return
        line_too = alert.state.is_closed and by_operator and has_reason and self.progress.line_called
        if self.progress.stood_down and not line_too:
            return
        self.effects.append(StoodDown(line_too=line_too))
        self.progress = replace(self.progress, stood_down=True)

    def tell(self, reason: str, text_key: str, *, owner_too: bool = False) -> None:
        """Tell the duty room, and the owner where asked for and where the owner is a responder."""
        people = {person.responder_id: person for role in sorted(DUTY_ROOM) for person in self._reachable(role)}
        owner = self.alert.owner
        if owner_too and owner is not None and owner.kind == "responder" and owner.owner_id not in people:
            role = owner.role or Role.FAMILY
            people[owner.owner_id] = Responder(responder_id=owner.owner_id, name=owner.name, role=role)
        self.effects.append(Told(reason=reason, text_key=text_key, people=tuple(people.values())))

    # -- people

    def _reachable(self, role: Role) -> tuple[Responder, ...]:
        return tuple(person for person in self.people.on_duty(role) if person.reachable)

    def _people_of(self, step: Step) -> tuple[Responder, ...]:
        return tuple({person.responder_id: person for role in step.to for person in self._reachable(role)}.values())


def _due_instants(policy: Policy, start: datetime, zone: tzinfo) -> tuple[StepAt, ...]:
    return tuple(
        StepAt(step=number, at=_within_hours(policy, start + step.after, zone))
        for number, step in enumerate(policy.steps, start=1)
    )


def _within_hours(policy: Policy, instant: datetime, zone: tzinfo) -> datetime:
    """`instant`, or the next opening of the policy's hours where it falls outside them."""
    if policy.hours is None:
        return instant
    opens, closes = policy.hours
    local = instant.astimezone(zone)
    if opens <= local.time() < closes:
        return instant
    day = local.date() if local.time() < opens else local.date() + timedelta(days=1)
    return datetime.combine(day, opens, tzinfo=zone).astimezone(instant.tzinfo)


def _asked_anew(asking: Asking, now: datetime) -> Asking:
    """The same question put again: somebody had taken the alert, so the time without an answer begins anew."""
    goes_ahead_at = now + GOES_AHEAD_AFTER if asking.goes_ahead_at is not None else None
    return replace(asking, next_ask_at=now, goes_ahead_at=goes_ahead_at, while_owned=False)


def _later(at: datetime, every: timedelta, now: datetime) -> datetime:
    """The first of `at + n * every` (n ≥ 1) that lies after `now`: what was slept through is not made up for."""
    missed = max(0, (now - at) // every)
    return at + (missed + 1) * every
