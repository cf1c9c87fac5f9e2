"""Cancellation that libraries lose: `asyncio.wait_for` of Python 3.11 may swallow it, psycopg may answer with another
error. Whoever goes on in a loop after such a call asks here."""

import asyncio


def is_cancelled() -> bool:
    """Whether the running task has been told to end and has not ended."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def end_if_cancelled() -> None:
    """Raise the CancelledError that got lost on the way."""
    if is_cancelled():
        raise asyncio.CancelledError
