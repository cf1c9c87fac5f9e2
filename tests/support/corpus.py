"""Messages that must be refused: each leaves one record as rejected and no gap in the stream.

`device` and `account` name who is on the topic: `door-1` of the gateway `gw-1` is registered, `door-9` belongs to
another account, `nobody` is registered nowhere.
"""

import json
from dataclasses import dataclass

from lampkeep.contracts.messages import Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One message; on the urgent topic it raises its alarm all the same."""

    name: str
    payload: bytes
    reason: Reason = Reason.MALFORMED
    lane: str = "observation"
    account: str = "gw-1"
    device_id: str = "door-1"
    topic: str | None = None

    @property
    def full_topic(self) -> str:
        return self.topic or f"lampkeep/v1/{self.account}/{self.device_id}/{self.lane}"

    @property
    def raises(self) -> bool:
        return self.lane == "urgent" and self.topic is None and self.reason is not Reason.FOREIGN_ACCOUNT


GOOD = {"v": 1, "id": "corpus", "type": "door", "data": {"open": True}}


def changed(**fields: object) -> bytes:
    """A good message with some fields changed; `...` leaves one out."""
    return json.dumps({key: value for key, value in (GOOD | fields).items() if value is not ...}).encode()


def with_raw(text: str) -> bytes:
    """A good message with `text` as one more field."""
    return changed()[:-1] + b", " + text.encode() + b"}"


SHAPES = [
    Case(name="empty", payload=b""),
    Case(name="one space", payload=b" "),
    Case(name="a word", payload=b"open"),
    Case(name="null", payload=b"null"),
    Case(name="a number", payload=b"1"),
    Case(name="a string", payload=b'"door"'),
    Case(name="an array", payload=b"[" + changed() + b"]"),
    Case(name="an empty object", payload=b"{}"),
    Case(name="cut off", payload=changed()[:-7]),
    Case(name="two objects", payload=changed() + changed()),
    Case(name="something after it", payload=changed() + b" x"),
    Case(name="a comma too many", payload=changed()[:-1] + b",}"),
    Case(name="single quotes", payload=changed().replace(b'"', b"'")),
    Case(name="a comment", payload=changed() + b" // ok"),
    Case(name="a NUL at the end", payload=changed() + b"\0"),
    Case(name="only NULs", payload=b"\0" * 64),
    Case(name="random bytes", payload=bytes(range(128, 256))),
    Case(name="an image", payload=b"\x89PNG\r\n\x1a\n" + bytes(100)),
    Case(name="XML", payload=b"<message v='1'/>"),
    Case(name="a form", payload=b"v=1&id=corpus&type=door"),
]

BYTES = [
    Case(name="broken UTF-8 in a value", payload=with_raw('"x": "?"').replace(b"?", b"\xc3\x28")),
    Case(name="broken UTF-8 in a key", payload=with_raw('"?": 1').replace(b"?", b"\xff")),
    Case(name="UTF-8 of a surrogate", payload=with_raw('"x": "?"').replace(b"?", b"\xed\xa0\x80")),
    Case(name="overlong UTF-8", payload=with_raw('"x": "?"').replace(b"?", b"\xc0\x80")),
    Case(name="UTF-16", payload=changed().decode().encode("utf-16")),
    Case(name="a byte order mark", payload=b"\xef\xbb\xbf" + changed()),
    Case(name="Latin-1", payload=with_raw('"x": "é"').decode().encode("latin-1")),
    Case(name="a lone surrogate", payload=with_raw(r'"x": "\ud800"')),
    Case(name="a raw line feed in a string", payload=with_raw('"x": "a\nb"')),
    Case(name="a raw NUL in a string", payload=with_raw('"x": "a\0b"')),
    Case(name="an escape that is none", payload=with_raw(r'"x": "\q"')),
]

NUMBERS = [
    Case(name="NaN", payload=with_raw('"x": NaN')),
    Case(name="Infinity", payload=with_raw('"x": Infinity')),
    Case(name="minus Infinity deep inside", payload=with_raw('"x": [{"y": -Infinity}]')),
    Case(name="NaN as battery", payload=with_raw('"battery": NaN')),
    Case(name="a double that overflows", payload=with_raw('"x": 1e999')),
    Case(name="an integer of 300 digits", payload=with_raw(f'"x": {"9" * 300}')),
    Case(name="an integer of 5,000 digits", payload=with_raw(f'"x": {"9" * 5000}')),
    Case(name="an integer of 65 bits", payload=with_raw('"x": 18446744073709551616')),
    Case(name="a leading zero", payload=with_raw('"x": 01')),
    Case(name="a plus sign", payload=with_raw('"x": +1')),
    Case(name="a hexadecimal number", payload=with_raw('"x": 0x10')),
]

STRUCTURE = [
    Case(name="a key twice", payload=with_raw('"id": "other"')),
    Case(name="a key twice in data", payload=changed(data=...)[:-1] + b', "data": {"open": true, "open": false}}'),
    Case(name="a key twice in an extra field", payload=with_raw('"x": {"a": 1, "a": 1}')),
    Case(name="nested 33 deep", payload=with_raw('"x": ' + "[" * 33 + "]" * 33)),
    Case(name="nested 5,000 deep", payload=with_raw('"x": ' + "[" * 5000 + "]" * 5000)),
    Case(name="objects 2,000 deep", payload=b'{"x":' * 2000 + b"1" + b"}" * 2000),
    Case(name="open brackets only", payload=b"[" * 10_000),
    Case(name="17 KiB", payload=with_raw(f'"x": "{"a" * 17 * 1024}"'), reason=Reason.TOO_LARGE),
    Case(name="one byte too many", payload=changed().ljust(16 * 1024 + 1), reason=Reason.TOO_LARGE),
    Case(name="200 KiB", payload=with_raw(f'"x": "{"a" * 200 * 1024}"'), reason=Reason.TOO_LARGE),
]

FIELDS = [
    Case(name="no v", payload=changed(v=...)),
    Case(name="v 2", payload=changed(v=2)),
    Case(name="v as a string", payload=changed(v="1")),
    Case(name="v true", payload=changed(v=True)),
    Case(name="v 1.5", payload=changed(v=1.5)),
    Case(name="no id", payload=changed(id=...)),
    Case(name="an empty id", payload=changed(id="")),
    Case(name="an id of 65 characters", payload=changed(id="x" * 65)),
    Case(name="a number as id", payload=changed(id=17)),
    Case(name="null as id", payload=changed(id=None)),
    Case(name="a NUL in the id", payload=changed(id="a\0b")),
    Case(name="no type", payload=changed(type=...)),
    Case(name="null as type", payload=changed(type=None)),
    Case(name="a list as type", payload=changed(type=["door"])),
    Case(name="an unknown type", payload=changed(type="toaster"), reason=Reason.UNKNOWN_TYPE),
    Case(name="a type in capitals", payload=changed(type="DOOR"), reason=Reason.UNKNOWN_TYPE),
    Case(name="a command's type", payload=changed(type="receipt"), reason=Reason.UNKNOWN_TYPE),
    Case(name="at as a number", payload=changed(at=1764000000)),
    Case(name="at as the text of a number", payload=changed(at="1764000000")),
    Case(name="at as a word", payload=changed(at="yesterday")),
    Case(name="at without an offset", payload=changed(at="2026-11-22T10:00:00")),
    Case(name="at without a time", payload=changed(at="2026-11-22")),
    Case(name="at on 30 February", payload=changed(at="2026-02-30T10:00:00Z")),
    Case(name="at with Arabic digits", payload=changed(at="٢٠٢٦-11-22T10:00:00Z")),
    Case(name="battery 101", payload=changed(battery=101)),
    Case(name="battery below zero", payload=changed(battery=-1)),
    Case(name="battery as a string", payload=changed(battery="88")),
    Case(name="battery true", payload=changed(battery=True)),
    Case(name="battery null", payload=changed(battery=None)),
    Case(name="at null", payload=changed(at=None)),
    Case(name="data as a list", payload=changed(data=[])),
    Case(name="data null", payload=changed(data=None)),
    Case(name="a door without data", payload=changed(data=...)),
    Case(name="a door without open", payload=changed(data={})),
    Case(name="a door open as a string", payload=changed(data={"open": "yes"})),
    Case(name="a door open as a number", payload=changed(data={"open": 1})),
    Case(name="motion active as a string", payload=changed(type="motion", data={"active": "true"})),
    Case(name="presence without occupied", payload=changed(type="presence", data={})),
    Case(name="tamper without active", payload=changed(type="tamper", data={})),
    Case(name="battery without battery", payload=changed(type="battery", data={})),
    Case(name="an answer without alert", payload=changed(type="prompt_answer", data={"well": True})),
    Case(
        name="an answer with well as a word", payload=changed(type="prompt_answer", data={"alert": "a", "well": "no"})
    ),
]

PLACES = [
    Case(name="another account's device", payload=changed(), device_id="door-9", reason=Reason.FOREIGN_ACCOUNT),
    Case(name="a device of nobody", payload=changed(), device_id="nobody", reason=Reason.UNKNOWN_DEVICE),
    Case(name="an account of nobody", payload=changed(), account="gw-77", reason=Reason.FOREIGN_ACCOUNT),
    Case(name="no such lane", payload=changed(), lane="observations", reason=Reason.WRONG_TOPIC),
    Case(name="no lane", payload=changed(), topic="lampkeep/v1/gw-1/door-1", reason=Reason.WRONG_TOPIC),
    Case(
        name="a level too many",
        payload=changed(),
        topic="lampkeep/v1/gw-1/door-1/observation/x",
        reason=Reason.WRONG_TOPIC,
    ),
    Case(
        name="another version",
        payload=changed(),
        topic="lampkeep/v2/gw-1/door-1/observation",
        reason=Reason.WRONG_TOPIC,
    ),
    Case(name="an empty device", payload=changed(), topic="lampkeep/v1/gw-1//observation", reason=Reason.WRONG_TOPIC),
    Case(name="a status as a word", payload=b"online", lane="status"),
    Case(name="a status with online as a word", payload=b'{"v":1,"online":"yes"}', lane="status"),
    Case(name="an empty status", payload=b"", lane="status"),
    Case(name="a bridge's state that is no JSON", payload=b"ON", topic="lampkeep/z2m/gw-1/Front door"),
    Case(name="an availability of a third kind", payload=b"away", topic="lampkeep/z2m/gw-1/Front door/availability"),
    Case(name="an availability that is a list", payload=b'{"state":[]}', topic="lampkeep/z2m/gw-1/x/availability"),
    Case(name="a press as availability", payload=b'{"state":[],"sos":1}', topic="lampkeep/z2m/gw-1/y/availability"),
    Case(name="a bridge's connection as an object", payload=b'{"state":{}}', topic="lampkeep/z2m/gw-1/bridge/state"),
    Case(
        name="a bridge's unknown device", payload=b'{"contact":true}', topic="lampkeep/z2m/gw-1/Lamp",
        reason=Reason.UNKNOWN_DEVICE,
    ),
]  # fmt: skip

URGENT = [
    Case(name="urgent: empty", payload=b"", lane="urgent"),
    Case(name="urgent: broken UTF-8", payload=b'{"v":1,"id":"\xff","type":"sos"}', lane="urgent"),
    Case(name="urgent: cut off", payload=b'{"v":1,"id":"c1","type":"so', lane="urgent"),
    Case(name="urgent: NaN", payload=b'{"v":1,"id":"c2","type":"sos","battery":NaN}', lane="urgent"),
    Case(name="urgent: a key twice", payload=b'{"v":1,"id":"c3","id":"c4","type":"sos"}', lane="urgent"),
    Case(name="urgent: test as a word", payload=changed(type="sos", data={"test": "yes"}), lane="urgent"),
    Case(name="urgent: no id", payload=b'{"v":1,"type":"sos"}', lane="urgent"),
    Case(name="urgent: v 3", payload=changed(v=3, type="sos", data={}), lane="urgent"),
    Case(name="urgent: a cancel of nothing", payload=changed(type="sos_cancel", data={}), lane="urgent"),
    Case(name="urgent: an unknown type", payload=changed(type="help"), lane="urgent", reason=Reason.UNKNOWN_TYPE),
    Case(name="urgent: 17 KiB", payload=changed(type="sos", x="a" * 17 * 1024), lane="urgent", reason=Reason.TOO_LARGE),
    Case(
        name="urgent: another account's device",
        payload=changed(type="sos", data={}),
        lane="urgent",
        device_id="door-9",
        reason=Reason.FOREIGN_ACCOUNT,
    ),
]

OBSERVATIONS = [*SHAPES, *BYTES, *NUMBERS, *STRUCTURE, *FIELDS, *PLACES]
CORPUS = [*OBSERVATIONS, *URGENT]
