"""The administration API: HTTP requests in, acts out. Who asks is what their token says; what may be done is decided
and recorded where every act is (`flows.administer`). Nothing here reads a cookie, an override of the method or a form.

    Host, Origin  ->  route  ->  token  ->  rate  ->  what is asked, strictly  ->  the act  ->  an answer or a problem
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import parse_qsl

import msgspec

from remit.core.administration import Asker, ThroughClient
from remit.core.attempts import Attempts
from remit.core.errors import Invalid, Refusal, refuse
from remit.core.reasons import Reason
from remit.core.secret import Secret
from remit.ports.clock import Clock
from remit.surfaces.admin.bodies import NUMBERS, Asked
from remit.surfaces.admin.problem import (
    CONTENT_TYPE,
    METADATA,
    Headers,
    challenge_of,
    problem,
    retry_after,
    status_of,
)
from remit.surfaces.admin.retries import KEY_CHARS_MAX, Retries
from remit.surfaces.admin.routes import PROPOSED, ROUTES, Found, Paths, Route
from remit.surfaces.mcp.exchange import HttpRequest, Responder
from remit.surfaces.mcp.place import Places
from remit.wire.headers import AUTHORIZATION, Fields, scan
from remit.wire.headers import CONTENT_TYPE as TYPE_FIELD
from remit.wire.jsonrpc import decode

log = logging.getLogger("remit.admin")

QUERY_FIELDS_MAX: Final = 16
IDEMPOTENCY_KEY: Final = b"idempotency-key"
_JSON: Final = b"application/json"
_WHOLE: Final = re.compile(r"[0-9]{1,19}\Z")
Result = Mapping[str, Any] | AsyncIterator[Mapping[str, Any]]
# (who asks, act, arguments) -> result
CarryOut = Callable[[Asker, str, Mapping[str, Any]], Awaitable[Result]]


@dataclass(slots=True)
class AdminApi:
    """`asker` tells who a token stands for, `carry_out` decides, records and acts. `documents` are served to anybody,
    by path: they say nothing about this installation but its own address.
    """

    admin_url: str
    asker: Callable[[Secret | None], Asker]
    carry_out: CarryOut
    documents: Mapping[bytes, bytes]
    clock: Clock
    requests: Attempts = field(default_factory=lambda: Attempts(burst=300, per_minute=600))
    retries: Retries = field(default_factory=Retries)
    paths: Paths = field(default_factory=Paths)
    places: Places = field(init=False)

    def __post_init__(self) -> None:
        self.places = Places(self.admin_url)

    async def __call__(self, request: HttpRequest, responder: Responder) -> None:
        """One request, answered whole. It is finished though its sender left: an act is not done by half."""
        responder.detach()
        headers: Headers = ()
        try:
            status, body = await self._answer(request)
            responder.whole(status, body)
            return
        except _NotThisMethod as refused:
            refusal: Refusal = refused.refusal
            headers = ((b"allow", refused.allowed),)
        except _TooOften as refused:
            refusal, headers = refused.refusal, retry_after(refused.wait_s)
        except Refusal as refused:
            refusal, headers = refused, challenge_of(refused, self.admin_url)
        except Exception:  # the last boundary: a bug in one act must not end administration
            log.exception("admin_act_failed")
            refusal = refuse(Reason.INTERNAL)
        responder.whole(status_of(refusal), problem(refusal), headers, CONTENT_TYPE)

    async def _answer(self, request: HttpRequest) -> tuple[int, bytes]:
        fields = scan(request.headers)
        self.places.guard(fields)
        document = self.documents.get(request.path)
        if document is not None:
            _require_method(request, {"GET"})
            return 200, document
        found = self.paths.find(request.path)
        if found is None:
            raise refuse(Reason.NOT_FOUND, "nothing is served at this path")
        _require_method(request, found.routes.keys())
        route = found.routes[request.method.decode("ascii")]
        asker = self._asker(fields)
        arguments = _arguments(route, found, request, fields)
        key = _key(route, fields)
        if key:
            body = await self._once(asker, route, arguments, key, request.body)
        else:
            body = await self._carried_out(asker, route, arguments)
        waits = route.may_wait and body.startswith(b'{"proposal":')
        return PROPOSED if waits else route.status, body

    def _asker(self, fields: Fields) -> Asker:
        if AUTHORIZATION in fields.repeated:
            raise refuse(Reason.TOKEN_MALFORMED)
        presented = fields.get(AUTHORIZATION)
        asker = self.asker(Secret(presented) if presented is not None else None)
        name, now_s = _name(asker), self.clock.monotonic_s()
        wait_s = self.requests.wait_s(name, now_s)
        if wait_s:
            raise _TooOften(wait_s)
        self.requests.take(name, now_s)
        return asker

    async def _carried_out(self, asker: Asker, route: Route, arguments: Mapping[str, Any]) -> bytes:
        result = await self.carry_out(asker, route.name, arguments)
        return json.dumps(result, separators=(",", ":"), default=str).encode()

    async def _once(self, asker: Asker, route: Route, arguments: Mapping[str, Any], key: str, body: bytes) -> bytes:
        # With other rights than before it is another request, and decided anew.
        who = f"{_name(asker)} {route.name} {' '.join(sorted(asker.administrator.tenants_for(route.act)))}"
        before = self.retries.begin(who, key, body, self.clock.monotonic_s())
        if before is not None:
            return before.expose()
        try:
            answer = await self._carried_out(asker, route, arguments)
        except BaseException:  # whatever it was: it is told to whoever asked, and may be tried again
            self.retries.failed(who, key)
            raise
        self.retries.done(who, key, answer)
        return answer


class _NotThisMethod(Exception):
    def __init__(self, allowed: bytes) -> None:
        super().__init__()
        self.refusal = refuse(Reason.METHOD_NOT_ALLOWED)
        self.allowed = allowed


class _TooOften(Exception):
    def __init__(self, wait_s: float) -> None:
        super().__init__()
        self.refusal = refuse(Reason.LIMIT_RATE)
        self.wait_s = wait_s


def _name(asker: Asker) -> str:
    """An administrator and the grant by which a client acts for them."""
    way = asker.way
    return f"{asker.administrator.name} {way.grant if isinstance(way, ThroughClient) else ''}"


def _require_method(request: HttpRequest, allowed: Any) -> None:
    if request.method.decode("ascii", "replace") not in allowed:
        raise _NotThisMethod(", ".join(sorted(allowed)).encode("ascii"))


def _arguments(route: Route, found: Found, request: HttpRequest, fields: Fields) -> dict[str, Any]:
    """Everything the request says, or a refusal: nothing that was sent is left unread."""
    arguments: dict[str, Any] = dict(found.arguments)
    if route.query is not None:
        arguments |= _fitted(_query(request.query), route.query, strict=False)
    elif request.query:
        raise refuse(Reason.INVALID_PARAMS, "query: nothing is asked there, at this path")
    if route.body is not None:
        return arguments | _fitted(_object(request, fields), route.body, strict=True)
    if request.body and request.body.strip() != b"{}":
        raise refuse(Reason.INVALID_PARAMS, "body: nothing is asked there, at this path; send none")
    return arguments


def _query(query: bytes) -> dict[str, str]:
    try:
        pairs = parse_qsl(
            query.decode("ascii"), keep_blank_values=True, strict_parsing=bool(query), errors="strict",
            max_num_fields=QUERY_FIELDS_MAX,
        )  # fmt: skip
    except ValueError:
        raise refuse(Reason.INVALID_PARAMS, "query: expected name=value, percent-encoded UTF-8, joined by &") from None
    found = dict(pairs)
    if len(found) != len(pairs):
        raise refuse(Reason.INVALID_PARAMS, "query: a name is sent more than once")
    for name in NUMBERS & found.keys():
        if not _WHOLE.match(found[name]):
            raise refuse(Reason.INVALID_PARAMS, f"query: {name}: expected a whole number in digits")
    return found


def _object(request: HttpRequest, fields: Fields) -> dict[str, Any]:
    media_type = fields.get(TYPE_FIELD, b"").partition(b";")[0].strip().lower()
    if TYPE_FIELD in fields.repeated or media_type != _JSON:
        raise refuse(Reason.UNSUPPORTED_MEDIA_TYPE)
    try:
        return decode(request.body)
    except Invalid as refused:
        if refused.reason in (Reason.BATCH_REFUSED, Reason.INVALID_MESSAGE):
            raise refuse(Reason.INVALID_PARAMS, refused.detail or "body: expected one JSON object") from None
        raise


def _fitted(given: Mapping[str, Any], shape: type[Asked], *, strict: bool) -> dict[str, Any]:
    try:
        fitted: dict[str, Any] = msgspec.to_builtins(msgspec.convert(dict(given), shape, strict=strict))
    except msgspec.ValidationError as error:
        raise refuse(Reason.INVALID_PARAMS, str(error)) from None
    return fitted


def _key(route: Route, fields: Fields) -> str:
    """The Idempotency-Key, empty if none was sent. Where it would do nothing it is refused rather than ignored."""
    if IDEMPOTENCY_KEY not in fields:
        return ""
    key = fields[IDEMPOTENCY_KEY].decode("latin-1")
    if not route.retried or IDEMPOTENCY_KEY in fields.repeated or not 0 < len(key) <= KEY_CHARS_MAX:
        raise refuse(
            Reason.INVALID_PARAMS,
            f"Idempotency-Key: expected once, up to {KEY_CHARS_MAX} characters, where it is taken",
        )
    return key


def resource_metadata(admin_url: str, issuer: str) -> tuple[bytes, bytes]:
    """The path and document of RFC 9728."""
    document = {
        "resource": admin_url,
        "authorization_servers": [issuer],
        "bearer_methods_supported": ["header"],
        "resource_name": "Remit administration",
        "resource_documentation": f"{admin_url}/openapi.json",
        "scopes_supported": sorted({f"remit:{route.act.value}" for route in ROUTES}),
    }
    return METADATA.encode("ascii"), json.dumps(document, separators=(",", ":")).encode()
