"""Pages as HTML: server-rendered, no script, nothing loaded from anywhere, framed by nobody."""

from __future__ import annotations

import base64
import hashlib
from datetime import UTC, datetime
from typing import Any, Final

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from starlette.responses import HTMLResponse

from remit.core.grant import Calls, LiveGrant
from remit.core.scope import scope_text

_PAGES: Final = Environment(
    loader=PackageLoader("remit.surfaces.oauth"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
)
_STYLE: Final = _PAGES.get_template("style.css").render()
_STYLE_HASH: Final = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
HEADERS: Final = {
    "Content-Security-Policy": (
        f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; form-action 'self'; frame-ancestors 'none'; "
        "base-uri 'none'"
    ),
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
}


def page(template: str, *, status: int = 200, said: str = "", bad: bool = False, **values: Any) -> HTMLResponse:
    """`said` stands above the page: what just happened, or with `bad` what went wrong."""
    # The style is our own file, and its hash in the policy must fit it byte for byte.
    text = _PAGES.get_template(template).render(style=Markup(_STYLE), said=said, bad=bad, **values)  # noqa: S704
    return HTMLResponse(text, status, headers=HEADERS)


def message(heading: str, text: str, next: str = "", *, status: int) -> HTMLResponse:
    return page("message.html", status=status, heading=heading, text=text, next=next)


def grant_shown(live: LiveGrant) -> dict[str, Any]:
    """A grant in the words a person needs to decide whether it should go on."""
    grant = live.grant
    budget = grant.budget
    until = datetime.fromtimestamp(grant.expires_at_s, UTC).strftime("%Y-%m-%d %H:%M UTC")
    of = f" of {budget.calls_max}" if isinstance(budget, Calls) else ""
    limits = sorted(f"{limit.tool}: {limit.argument} {limit.check} {limit.values}" for limit in grant.constraints)
    return {
        "id": grant.id,
        "purpose": grant.purpose.text,
        "client": grant.client_id,
        "scopes": scope_text(grant.scopes),
        "limits": limits,
        "environment": grant.environment,
        "resource": grant.resource,
        "until": until,
        "calls": f"{live.calls_used}{of} used",
        "by": f"{grant.origin.by} ({grant.origin.how})",
    }
