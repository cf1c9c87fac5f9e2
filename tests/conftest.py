"""What all tests share is in `support`; this names the parts that pytest must know, and how logs look in a report."""

import structlog

pytest_plugins = ["support.services_plugin"]

# As in the product: to draw a boxed traceback takes some 300 ms, for which a service inside a test would stand still.
structlog.configure(
    processors=[
        *structlog.get_config()["processors"][:-1],
        structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback),
    ]
)
