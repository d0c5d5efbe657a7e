"""An authorization request that its client brought here itself (RFC 9126), until a browser comes for it."""

from __future__ import annotations

from typing import Final

from remit.core.rows import Stored

REQUEST_URI: Final = "urn:ietf:params:oauth:request_uri:"
PUSHED_S: Final = 60.0
# Waiting at once, of all public clients together: whoever names one has proven nothing and may be anybody.
PUSHED_MAX: Final = 512
# As JSON. From here on it travels sealed in URLs, and a longer one would not fit the head of a request.
REQUEST_BYTES_MAX: Final = 20_000


class PushedRequest(Stored, frozen=True, tag="remit.pushed/1"):
    """Kept under a hash of its reference. `proven`: the client authenticated itself."""

    client: str
    parameters: dict[str, str]
    proven: bool
    pushed_at_s: float
