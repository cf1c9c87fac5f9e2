"""What hardware does wrong, put on top of a life."""

from collections import Counter
from datetime import timedelta
from itertools import pairwise, takewhile

from lampkeep_sim.faults import COPY_AFTER, OUTAGE, Faults, with_faults
from lampkeep_sim.home import Happening, Life, happenings
from support.lived import LIVED_FROM, LIVED_IN, a_home


def lived() -> list[Happening]:
    stream = happenings(a_home(), LIVED_IN, LIVED_FROM, Life(sos_per_day=10))
    return list(takewhile(lambda one: one.at < LIVED_FROM + timedelta(days=3), stream))


def test_without_faults_everything_is_sent_when_it_happens() -> None:
    assert list(with_faults(lived(), Faults())) == [(one.at, one) for one in lived()]


def test_faults_are_the_same_for_the_same_seed() -> None:
    faults = Faults(duplicates=0.2, late=0.02, skew=timedelta(seconds=30), seed=4)
    assert list(with_faults(lived(), faults)) == list(with_faults(lived(), faults))


def test_a_duplicate_is_the_same_message_soon_after() -> None:
    sent = list(with_faults(lived(), Faults(duplicates=0.3)))
    copies = [one for one, count in Counter((o.device_id, o.message.message_id) for _, o in sent).items() if count == 2]
    assert 0.2 < len(copies) / len(lived()) < 0.4
    for device_id, message_id in copies:
        first, second = (at for at, o in sent if (o.device_id, o.message.message_id) == (device_id, message_id))
        assert first <= second <= first + COPY_AFTER


def test_an_outage_ends_in_a_burst_that_keeps_its_instants_and_order() -> None:
    sent = list(with_faults(lived(), Faults(late=0.02)))
    late = [(at, one) for at, one in sent if at > one.at]
    assert len(late) > 20
    assert all(at - one.at <= OUTAGE[1] for at, one in late)
    assert all(one.message.at == one.at for _, one in late)
    for device in a_home().devices:
        own = [one.at for _, one in sent if one.device_id == device.device_id and not one.message.urgent]
        assert own == sorted(own)
    assert all(before[0] <= after[0] for before, after in pairwise(sent))


def test_an_urgent_message_is_never_late() -> None:
    sent = list(with_faults(lived(), Faults(late=0.5)))
    assert all(at == one.at for at, one in sent if one.message.urgent)


def test_nothing_is_lost() -> None:
    faults = Faults(duplicates=0.2, late=0.1, skew=timedelta(seconds=30))
    ids = {(one.device_id, one.message.message_id) for _, one in with_faults(lived(), faults)}
    assert ids == {(one.device_id, one.message.message_id) for one in lived()}


def test_a_skewed_clock_is_off_by_the_same_for_ever_and_differs_between_devices() -> None:
    sent = list(with_faults(lived(), Faults(skew=timedelta(seconds=30))))
    off: dict[str, set[timedelta]] = {}
    for _, one in sent:
        assert one.message.at is not None
        off.setdefault(one.device_id, set()).add(one.message.at - one.at)
    assert all(len(skews) == 1 for skews in off.values())
    assert len({next(iter(skews)) for skews in off.values()}) == len(off)
