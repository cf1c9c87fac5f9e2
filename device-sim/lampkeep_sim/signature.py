"""The signature of a webhook (contract, section 5), from the receiver's side."""

import hashlib
import hmac

TOLERANCE_S = 300
"""How old a signature may be, against replay: five minutes, as most webhook senders advise."""


def sign(secret: str, at_s: int, body: bytes) -> str:
    """Return the header value for a body signed at `at_s` unix seconds."""
    digest = hmac.new(secret.encode(), f"{at_s}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={at_s},v1={digest}"


def verify(header: str | None, secret: str, body: bytes, now_s: float) -> str | None:
    """Return None if the signature is right, else what is wrong with it."""
    if not header:
        return "no signature"
    parts = dict(part.split("=", 1) for part in header.split(",") if "=" in part)
    at = parts.get("t", "")
    if not at.isdecimal():
        return "no instant in the signature"
    if abs(now_s - int(at)) > TOLERANCE_S:
        return "signature is too old or from the future"
    if not hmac.compare_digest(sign(secret, int(at), body), header):
        return "signature does not match"
    return None
