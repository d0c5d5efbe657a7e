"""What tells one browser from another: two cookies nobody else can set, and a form that only our own page could send.

Cookies with the `__Host-` prefix come from this very host over a secure channel, and no sibling domain can plant them
(RFC 6265bis section 4.1.3.2). A form is held against the browser's own cookie, so that a page elsewhere, which cannot
read it, cannot make one up (CSRF), signing in included.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Mapping
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from remit.core.secret import Secret

BROWSER: Final = "__Host-remit-browser"
SESSION: Final = "__Host-remit-session"
# Which browser this is, whoever signs in: a remembered yes stands only where it was given.
DEVICE: Final = "__Host-remit-device"
DEVICE_S: Final = 7_776_000
CSRF: Final = "form"
_VALUE: Final = re.compile(r"[0-9a-f]{64}\Z")


class CrossSite(Exception):
    """The form did not come from a page this browser was shown by us."""


def cookie(request: Request, name: str) -> Secret | None:
    """The one cookie of this name, if it looks like one of ours. Of two nobody can say which is."""
    found = [
        part.partition("=")[2].strip()
        for header in request.headers.getlist("cookie")
        for part in header.split(";")
        if part.partition("=")[0].strip() == name
    ]
    return Secret(found[0].encode("ascii")) if len(found) == 1 and _VALUE.match(found[0]) else None


def keep(response: Response, name: str, value: Secret, *, max_age_s: int | None = None) -> None:
    """Until the browser is closed, or that long."""
    text = value.expose().decode("ascii")
    response.set_cookie(name, text, max_age=max_age_s, secure=True, httponly=True, samesite="lax", path="/")


def forget(response: Response, name: str) -> None:
    response.set_cookie(name, "", max_age=0, secure=True, httponly=True, samesite="lax", path="/")


def new_browser() -> Secret:
    return Secret(secrets.token_hex(32).encode("ascii"))


def form_token(browser: Secret) -> str:
    """What the forms of this browser's pages carry: made from its cookie and telling nothing of it."""
    return hmac.new(browser.expose(), b"remit form", hashlib.sha256).hexdigest()


def require_own_form(request: Request, form: Mapping[str, str], origin: str) -> Secret:
    """The browser that sent the form. Raises `CrossSite`. `origin` is ours, from the configuration."""
    browser, said = cookie(request, BROWSER), request.headers.getlist("origin")
    if said and said != [origin]:
        raise CrossSite
    if request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        raise CrossSite
    if browser is None or not hmac.compare_digest(form.get(CSRF, "").encode(), form_token(browser).encode()):
        raise CrossSite
    return browser
