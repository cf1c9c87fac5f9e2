"""What an urgent message asks for, before any plan is asked."""

import pytest

from lampkeep.domain.rules.urgent import (
    UNKNOWN,
    UNREADABLE,
    Meaning,
    Nothing,
    Raise,
    TakeBack,
    Tell,
    meaning,
    urgent_evidence,
)
from lampkeep.domain.vocabulary import AlertKind
from support.watched import PENDANT, at


@pytest.mark.parametrize(
    ("type_", "data", "asked"),
    [
        ("sos", {}, Raise(kind=AlertKind.SOS, reason="sos")),
        ("sos", {"test": False}, Raise(kind=AlertKind.SOS, reason="sos")),
        ("sos", {"test": True}, Nothing(reason="test_press")),
        ("sos", {"test": "true"}, Raise(kind=AlertKind.SOS, reason="sos")),
        ("fall", {}, Raise(kind=AlertKind.FALL, reason="fall")),
        ("smoke", {"active": True}, Raise(kind=AlertKind.SMOKE, reason="smoke")),
        ("gas", {}, Raise(kind=AlertKind.GAS, reason="gas")),
        ("fall", {"active": False}, Tell(reason="fall_over")),
        ("smoke", {"active": False}, Tell(reason="smoke_over")),
        ("gas", {"active": False}, Tell(reason="gas_over")),
        ("sos_cancel", {"ref": "01JD3YB1S0M7"}, Tell(reason="sos_cancel")),
        (UNREADABLE, {}, Raise(kind=AlertKind.SOS, reason=UNREADABLE)),
        (UNKNOWN, {}, Raise(kind=AlertKind.SOS, reason=UNKNOWN)),
        ("flood", {}, Raise(kind=AlertKind.SOS, reason=UNKNOWN)),
    ],
)
def test_a_registered_device(type_: str, data: dict[str, object], asked: Meaning) -> None:
    assert meaning(type_, data, registered=True) == asked


@pytest.mark.parametrize(
    ("type_", "data", "asked"),
    [
        ("sos", {}, Raise(kind=AlertKind.SOS, reason="sos")),
        ("fall", {}, Raise(kind=AlertKind.SOS, reason="fall")),
        ("smoke", {"active": True}, Raise(kind=AlertKind.SOS, reason="smoke")),
        ("smoke", {"active": False}, Raise(kind=AlertKind.SOS, reason="smoke_over")),
        ("sos_cancel", {"ref": "01JD3YB1S0M7"}, Raise(kind=AlertKind.SOS, reason="sos_cancel")),
        ("sos", {"test": True}, Nothing(reason="test_press")),
        (UNREADABLE, {}, Raise(kind=AlertKind.SOS, reason=UNREADABLE)),
    ],
)
def test_what_an_unregistered_device_raises_is_an_sos(type_: str, data: dict[str, object], asked: Meaning) -> None:
    assert meaning(type_, data, registered=False) == asked


def test_a_cancel_takes_back_only_where_the_plan_allows_it() -> None:
    asked = meaning("sos_cancel", {"ref": "01JD3YB1S0M7"}, registered=True, sos_cancel_allowed=True)
    assert asked == TakeBack(ref="01JD3YB1S0M7", reason="sos_cancel")


def test_the_evidence_of_a_press_says_where_in_both_languages() -> None:
    asked = Raise(kind=AlertKind.SOS, reason="sos")
    evidence = urgent_evidence(asked, "pendant-001", PENDANT, at("10:00"))
    assert evidence["text_zh"] == "有人按下求助按钮：pendant-001"
    assert evidence["text_en"] == "Somebody pressed the help button: pendant-001"
    stranger = urgent_evidence(asked, "pendant-009", None, at("10:00"))
    assert stranger["text_en"] == "Somebody pressed the help button: unregistered device pendant-009"
