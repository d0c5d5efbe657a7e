"""A page of a list as a result: the items' own bytes, joined."""

from __future__ import annotations

from typing import Final

import orjson

from remit.core.catalog import LISTING
from remit.flows.listing import Page

_KEY: Final = {method: b'{"' + key.encode("ascii") + b'":[' for method, key, _ in LISTING.values()}


def listed(method: str, page: Page, *, ttl_ms: int | None) -> bytes:
    """`ttl_ms` None is the legacy form. What one grant sees is never public (G9)."""
    value = _KEY[method] + b",".join(page.items) + b"]"
    if page.next_cursor:
        value += b',"nextCursor":' + orjson.dumps(page.next_cursor)
    if ttl_ms is not None:
        value += b',"resultType":"complete","cacheScope":"private","ttlMs":%d' % ttl_ms
    return value + b"}"
