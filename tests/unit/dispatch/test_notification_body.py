"""The body of a notification is that of contract section 5, and says to each role what it may know."""

import json
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest

from lampkeep.contracts.notifications import REASONS, Telling, ToldAlert, age, body
from lampkeep.domain.home import Resident
from lampkeep.domain.vocabulary import AlertKind, AlertState, Priority

SHANGHAI = ZoneInfo("Asia/Shanghai")
NOW = datetime(2026, 11, 22, 10, 0, 1, tzinfo=UTC)
PRESSED = datetime(2026, 11, 22, 10, 0, 0, 123000, tzinfo=UTC)

EXAMPLE = {
    "v": 1,
    "notification_id": "",
    "reason": "",
    "alert": {
        "id": "",
        "kind": "",
        "priority": "",
        "state": "",
        "opened_at": "",
        "pressed_at": "",
        "home_id": "",
        "area": "",
    },
    "round": 1,
    "step": 1,
    "role": "",
    "responder": "",
    "home": {"address": "", "location": [1.0, 1.0]},
    "residents": [{"name": "", "age": 1, "phone": "", "notes": ""}],
    "evidence": {"last_activity_at": "", "last_place": "", "text": ""},
    "acknowledge_url": "",
    "text": {"zh": "", "en": ""},
}
"""The contract's example, values replaced by one of their type."""


def telling(**changes: Any) -> Telling:
    alert = ToldAlert(
        alert_id="a-1",
        kind=AlertKind.SOS,
        priority=Priority.LIFE,
        state=AlertState.OPEN,
        opened_at=PRESSED,
        pressed_at=PRESSED,
        home_id="home-001",
        area_id="jiangnan-g03",
        evidence={"last_activity_at": "2026-11-22T09:58:00Z", "last_place": "bathroom"},
    )
    whole = Telling(
        notification_id=UUID("0198c0de-0000-7000-8000-000000000001"),
        reason="step",
        text_key="step",
        alert=alert,
        responder_id="wang-li",
        role="grid_worker",
        round=1,
        step=1,
        address="江南街道某路1号",
        location=(29.08, 119.65),
        residents=(
            Resident(resident_id="r", name="张秀英", born=date(1941, 3, 2), phone="+8613800000000", notes="青霉素过敏"),
        ),
        acknowledge_url="http://127.0.0.1:8080/a/token",
    )
    return replace(whole, **changes)


def sent(**changes: Any) -> Any:
    return json.loads(body(telling(**changes), now=NOW, zone=SHANGHAI).json_bytes())


def shape(value: Any) -> Any:
    if isinstance(value, dict):
        return [(key, shape(part)) for key, part in value.items()]
    if isinstance(value, list):
        return [shape(part) for part in value]
    return type(value)


def test_the_body_has_exactly_the_fields_of_the_contract_in_their_order() -> None:
    assert shape(sent()) == shape(EXAMPLE)


def test_the_values_are_those_of_the_alert_and_the_home() -> None:
    told = sent()
    assert told["alert"]["opened_at"] == told["alert"]["pressed_at"] == "2026-11-22T10:00:00.123000Z"
    assert (told["alert"]["kind"], told["alert"]["area"]) == ("sos", "jiangnan-g03")
    assert told["residents"] == [{"name": "张秀英", "age": 85, "phone": "+8613800000000", "notes": "青霉素过敏"}]
    assert told["evidence"]["last_activity_at"] == "2026-11-22T09:58:00Z"


@pytest.mark.parametrize("role", ["neighbour", "volunteer"])
def test_a_neighbour_is_told_name_address_and_what_happened_and_nothing_else(role: str) -> None:
    told = sent(role=role)
    assert told["residents"] == [{"name": "张秀英"}]
    assert list(told["evidence"]) == ["text"]
    assert told["home"]["address"] == "江南街道某路1号"
    whole = json.dumps(told, ensure_ascii=False)
    assert "青霉素" not in whole
    assert "13800000000" not in whole
    assert "85" not in told["text"]["zh"] + told["text"]["en"]


def test_times_of_day_in_texts_are_local() -> None:
    assert "18:00" in sent()["text"]["zh"]
    assert "18:00" in sent()["text"]["en"]


@pytest.mark.parametrize("reason", sorted(REASONS))
@pytest.mark.parametrize("kind", list(AlertKind))
def test_every_reason_and_kind_has_a_sentence_in_both_languages(reason: Any, kind: AlertKind) -> None:
    text = sent(reason=reason, text_key="nowhere-in-the-catalogue", alert=replace(telling().alert, kind=kind))["text"]
    assert "张秀英" in text["zh"]
    assert "张秀英" in text["en"]
    assert text["zh"] != text["en"]
    assert "{" not in text["zh"] + text["en"]


def test_an_occurrence_is_told_under_its_own_kind() -> None:
    assert "fallen" in sent(reason="again", text_key="again", detail={"kind": "fall"})["text"]["en"]


def test_an_alert_without_a_home_names_the_device() -> None:
    alert = replace(telling().alert, home_id=None, area_id=None, evidence={"device": "stranger-1"})
    told = sent(alert=alert, address=None, location=None, residents=())
    assert told["home"] is None
    assert told["residents"] == []
    assert "stranger-1" in told["text"]["en"]


def test_a_closed_alert_offers_no_link() -> None:
    assert sent(alert=replace(telling().alert, state=AlertState.RESOLVED))["acknowledge_url"] is None


def test_the_rules_own_words_are_used_where_there_are_some() -> None:
    alert = replace(
        telling().alert, kind=AlertKind.INACTIVITY, evidence={"text_zh": "4小时未活动", "text_en": "4 h", "text": "x"}
    )
    told = sent(alert=alert)
    assert "4小时未活动" in told["text"]["zh"]
    assert told["evidence"]["text"] == "x"


@pytest.mark.parametrize("role", ["grid_worker", "neighbour"])
def test_a_resident_whose_name_is_not_kept_is_told_of_as_the_resident(role: str) -> None:
    told = sent(role=role, residents=(Resident(resident_id="r"),))
    assert told["residents"][0]["name"] is None
    assert told["text"]["zh"].startswith("住户按下了紧急呼叫")
    assert told["text"]["en"].startswith("The resident: pressed the SOS button")


def test_what_stands_in_a_name_cannot_bend_the_sentence() -> None:
    told = sent(residents=(Resident(resident_id="r", name="{address}{0}"),), detail={"who": "{x}"})
    assert "{address}{0}" in told["text"]["zh"]


@pytest.mark.parametrize(
    ("born", "today", "years"),
    [
        (date(1941, 3, 2), date(2026, 3, 1), 84),
        (date(1941, 3, 2), date(2026, 3, 2), 85),
        (date(1944, 2, 29), date(2026, 2, 28), 81),
        (date(1944, 2, 29), date(2026, 3, 1), 82),
        (None, date(2026, 3, 1), None),
    ],
)
def test_age_is_in_whole_years(born: date | None, today: date, years: int | None) -> None:
    assert age(born, today) == years
