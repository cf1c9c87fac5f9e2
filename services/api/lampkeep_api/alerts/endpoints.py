"""`/api/v1/alerts`: what operators look at and act on."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Header, Path, Query
from fastapi.responses import Response

from lampkeep.domain.life_cycle import Act
from lampkeep.domain.vocabulary import AlertKind, AlertState, Priority
from lampkeep_api.alerts import reading
from lampkeep_api.alerts.acting import Asked, act
from lampkeep_api.alerts.reading import Filters
from lampkeep_api.alerts.schemas import (
    AlertDetail,
    AlertPage,
    NoteBody,
    ResolveBody,
    TakeBody,
    TimelinePage,
    WriteNoteBody,
)
from lampkeep_api.alerts.stream import EventStream, resume_position
from lampkeep_api.areas.scope import require_area
from lampkeep_api.auth.guard import Asking
from lampkeep_api.fields import DEFAULT_LIMIT, Cursor, Limit
from lampkeep_api.idempotency import IdempotencyKey
from lampkeep_api.parts import Using
from lampkeep_api.problems import responses
from lampkeep_api.replies import reply
from lampkeep_api.versions import IfMatch

router = APIRouter(prefix="/api/v1/alerts", tags=["alerts"])

AlertId = Annotated[str, Path(description="id of the alert", examples=["01JD3YB1S0M7"])]
State = Literal["active"] | AlertState

_STREAM_EXAMPLE = 'id: 7421-153\nevent: alert\ndata: {"id":"01JD3YB1S0M7","kind":"sos","what":"opened"}\n\n'
_ACTED: dict[str, Any] = {"response_model": AlertDetail, "responses": responses(404, 409, 412)}


@router.get("", response_model=AlertPage, responses=responses(404), summary="Alerts, newest first")
async def list_alerts(
    parts: Using,
    caller: Asking,
    state: Annotated[list[State], Query(description="`active`: all that are not closed; may repeat")] = [],  # noqa: B006
    kind: Annotated[list[AlertKind], Query(description="may repeat")] = [],  # noqa: B006
    priority: Annotated[list[Priority], Query(description="may repeat")] = [],  # noqa: B006
    area: Annotated[str | None, Query(description="this area and all below it")] = None,
    home: Annotated[str | None, Query(description="id of a home, also of one that is gone")] = None,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> Response:
    """Alerts that the token may see. Pages stay right while alerts arrive."""
    if area is not None:
        await require_area(parts.database, caller, area)
    filters = Filters(states=tuple(state), kinds=tuple(kind), priorities=tuple(priority), area=area, home=home)
    return reply(await reading.page(parts.database, caller, filters, limit=limit, cursor=cursor))


@router.get(
    "/stream",
    response_class=Response,
    responses={
        200: {"description": "Server-Sent Events", "content": {"text/event-stream": {"example": _STREAM_EXAMPLE}}},
        **responses(),
    },
    summary="What happens to alerts, as it happens",
)
async def stream_alerts(
    parts: Using,
    caller: Asking,
    last_event_id: Annotated[
        str | None, Header(alias="Last-Event-ID", max_length=64, description="resume after this event, missing none")
    ] = None,
) -> Response:
    """Server-Sent Events: `id`, `event: alert`, and as data the list object with `what` happened.

    Without `Last-Event-ID` it begins now; list the active alerts once it is open. A comment comes every 15 s. A client
    that falls behind is cut off and resumes by its last id.
    """
    return EventStream(parts.feed, caller, resume_position(last_event_id))


@router.get("/{alert_id}", response_model=AlertDetail, responses=responses(404), summary="One alert, whole")
async def get_alert(parts: Using, caller: Asking, alert_id: AlertId) -> Response:
    """With its occurrences, steps, home and residents. The ETag is its `version`."""
    now = parts.clock.now()
    whole = await parts.database.transact(lambda connection: reading.whole(connection, caller, alert_id, now))
    return reply(whole, version=whole.version)


@router.get(
    "/{alert_id}/timeline",
    response_model=TimelinePage,
    responses=responses(404),
    summary="Everything that happened to it, oldest first",
)
async def get_timeline(
    parts: Using, caller: Asking, alert_id: AlertId, limit: Limit = DEFAULT_LIMIT, cursor: Cursor = None
) -> Response:
    """Each with `at`, `what`, `actor`, `detail`."""
    return reply(await reading.timeline(parts.database, caller, alert_id, limit=limit, cursor=cursor))


@router.post("/{alert_id}/acknowledge", summary="Take it", **_ACTED)
async def acknowledge(
    parts: Using,
    caller: Asking,
    alert_id: AlertId,
    body: TakeBody | None = None,
    if_match: IfMatch = None,
    key: IdempotencyKey = None,
) -> Response:
    """Own the alert, or let a responder own it (`for`). Steps that have not started stop."""
    return await _take(parts, caller, alert_id, Act.ACKNOWLEDGE, body, if_match, key)


@router.post("/{alert_id}/on-the-way", summary="Somebody goes there", **_ACTED)
async def on_the_way(
    parts: Using,
    caller: Asking,
    alert_id: AlertId,
    body: TakeBody | None = None,
    if_match: IfMatch = None,
    key: IdempotencyKey = None,
) -> Response:
    """Implies `acknowledge`."""
    return await _take(parts, caller, alert_id, Act.ON_THE_WAY, body, if_match, key)


@router.post("/{alert_id}/on-scene", summary="Somebody is there", **_ACTED)
async def on_scene(
    parts: Using,
    caller: Asking,
    alert_id: AlertId,
    body: TakeBody | None = None,
    if_match: IfMatch = None,
    key: IdempotencyKey = None,
) -> Response:
    """Implies `acknowledge` and `on-the-way`."""
    return await _take(parts, caller, alert_id, Act.ON_SCENE, body, if_match, key)


@router.post("/{alert_id}/resolve", summary="Close it with an outcome", **_ACTED)
async def resolve(
    parts: Using,
    caller: Asking,
    alert_id: AlertId,
    body: ResolveBody,
    if_match: IfMatch = None,
    key: IdempotencyKey = None,
) -> Response:
    """From any active state. With a note the emergency line is stood down too, and the note is the reason."""
    asked = Asked(alert_id=alert_id, act=Act.RESOLVE, outcome=body.outcome, note=body.note, if_match=if_match, key=key)
    return (await act(parts, caller, asked)).response()


@router.post("/{alert_id}/cancel", summary="End a pre-alarm", **_ACTED)
async def cancel(
    parts: Using,
    caller: Asking,
    alert_id: AlertId,
    body: NoteBody | None = None,
    if_match: IfMatch = None,
    key: IdempotencyKey = None,
) -> Response:
    """Only a pre-alarm is cancelled; an alert that has opened is resolved."""
    return await _plain(parts, caller, alert_id, Act.CANCEL, body, if_match, key)


@router.post("/{alert_id}/escalate", summary="Start the next step now", **_ACTED)
async def escalate(
    parts: Using,
    caller: Asking,
    alert_id: AlertId,
    body: NoteBody | None = None,
    if_match: IfMatch = None,
    key: IdempotencyKey = None,
) -> Response:
    """Whoever owns it; where no step is left a new round starts."""
    return await _plain(parts, caller, alert_id, Act.ESCALATE, body, if_match, key)


@router.post("/{alert_id}/confirm-emergency", summary="Let the emergency line be called", **_ACTED)
async def confirm_emergency(
    parts: Using,
    caller: Asking,
    alert_id: AlertId,
    body: NoteBody | None = None,
    if_match: IfMatch = None,
    key: IdempotencyKey = None,
) -> Response:
    """The yes that a home without consent, or a welfare alert, waits for."""
    return await _plain(parts, caller, alert_id, Act.CONFIRM_EMERGENCY, body, if_match, key)


@router.post("/{alert_id}/notes", summary="Write something down", **_ACTED)
async def write_note(
    parts: Using,
    caller: Asking,
    alert_id: AlertId,
    body: WriteNoteBody,
    if_match: IfMatch = None,
    key: IdempotencyKey = None,
) -> Response:
    """Allowed always, also on a closed alert; renews a lease."""
    asked = Asked(alert_id=alert_id, act=Act.NOTE, note=body.note, if_match=if_match, key=key)
    return (await act(parts, caller, asked)).response()


async def _take(
    parts: Using, caller: Asking, alert_id: str, kind: Act, body: TakeBody | None, if_match: str | None, key: str | None
) -> Response:
    body = body or TakeBody()
    asked = Asked(alert_id=alert_id, act=kind, for_id=body.for_, note=body.note, if_match=if_match, key=key)
    return (await act(parts, caller, asked)).response()


async def _plain(
    parts: Using, caller: Asking, alert_id: str, kind: Act, body: NoteBody | None, if_match: str | None, key: str | None
) -> Response:
    asked = Asked(alert_id=alert_id, act=kind, note=body.note if body else None, if_match=if_match, key=key)
    return (await act(parts, caller, asked)).response()
