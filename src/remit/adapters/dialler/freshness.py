"""How long a response may be used without asking again (RFC 9111 sections 4.2 and 5.2), for a cache of one user."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from email.utils import parsedate_to_datetime

_SECONDS = re.compile(rb'"?([0-9]{1,10})"?\Z')


def fresh_s(headers: Mapping[bytes, bytes], otherwise_s: float) -> float:
    """`headers` have lower-case names. `otherwise_s` if the response does not say; what cannot be read is stale."""
    directives = _directives(headers.get(b"cache-control", b""))
    if b"no-store" in directives or b"no-cache" in directives:
        return 0.0
    if b"max-age" in directives:
        found = _SECONDS.match(directives[b"max-age"])
        age = _SECONDS.match(headers.get(b"age", b"0").strip())
        return max(0.0, float(found[1]) - (float(age[1]) if age else 0.0)) if found else 0.0
    if b"expires" in headers:
        expires, date = _moment(headers[b"expires"]), _moment(headers.get(b"date", b""))
        return max(0.0, (expires - date).total_seconds()) if expires and date else 0.0
    return otherwise_s


def _directives(value: bytes) -> dict[bytes, bytes]:
    """Of a directive that is there twice the first counts (section 4.2.1)."""
    found: dict[bytes, bytes] = {}
    for part in value.split(b","):
        name, _, argument = part.strip().partition(b"=")
        found.setdefault(name.strip().lower(), argument.strip())
    return found


def _moment(value: bytes) -> datetime | None:
    try:
        found = parsedate_to_datetime(value.decode("ascii"))
    except ValueError:
        return None
    return found if found.tzinfo is not None else None
