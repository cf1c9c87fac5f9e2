"""What devices are told: receipts, progress and prompts on `…/command` (contract section 2)."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, TypeAdapter

ProgressState = Literal["notified", "acknowledged", "on_the_way", "on_scene", "resolved"]

RECEIPT_EXPIRY_S = 300
"""Message expiry of a receipt. A device asks again by resending, so an old receipt is of no use to it."""


class _Command(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")

    v: Literal[1] = 1


class Receipt(_Command):
    """The urgent message `ref` is stored."""

    type: Literal["receipt"] = "receipt"
    ref: str


class Progress(_Command):
    """The alert has entered `state`; the device shows or says it until `expires_at`."""

    type: Literal["progress"] = "progress"
    alert: str
    state: ProgressState
    at: AwareDatetime
    expires_at: AwareDatetime


class Prompt(_Command):
    """Asks the resident whether all is well, until `expires_at`; answered with `prompt_answer`."""

    type: Literal["prompt"] = "prompt"
    alert: str
    expires_at: AwareDatetime


Command = Receipt | Progress | Prompt

COMMAND: TypeAdapter[Command] = TypeAdapter(Annotated[Command, Field(discriminator="type")])


def command_topic(account: str, device_id: str) -> str:
    """Where a device listens."""
    return f"lampkeep/v1/{account}/{device_id}/command"


def command_payload(command: Command) -> bytes:
    """The command as it goes over the wire."""
    return command.model_dump_json().encode()


def expiry_s(command: Progress | Prompt, now: datetime) -> int:
    """Whole seconds until the command is of no use, at least 1: MQTT 5's message expiry interval."""
    return max(1, int((command.expires_at - now).total_seconds()))
