"""Where an answer of the authorization endpoint sends the browser, and the one that is an error."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlencode

from remit.core.authorization_request import ReturnAddress


class AnswerError(Exception):
    """An error for the client: the browser is sent to `url`, which says `error` there (RFC 6749 section 4.1.2.1)."""

    def __init__(self, url: str, error: str, description: str) -> None:
        super().__init__(f"{error}: {description}")
        self.url = url
        self.error = error
        self.description = description


def answer_url(address: ReturnAddress, answer: Mapping[str, str], issuer: str) -> str:
    """The answer with the client's `state` and our `iss` (RFC 9207)."""
    state = {"state": address.state} if address.state else {}
    query = urlencode({**answer, **state, "iss": issuer})
    return f"{address.redirect_uri}{'&' if '?' in address.redirect_uri else '?'}{query}"
