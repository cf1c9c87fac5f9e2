"""Structured logs on stderr: one JSON object a line, or coloured lines for a person (`LAMPKEEP_LOG`).

Never a resident's name, address or phone: log ids. Tracebacks are without local variables, which hold such rows.
"""

import logging
import sys

import orjson
import structlog

from lampkeep.settings import Settings

NOISY = ("aiomqtt", "mqtt", "httpx", "httpcore", "psycopg.pool", "uvicorn.access")
"""Libraries whose own lines say nothing at info that our events do not say better."""


def configure(settings: Settings) -> None:
    """Set up structlog and route the standard library's loggers (uvicorn, psycopg) through the same renderer."""
    level = logging.getLevelNamesMapping()[settings.log_level.upper()]
    shared: list[structlog.types.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
        structlog.processors.StackInfoRenderer(),
    ]
    renderer: list[structlog.types.Processor]
    if settings.log == "json":
        renderer = [
            structlog.processors.ExceptionRenderer(structlog.tracebacks.ExceptionDictTransformer(show_locals=False)),
            structlog.processors.JSONRenderer(serializer=lambda value, **_: orjson.dumps(value, default=repr).decode()),
        ]
    else:
        renderer = [
            structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback)
        ]
    structlog.configure(
        processors=[*shared, *renderer],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *renderer],
        )
    )
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for name in NOISY:
        logging.getLogger(name).setLevel(max(level, logging.WARNING))
