"""One press of one pendant, from the hand to the receipt: the shortest proof that a system is listening."""

import random
import secrets
from datetime import UTC, datetime
from typing import Any

from lampkeep_sim.community import DeviceSpec
from lampkeep_sim.device import Account, Receipt
from lampkeep_sim.fleet import Fleet
from lampkeep_sim.message import Message
from lampkeep_sim.session import Link


async def press(
    device_id: str,
    account: str,
    link: Link,
    *,
    message_type: str = "sos",
    content: dict[str, Any] | None = None,
    message_id: str | None = None,
    deadline_s: float = 10.0,
) -> Receipt | None:
    """Send one urgent message and wait for its receipt; None if it does not come within `deadline_s`.

    It connects under a client id of its own, so that a simulator that carries the same device keeps its session, and it
    leaves the device's retained status alone.
    """
    spec = DeviceSpec(device_id=device_id, kind="pendant", account=account)
    message = Message(
        message_id=message_id or f"press-{secrets.token_hex(6)}",
        type=message_type,
        at=datetime.now(UTC),
        content=content or {},
    )
    who = Account(
        account, [spec], link, random.Random(), client_id=f"{device_id}-press-{secrets.token_hex(3)}", quiet=True
    )
    async with Fleet([who], link):
        return await who.urge(device_id, message, timeout_s=deadline_s)
