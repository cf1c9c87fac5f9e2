"""The MQTT session of one account: it reconnects, keeps what it could not send, and tells the broker its last will.

A session belongs to a device that connects by itself or to a gateway. It is at-least-once: a publish whose PUBACK did
not come before the connection broke is sent again on the next one, under the same message id.
"""

import asyncio
import random
import secrets
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

import structlog

from lampkeep_sim.mqtt import (
    Connect,
    Connection,
    ConnectRefusedError,
    Endpoint,
    MqttError,
    Property,
    Puback,
    Publish,
    Version,
    Will,
)

log = structlog.get_logger()

SESSION_REFUSED = "session.refused"
SESSION_LOST = "session.lost"

BACKOFF_FIRST_S = 1.0
BACKOFF_MAX_S = 60.0
"""Reconnecting waits 1 s, 2 s, 4 s … 60 s, each drawn between half and all of it, so that a power cut that ends does
not become a storm of connections."""

HELD_AT_MOST = 1000
"""Publishes a session keeps while it has no broker; beyond that the oldest go. A sensor has tens of kilobytes."""

UNACKED_AT_MOST = 100
"""Publishes of one session under way, below every broker's receive maximum (NATS allows 1,024 by default)."""


@dataclass(slots=True)
class Tally:
    """What happened so far, over all sessions that share it. Counts only grow."""

    connected: int = 0
    lost: int = 0
    refused: int = 0
    published: int = 0
    acknowledged: int = 0
    rejected: int = 0
    dropped: int = 0
    resent: int = 0
    receipts: int = 0
    given_up: int = 0


@dataclass(slots=True, kw_only=True)
class Link:
    """How sessions reach the broker; shared by all of them, so that one learns the version for all."""

    endpoint: Endpoint
    version: Version = Version.V5
    """Falls back to 3.1.1 for good once the broker says that it does not speak 5."""
    keep_alive_s: int = 60
    timeout_s: float = 10.0
    passwords: dict[str, str] = field(default_factory=dict)
    """By account; the endpoint's password is the default."""
    tally: Tally = field(default_factory=Tally)
    connecting: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(100))
    """How many sessions connect at the same time."""

    def password(self, account: str) -> bytes | None:
        """Return the password of an account, or None."""
        found = self.passwords.get(account, self.endpoint.password)
        return found.encode() if found is not None else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Who a session is: its account (the MQTT user name), client id, last will, first words, and what it listens to."""

    account: str
    client_id: str
    will: Will | None
    birth: tuple[tuple[str, bytes], ...]
    """Retained publishes after each connect."""
    filters: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Parcel:
    topic: str
    payload: bytes
    retain: bool
    on_ack: Callable[[Puback], None] | None


class Session:
    """One account's session. `run` is its life; everything else may be called at any time from the same loop."""

    def __init__(
        self,
        identity: Identity,
        link: Link,
        rng: random.Random,
        *,
        on_command: Callable[[Publish], None] | None = None,
    ) -> None:
        self.identity = identity
        self._link = link
        self._rng = rng
        self._on_command = on_command or _ignore
        self._held: deque[_Parcel] = deque()
        self._returned: list[_Parcel] = []
        self._connection: Connection | None = None
        self._ended = asyncio.Event()
        self._allowed = asyncio.Event()
        self._allowed.set()
        self._closing = False
        self._idle = asyncio.Event()
        self._idle.set()
        self.up = asyncio.Event()
        """Set while the session is connected, subscribed and has said that it is online."""

    async def run(self) -> None:
        """Connect, stay, reconnect; returns after `close`. Refusals are tried again, too: accounts may appear later."""
        failures = 0
        while not self._closing:
            await self._allowed.wait()
            try:
                await self._connect()
            except ConnectRefusedError as error:
                if error.version_unsupported and self._link.version is Version.V5:
                    self._link.version = Version.V311
                    continue
                if error.version_unsupported:
                    continue  # another session has learnt the version meanwhile
                self._link.tally.refused += 1
                log.warning(SESSION_REFUSED, account=self.identity.account, reason_code=error.reason_code)
            except MqttError as error:
                log.debug(SESSION_LOST, account=self.identity.account, error=str(error))
            else:
                failures = 0
                await self._ended.wait()
            if not self._closing:
                await self._back_off(failures)
                failures += 1

    def send(
        self,
        topic: str,
        payload: bytes,
        *,
        retain: bool = False,
        first: bool = False,
        on_ack: Callable[[Puback], None] | None = None,
    ) -> None:
        """Publish at QoS 1 as soon as the session is up, `first` before all that waits.

        `on_ack` is called with the PUBACK, if ever.
        """
        if len(self._held) >= HELD_AT_MOST:
            self._held.popleft()
            self._link.tally.dropped += 1
        parcel = _Parcel(topic, payload, retain, on_ack)
        if first:
            self._held.appendleft(parcel)
        else:
            self._held.append(parcel)
        self._idle.clear()
        self._flush()

    @property
    def pending(self) -> int:
        """Publishes that are held or not acknowledged yet."""
        return len(self._held) + (self._connection.unacknowledged if self._connection else 0)

    def cut(self) -> None:
        """Vanish without a word and stay away until `mend`: the broker publishes the will."""
        self._allowed.clear()
        if self._connection is not None:
            self._connection.abort()

    def mend(self) -> None:
        """Come back."""
        self._allowed.set()

    def drop(self) -> None:
        """Lose the connection once, as on bad radio; the session reconnects by itself."""
        if self._connection is not None:
            self._connection.abort()

    async def close(self, timeout_s: float = 3.0) -> None:
        """Wait at most `timeout_s` for what is under way, and again to say offline; then goodbye."""
        self._closing = True
        connection = self._connection
        if connection is not None and self.up.is_set():
            will = self.identity.will
            try:
                async with asyncio.timeout(timeout_s):
                    await self._idle.wait()
                if will is not None:
                    await connection.publish(will.topic, will.payload, retain=True, timeout_s=timeout_s)
            except (MqttError, TimeoutError) as error:
                log.debug(SESSION_LOST, account=self.identity.account, error=str(error))
            connection.disconnect()
        self._ended.set()
        self._allowed.set()

    async def _connect(self) -> None:
        link, who = self._link, self.identity
        async with link.connecting:
            self._ended.clear()
            connection = await Connection.open(
                link.endpoint,
                self._words(),
                on_publish=self._on_command,
                on_lost=self._lost,
                timeout_s=link.timeout_s,
            )
            self._connection = connection
            try:
                if who.filters:
                    await connection.subscribe(*who.filters, timeout_s=link.timeout_s)
                for topic, payload in who.birth:
                    await connection.publish(topic, payload, retain=True, timeout_s=link.timeout_s)
            except MqttError:
                connection.abort()
                raise
        link.tally.connected += 1
        if not self._allowed.is_set():
            connection.abort()
        elif not self._ended.is_set():
            self.up.set()
            self._flush()

    def _words(self) -> Connect:
        link, who = self._link, self.identity
        expiry = {Property.SESSION_EXPIRY_S: 0, Property.RECEIVE_MAXIMUM: UNACKED_AT_MOST}
        return Connect(
            client_id=who.client_id,
            version=link.version,
            clean_start=True,  # what a device must not miss, a receipt, comes again with its next resend
            keep_alive_s=link.keep_alive_s,
            username=who.account,
            password=link.password(who.account),
            will=who.will,
            properties=expiry if link.version is Version.V5 else {},
        )

    def _flush(self) -> None:
        connection = self._connection
        if connection is None or not self.up.is_set():
            return
        room = min(UNACKED_AT_MOST, connection.receive_maximum)
        while self._held and connection.is_open and connection.unacknowledged < room:
            parcel = self._held.popleft()
            try:
                connection.publish_nowait(
                    parcel.topic, parcel.payload, retain=parcel.retain, on_ack=partial(self._settle, parcel)
                )
            except MqttError:  # it closed under our hands; `_lost` follows
                self._held.appendleft(parcel)
                return
            self._link.tally.published += 1

    def _settle(self, parcel: _Parcel, ack: Puback | None) -> None:
        if ack is None:
            self._returned.append(parcel)
            return
        if ack.reason_code >= 0x80:
            self._link.tally.rejected += 1
        else:
            self._link.tally.acknowledged += 1
            if parcel.on_ack is not None:
                parcel.on_ack(ack)
        if self._held:
            self._flush()
        elif not self.pending:
            self._idle.set()

    def _lost(self, _error: MqttError) -> None:
        self._connection = None
        self.up.clear()
        self._held.extendleft(reversed(self._returned))
        self._returned.clear()
        if not self._closing:
            self._link.tally.lost += 1
        self._ended.set()

    async def _back_off(self, failures: int) -> None:
        ceiling = min(BACKOFF_MAX_S, BACKOFF_FIRST_S * 2 ** min(failures, 10))
        await asyncio.sleep(ceiling * self._rng.uniform(0.5, 1.0))


def _ignore(_publish: Publish) -> None:
    """Take what the broker sends to a session that listens to nothing."""


async def probe(link: Link) -> None:
    """Connect and leave again, which also learns the version; raises MqttError where there is no broker to talk to."""
    for _ in Version:
        words = Connect(
            client_id=f"probe-{secrets.token_hex(6)}",
            version=link.version,
            username=link.endpoint.username or "probe",
            password=link.password("probe"),
        )
        try:
            connection = await Connection.open(
                link.endpoint, words, on_publish=_ignore, on_lost=_gone, timeout_s=link.timeout_s
            )
        except ConnectRefusedError as error:
            if not error.version_unsupported:
                raise
            link.version = Version.V311
        else:
            connection.disconnect()
            return


def _gone(_error: MqttError) -> None:
    """Take note of nothing: the probe leaves by itself."""
