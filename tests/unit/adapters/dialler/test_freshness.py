"""How long a response stands: what its server said, read as RFC 9111 says."""

from __future__ import annotations

import pytest

from remit.adapters.dialler.freshness import fresh_s

DATE = b"Fri, 20 Nov 2026 10:00:00 GMT"


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, 300.0),
        ({b"cache-control": b"public, max-age=600"}, 600.0),
        ({b"cache-control": b'MAX-AGE="600"'}, 600.0),
        ({b"cache-control": b"max-age=600", b"age": b"500"}, 100.0),
        ({b"cache-control": b"max-age=600", b"age": b"900"}, 0.0),
        ({b"cache-control": b"max-age=600, max-age=1"}, 600.0),
        ({b"cache-control": b"max-age=600, no-store"}, 0.0),
        ({b"cache-control": b"no-cache, max-age=600"}, 0.0),
        ({b"cache-control": b"max-age=-1"}, 0.0),
        ({b"cache-control": b"max-age=soon"}, 0.0),
        ({b"cache-control": b"max-age=99999999999"}, 0.0),
        ({b"cache-control": b"private"}, 300.0),
        ({b"expires": b"Fri, 20 Nov 2026 10:10:00 GMT", b"date": DATE}, 600.0),
        ({b"expires": b"Fri, 20 Nov 2026 09:00:00 GMT", b"date": DATE}, 0.0),
        ({b"expires": b"0", b"date": DATE}, 0.0),
        ({b"expires": b"Fri, 20 Nov 2026 10:10:00 GMT"}, 0.0),
        ({b"expires": b"Fri, 20 Nov 2026 10:10:00 GMT", b"date": DATE, b"cache-control": b"max-age=1"}, 1.0),
        ({b"expires": b"\xff", b"date": DATE}, 0.0),
    ],
    ids=str,
)
def test_a_response_stands_as_long_as_its_server_says(headers: dict[bytes, bytes], expected: float) -> None:
    assert fresh_s(headers, 300.0) == expected
