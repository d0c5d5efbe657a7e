"""One request of the walk and what came back, or why nothing did."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from typing import Any, Final
from urllib.parse import SplitResult, urlsplit

from remit.core.diagnosis.challenge import Challenges, parse_challenges

REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})


class Silence(StrEnum):
    """Why there is no answer. The first two were never asked: a document named a place a client should not go to."""

    INSIDE = "not asked: an inside address"
    INSECURE = "not asked: plain http"
    NO_URL = "not asked: no URL of a web server"
    NAME = "the name does not resolve"
    CONNECTION = "no connection"
    TLS = "TLS failed"
    TIME = "no answer in time"
    SIZE = "the answer is too large"
    PROTOCOL = "the answer is no HTTP"


@dataclass(frozen=True)
class Heard:
    """`place` says which of a step's requests this is. Status 0: nothing came, and `silence` and `said` tell why.
    Names of headers are in lower case; `challenges_raw` are the `WWW-Authenticate` lines."""

    place: str
    url: str
    status: int = 0
    headers: Mapping[str, str] = field(default_factory=dict)
    challenges_raw: tuple[str, ...] = ()
    body: bytes = b""
    silence: Silence | None = None
    said: str = ""

    @cached_property
    def challenges(self) -> Challenges:
        return parse_challenges(self.challenges_raw)

    @cached_property
    def document(self) -> Mapping[str, Any] | None:
        """The JSON object of a 200, whatever type the header claims; None if there is none."""
        return json_object(self.body) if self.status == 200 else None

    @property
    def kind(self) -> str:
        """The media type, without parameters."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    @property
    def redirected_to(self) -> str:
        return self.headers.get("location", "") if self.status in REDIRECTS else ""

    @property
    def result(self) -> Mapping[str, Any] | None:
        """The result of a JSON-RPC answer."""
        found = (self.document or {}).get("result")
        return found if isinstance(found, dict) else None

    @property
    def error_code(self) -> int | None:
        """The code of a JSON-RPC error, under whatever status."""
        error = (json_object(self.body) or {}).get("error")
        code = error.get("code") if isinstance(error, dict) else None
        return code if isinstance(code, int) else None


def json_object(body: bytes) -> Mapping[str, Any] | None:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def texts(value: object) -> tuple[str, ...]:
    """The strings of a JSON array; nothing for anything else."""
    return tuple(each for each in value if isinstance(each, str)) if isinstance(value, list) else ()


def text(value: object) -> str:
    return value if isinstance(value, str) else ""


def split(url: str) -> SplitResult:
    """The parts of what may be no URL; then all are empty."""
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return SplitResult("", "", "", "", "")
    return parts


def origin(url: str) -> str:
    """Scheme, host and port as they are spelt."""
    parts = split(url)
    return f"{parts.scheme}://{parts.netloc}"


def host(url: str) -> str:
    return (split(url).hostname or "").lower()


def bare(url: str) -> str:
    """Where a URL leads, without what it carries: a query may hold codes and states."""
    parts = split(url)
    place = f"{origin(url)}{parts.path}" if parts.netloc else parts.path
    return f"{place}?…" if parts.query else place
