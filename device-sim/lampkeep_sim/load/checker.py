"""Does what was promised hold for what was sent? Pure: records of the generator, the ledger and the webhooks go in.

The promises: what the broker acknowledged and what was receipted is stored, once; each press has exactly one alert; a
home has one alert of a run; and the grid worker is told of each press within the budget.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass

from lampkeep_sim.load.ledger import Ledger
from lampkeep_sim.load.sent import Identity, Sent


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """What is wrong, named; all empty is a run in which every promise held."""

    unacknowledged: tuple[Identity, ...] = ()
    """Sent, and never acknowledged by the broker."""
    acknowledged_lost: tuple[Identity, ...] = ()
    receipted_lost: tuple[Identity, ...] = ()
    stored_twice: tuple[Identity, ...] = ()
    unreceipted: tuple[Identity, ...] = ()
    """Presses whose receipt never came."""
    without_alert: tuple[Identity, ...] = ()
    with_several_alerts: tuple[Identity, ...] = ()
    homes_with_several_alerts: tuple[str, ...] = ()
    untold: tuple[Identity, ...] = ()
    """Presses of which nobody was told."""
    late: tuple[tuple[Identity, float], ...] = ()
    """Presses that were told too late, with how long it took in seconds."""

    @property
    def clean(self) -> bool:
        """True if nothing is wrong."""
        return not any(asdict(self).values())

    def summary(self) -> str:
        """Return one line for a person, with the first of each kind of trouble."""
        found = {name: value for name, value in asdict(self).items() if value}
        return "; ".join(f"{name}: {len(value)}, first {value[0]}" for name, value in found.items()) or "nothing amiss"


def check(sent: Iterable[Sent], ledger: Ledger, told_s: Mapping[str, float], *, budget_s: float) -> Findings:
    """Compare what was sent with what became of it.

    `told_s` says for each home when the first webhook came (monotonic seconds); of several presses in a home the first
    is judged by it, since the later ones join the alert of the first.
    """
    records = list(sent)
    presses = [record for record in records if record.urgent]
    told = [(press, _told_after(press, told_s)) for press in _first_of_each_home(presses)]
    return Findings(
        unacknowledged=_those(one for one in records if one.acked_s is None),
        acknowledged_lost=_those(
            one for one in records if one.acked_s is not None and one.identity not in ledger.stored
        ),
        receipted_lost=_those(
            one for one in presses if one.receipted_s is not None and one.identity not in ledger.stored
        ),
        stored_twice=_those(one for one in records if ledger.stored.get(one.identity, 0) > 1),
        unreceipted=_those(one for one in presses if one.receipted_s is None),
        without_alert=_those(one for one in presses if not ledger.causes.get(one.identity)),
        with_several_alerts=_those(one for one in presses if len(ledger.causes.get(one.identity, ())) > 1),
        homes_with_several_alerts=tuple(home for home, alerts in ledger.alerts_of_home.items() if len(alerts) > 1),
        untold=_those(press for press, after_s in told if math.isinf(after_s)),
        late=tuple((press.identity, after_s) for press, after_s in told if budget_s < after_s < math.inf),
    )


def press_latencies(sent: Iterable[Sent], told_s: Mapping[str, float]) -> list[float]:
    """Return for the first press of each home how long it took until somebody was told; never is infinite."""
    return [_told_after(press, told_s) for press in _first_of_each_home(one for one in sent if one.urgent)]


def _first_of_each_home(presses: Iterable[Sent]) -> list[Sent]:
    first: dict[str, Sent] = {}
    for press in presses:
        if press.home_id not in first or press.intended_s < first[press.home_id].intended_s:
            first[press.home_id] = press
    return list(first.values())


def _told_after(press: Sent, told_s: Mapping[str, float]) -> float:
    return told_s.get(press.home_id, math.inf) - press.intended_s


def _those(records: Iterable[Sent]) -> tuple[Identity, ...]:
    return tuple(record.identity for record in records)
