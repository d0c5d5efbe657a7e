"""A refusal as a problem (RFC 9457): status, words and what to do. A denial and an outage share neither."""

from __future__ import annotations

import math
from typing import Any, Final

import orjson

from remit.core.errors import Refusal
from remit.core.reasons import Kind, Reason
from remit.core.request import Endpoint
from remit.surfaces.mcp.place import Place, challenge

CONTENT_TYPE: Final = b"application/problem+json"
METADATA: Final = "/.well-known/oauth-protected-resource"
Headers = tuple[tuple[bytes, bytes], ...]
# Where the words of the table are about MCP.
NEXT: Final = {
    Reason.BAD_HOST: "use the configured admin_url",
    Reason.BAD_ORIGIN: "ask from a program: no web page may ask here",
    Reason.METHOD_NOT_ALLOWED: "use a method that the Allow header names",
    Reason.MALFORMED_JSON: "send one JSON object in UTF-8",
    Reason.DUPLICATE_KEY: "send each member once",
    Reason.NOT_FOUND: "see /openapi.json for what is served, and list what there is",
    Reason.INVALID_PARAMS: "see /openapi.json for what is expected",
}
TITLE: Final = {
    Reason.INVALID_PARAMS: "the request says something that cannot be done",
    Reason.METHOD_NOT_ALLOWED: "this method is not served at this path",
}
_BEARER_ERROR: Final = {Reason.TOKEN_MISSING: "", Reason.TOKEN_MALFORMED: "invalid_request"}


def status_of(refusal: Refusal) -> int:
    """The table's, but that a denial is 403 where MCP answers it as a result, and that a request which was understood
    and does not fit is 422, apart from one that could not be read.
    """
    if refusal.reason in (Reason.INVALID_PARAMS, Reason.NUMBER_OUT_OF_RANGE):
        return 422
    status = refusal.meaning.http_status
    return 403 if status == 200 else status


def problem(refusal: Refusal) -> bytes:
    meaning, reason = refusal.meaning, refusal.reason
    content: dict[str, Any] = {
        "type": f"urn:remit:reason:{reason.value}",
        "title": TITLE.get(reason, meaning.text),
        "status": status_of(refusal),
        "detail": "" if reason is Reason.INTERNAL else refusal.detail[:1024],
        "reason": reason.value,
        "kind": refusal.kind.value,
        "next": NEXT.get(reason, meaning.next),
        "decision_id": refusal.decision_id,
    }
    return orjson.dumps(content)


def framing_problem(status: int, detail: str) -> tuple[bytes, bytes]:
    """What was not even a request, answered by the listener: a body and its type."""
    content = {
        "type": "about:blank", "title": detail, "status": status, "detail": "", "reason": "framing",
        "kind": Kind.INVALID.value, "next": "send one well-formed HTTP/1.1 request within the limits",
        "decision_id": None,
    }  # fmt: skip
    return orjson.dumps(content), CONTENT_TYPE


def challenge_of(refusal: Refusal, admin_url: str) -> Headers:
    """`WWW-Authenticate` (RFC 6750 section 3, RFC 9728 section 5.1) where a token, or another one, would help."""
    place = Place(Endpoint("", admin_url), f"{admin_url}{METADATA}")
    if refusal.reason is Reason.INSUFFICIENT_SCOPE:
        scope = str((refusal.data or {}).get("scope", ""))
        value = challenge(place, error="insufficient_scope", scope=scope, description=refusal.meaning.text)
    elif refusal.kind is Kind.UNAUTHENTICATED:
        error = _BEARER_ERROR.get(refusal.reason, "invalid_token")
        value = challenge(place, error=error, description=refusal.meaning.text if error else "")
    else:
        return ()
    return ((b"www-authenticate", value),)


def retry_after(wait_s: float) -> Headers:
    return ((b"retry-after", b"%d" % max(1, math.ceil(wait_s))),)
