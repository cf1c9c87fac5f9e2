"""Links that acknowledge one alert for one responder.

A token is HMAC-SHA256 of "alert|responder" under a key of the installation, so that every retry and repeat carries the
same link and only its hash need be kept.
"""

import base64
import hashlib
import hmac
import secrets

from lampkeep_dispatch.database import Connection
from lampkeep_dispatch.sql import QUERIES


class Links:
    """Makes links that begin with `public_url` (no final slash)."""

    def __init__(self, key: bytes, public_url: str) -> None:
        """`key` is 32 random bytes, the same for every copy of dispatch."""
        self._key = key
        self._public_url = public_url

    def token(self, alert_id: str, responder_id: str) -> str:
        """43 url-safe characters."""
        digest = hmac.new(self._key, f"{alert_id}|{responder_id}".encode(), hashlib.sha256).digest()
        return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()

    def url(self, alert_id: str, responder_id: str) -> str:
        """Where the responder acknowledges."""
        return f"{self._public_url}/a/{self.token(alert_id, responder_id)}"

    def sha256(self, alert_id: str, responder_id: str) -> bytes:
        """What is stored of the token."""
        return hashlib.sha256(self.token(alert_id, responder_id).encode()).digest()


async def load_links(connection: Connection, public_url: str) -> Links:
    """With the key of the installation, which the first copy to ask for it makes."""
    await connection.execute(QUERIES["make_link_key"], {"key": secrets.token_hex(32)})
    row = await (await connection.execute(QUERIES["link_key"])).fetchone()
    if row is None:
        raise LookupError("settings hold no link_key")
    return Links(bytes.fromhex(row["key"]), public_url)
