"""Pages as HTML: server-rendered, nothing loaded from elsewhere, framed by nobody. Those that ask for a passkey load
one script of ours; no other page runs any.
"""

from __future__ import annotations

import base64
import hashlib
from datetime import UTC, datetime
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from starlette.responses import HTMLResponse, Response

from remit.core.consent import Consent
from remit.core.device_code import DEVICE
from remit.core.grant import BY_CONSENT, Calls, Grant, LiveGrant
from remit.core.passkeys import KeptPasskey
from remit.core.redirects import shown
from remit.core.scope import scope_text
from remit.flows.pending import Choice

if TYPE_CHECKING:
    from jinja2 import Environment

_STYLE: Final = files("remit.surfaces.oauth").joinpath("templates", "style.css").read_text("utf-8")
_STYLE_HASH: Final = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
_POLICY: Final = (
    f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'"
)
HEADERS: Final = {
    "Content-Security-Policy": _POLICY,
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",  # with no-referrer a browser says "Origin: null" of our own forms
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
}
_SCRIPT: Final = files("remit.surfaces.oauth").joinpath("passkey.js").read_text("utf-8")


@cache
def _pages() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined  # noqa: PLC0415  no start waits for the first page

    return Environment(
        loader=PackageLoader("remit.surfaces.oauth"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )


def page(
    template: str,
    *,
    status: int = 200,
    said: str = "",
    bad: bool = False,
    target: str = "",
    script: bool = False,
    **values: Any,
) -> HTMLResponse:
    """`said` stands above the page: what just happened, or with `bad` what went wrong. `target` is where the answer to
    the page's form sends the browser on to: browsers hold redirects against the policy too. With `script` the page asks
    for a passkey.
    """
    text = _pages().get_template(template).render(style=_STYLE, said=said, bad=bad, script=script, **values)
    allowed = f"script-src 'self'; {_POLICY}" if script else _POLICY
    policy = {"Content-Security-Policy": f"{allowed} {target}".rstrip()}
    return HTMLResponse(text, status, headers={**HEADERS, **policy})


def form_target(uri: str) -> str:
    """The place of a redirect URI as a source of `form-action` (CSP level 3, section 2.3.1), which has no words for an
    IPv6 address: its scheme has to do. Raises `Invalid` for what is no redirect URI.
    """
    found, parts = shown(uri), urlsplit(uri)
    return f"{parts.scheme}:" if found.private_scheme or "[" in found.host else f"{parts.scheme}://{parts.netloc}"


def passkey_script() -> Response:
    return Response(_SCRIPT, media_type="text/javascript", headers=HEADERS)


def passkey_shown(id: str, kept: KeptPasskey) -> dict[str, Any]:
    return {
        "id": id,
        "name": kept.name,
        "added": _moment(kept.added_at_s),
        "used": _moment(kept.used_at_s) if kept.used_at_s > kept.added_at_s else "never",
        "suspended": kept.suspended,
    }


def message(heading: str, text: str, next: str = "", *, status: int, login: str = "") -> HTMLResponse:
    """`login` is the id of the request it is about, for whoever is asked for help."""
    return page("message.html", status=status, heading=heading, text=text, next=next, login=login)


def limits_shown(grant: Grant) -> list[str]:
    return sorted(
        f"{limit.tool}: {limit.argument} {limit.check} {', '.join(map(str, limit.values))}"
        for limit in grant.constraints
    )


def consent_shown(consent: Consent) -> dict[str, Any]:
    return {
        "id": consent.id,
        "client": consent.client_id,
        "scopes": scope_text(consent.scopes),
        "redirect": "a device" if consent.redirect == DEVICE else shown(consent.redirect).host,
        "resource": consent.resource,
        "environment": consent.environment,
        "given": _moment(consent.given_at_s),
    }


def remembered_shown(consent: Consent, choice: Choice) -> dict[str, Any]:
    """What one click says yes to again."""
    return {
        "scopes": scope_text(choice.scopes),
        "purpose": choice.purpose,
        "environment": choice.environment,
        "given": _moment(consent.given_at_s),
        "lasts": lasting(int(choice.ttl_s)),
        "by_administrator": bool(consent.by),
    }


def lasting(length_s: int) -> str:
    """A length of time in words: whole hours, else minutes and what is left."""
    if length_s >= 3600 and length_s % 3600 == 0:
        return f"{length_s // 3600} hour{'s' if length_s > 3600 else ''}"
    return f"{length_s // 60} min {length_s % 60} s" if length_s % 60 else f"{length_s // 60} min"


def _moment(at_s: float) -> str:
    return datetime.fromtimestamp(at_s, UTC).strftime("%Y-%m-%d %H:%M UTC")


def grant_shown(live: LiveGrant) -> dict[str, Any]:
    """A grant in the words a person needs to decide whether it should go on."""
    grant = live.grant
    budget = grant.budget
    of = f" of {budget.calls_max}" if isinstance(budget, Calls) else ""
    return {
        "id": grant.id,
        "purpose": grant.purpose.text,
        "client": grant.client_id,
        "scopes": scope_text(grant.scopes),
        "limits": limits_shown(grant),
        "environment": grant.environment,
        "resource": grant.resource,
        "until": _moment(grant.expires_at_s),
        "calls": f"{live.calls_used}{of} used",
        "by": f"you ({grant.origin.by})"
        if grant.origin.how == BY_CONSENT
        else f"{grant.origin.by} ({grant.origin.how})",
    }
