"""The signature of a webhook, against the sender's own and against tampering."""

import hashlib
import hmac

import pytest

from lampkeep_sim.signature import sign, verify

BODY = b'{"v":1}'


def test_it_is_the_hmac_that_the_contract_describes() -> None:
    expected = hmac.new(b"s3cret", b"1700000000." + BODY, hashlib.sha256).hexdigest()
    assert sign("s3cret", 1_700_000_000, BODY) == f"t=1700000000,v1={expected}"
    assert verify(sign("s3cret", 1_700_000_000, BODY), "s3cret", BODY, 1_700_000_000) is None


@pytest.mark.parametrize(
    ("header", "wrong"),
    [
        (None, "no signature"),
        ("v1=00", "no instant"),
        (sign("other", 1_700_000_000, BODY), "does not match"),
        (sign("s3cret", 1_700_000_000, b"{}"), "does not match"),
        (sign("s3cret", 1_699_999_000, BODY), "too old"),
    ],
)
def test_anything_else_is_said_to_be_wrong(header: str | None, wrong: str) -> None:
    assert wrong in (verify(header, "s3cret", BODY, 1_700_000_000) or "")
