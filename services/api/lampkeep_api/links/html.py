"""The page as HTML: one request, no script, nothing from elsewhere. Every value is escaped."""

import base64
import hashlib
from collections.abc import Iterable
from html import escape

from fastapi.responses import HTMLResponse, Response

from lampkeep_api.links.words import TITLE, Both

_STYLE = """
:root{color-scheme:light dark}
body{font:18px/1.5 system-ui,"Noto Sans SC","PingFang SC","Microsoft YaHei",sans-serif;
margin:0 auto;padding:1rem;max-width:34rem}
h1{font-size:1.6rem;line-height:1.3;margin:.2rem 0 1rem}
small{display:block;font-size:.8rem;opacity:.8;font-weight:normal}
dt{font-size:.9rem;opacity:.8;margin-top:.8rem}
dd{margin:0;font-size:1.15rem;overflow-wrap:anywhere;white-space:pre-line}
p.said{padding:.8rem;border:2px solid;border-radius:.5rem;font-weight:bold}
button{display:block;width:100%;min-height:4rem;margin:1rem 0;padding:.6rem;border:2px solid #7f1d1d;
border-radius:.7rem;font:inherit;font-size:1.3rem;font-weight:bold;background:#b91c1c;color:#fff}
button.next{background:transparent;color:inherit;border-color:currentColor}
"""

_CSP = "; ".join(
    (
        "default-src 'none'",
        f"style-src 'sha256-{base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()}'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)

HEADERS = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Robots-Tag": "noindex, nofollow, noarchive",
    "Content-Security-Policy": _CSP,
}
"""The address is a secret and the page is about a person: nobody keeps either."""


def both(words: Both) -> str:
    """Chinese, and English beneath."""
    return f'{escape(words[0])}<small lang="en">{escape(words[1])}</small>'


def fact(term: Both, value: str) -> str:
    """One line of the list; `value` is HTML already."""
    return f"<dt>{escape(term[0])} <span lang=en>{escape(term[1])}</span></dt><dd>{value}</dd>"


def said(words: Both) -> str:
    """A sentence that stands out."""
    return f'<p class="said" role="status">{both(words)}</p>'


def button(act: str, words: Both, *, first: bool) -> str:
    """A form that does one act; the first one is the big one."""
    kind = "" if first else ' class="next"'
    return (
        f'<form method="post"><input type="hidden" name="act" value="{escape(act)}">'
        f"<button{kind}>{both(words)}</button></form>"
    )


def page(parts: Iterable[str], *, status: int = 200, title: Both = TITLE) -> Response:
    """The whole document; `parts` are HTML already."""
    text = (
        '<!doctype html><html lang="zh-CN"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        '<meta name="robots" content="noindex,nofollow"><meta name="referrer" content="no-referrer">'
        f"<title>{escape(title[0])} · {escape(title[1])}</title><style>{_STYLE}</style></head>"
        f"<body><main><h1>{both(title)}</h1>{''.join(parts)}</main></body></html>"
    )
    return HTMLResponse(text, status_code=status, headers=HEADERS)
