"""Metadata documents as documents, whichever they are: asked for at several places, of which one has to answer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from remit.core.diagnosis.causes import Cause, Difference, likely, possible, ruled_out, untested
from remit.core.diagnosis.evidence import Evidence
from remit.core.diagnosis.heard import Heard, bare

JSON: Final = "application/json"


@dataclass(frozen=True, slots=True)
class Documents:
    """One kind of metadata: how it is called, where it was asked for, and which answer a client uses. `member` is in
    every one of them."""

    called: str
    member: str
    asked: Callable[[Evidence], tuple[Heard, ...]]
    used: Callable[[Evidence], Heard | None]


RESOURCE: Final = Documents(
    "protected resource metadata",
    "resource",
    lambda evidence: evidence.resource,
    lambda evidence: evidence.resource_heard,
)
SERVER: Final = Documents(
    "authorization server metadata",
    "issuer",
    lambda evidence: evidence.servers,
    lambda evidence: evidence.server_heard,
)


def in_short(heard: Heard) -> str:
    """`path 404`, `root 200 text/html`."""
    if not heard.status:
        return f"{heard.place}: {heard.silence}"
    kind = f" {heard.kind or 'no type'}" if heard.status == 200 else ""
    return f"{heard.place} {heard.status}{kind}"


def unreadable(documents: Documents) -> Callable[[Evidence], Cause]:
    """A 200 that holds no such document: a page of an application that answers everything, or an error."""

    def judge(evidence: Evidence) -> Cause:
        asked, used = documents.asked(evidence), documents.used(evidence)
        if not asked:
            return untested(f"the {documents.called} was not asked for")
        bad = [heard for heard in asked if heard.status == 200 and documents.member not in (heard.document or {})]
        if bad:
            judged = possible if used is not None and asked.index(used) < asked.index(bad[0]) else likely
            advice = f"let {bad[0].url} answer with the document or 404; a web application in front catches all paths"
            return judged(f"200 without the {documents.called}: {in_short(bad[0])}", advice)
        untyped = next((heard for heard in asked if heard.status == 200 and heard.kind != JSON), None)
        if untyped is not None:
            difference = Difference("Content-Type", JSON, untyped.kind)
            return possible(f"{untyped.url} is JSON under another type", f"send it as {JSON}", difference)
        return ruled_out("every 200 is JSON that says what it should")

    return judge


def redirected(documents: Documents) -> Callable[[Evidence], Cause]:
    def judge(evidence: Evidence) -> Cause:
        asked = documents.asked(evidence)
        if not asked:
            return untested(f"the {documents.called} was not asked for")
        moved = next((heard for heard in asked if heard.redirected_to), None)
        if moved is None:
            return ruled_out("no redirect")
        judged = possible if documents.used(evidence) is not None else likely
        return judged(
            f"{moved.place} answers {moved.status}; careful clients follow no redirect of metadata",
            "answer with the document itself; is a slash missing, or does a login page cover the well-known path?",
            Difference(moved.place, moved.url, bare(moved.redirected_to)),
        )

    return judge


def broken(documents: Documents) -> Callable[[Evidence], Cause]:
    """A 5xx is no 404: clients stop there instead of looking at the next place."""

    def judge(evidence: Evidence) -> Cause:
        asked, used = documents.asked(evidence), documents.used(evidence)
        if not asked:
            return untested(f"the {documents.called} was not asked for")
        bad = next(
            (heard for heard in asked if heard.status >= 500 or (not heard.status and not _unasked(heard))), None
        )
        if bad is None:
            return ruled_out("no place fails")
        after = used is not None and asked.index(used) < asked.index(bad)
        if after:
            return ruled_out(f"only {in_short(bad)}, which is asked after the one that answers")
        judged = possible if used is not None else likely
        advice = "answer 404 where there is no document; read the log of whatever serves this path"
        return judged(f"{in_short(bad)}; clients stop there instead of looking on. {bad.said}".strip(), advice)

    return judge


def _unasked(heard: Heard) -> bool:
    return str(heard.silence).startswith("not asked")
