"""What `remit doctor URL` found, as a person reads it at two in the morning, and as JSON."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from remit.cli.output import paint
from remit.cli.terminal import one_line, shown
from remit.cli.times import moment, span
from remit.core.diagnosis.causes import Cause, Difference, Verdict
from remit.core.diagnosis.challenge import BEARER, BEARER_PARAMETERS
from remit.core.diagnosis.client_causes import ASKS_A_PERSON, answer_of, ways
from remit.core.diagnosis.evidence import ENDPOINTS, Evidence
from remit.core.diagnosis.heard import Heard, bare, host, text, texts
from remit.core.diagnosis.table import HYPOTHESES
from remit.core.diagnosis.token_causes import audiences, scopes

WIDTH = 80
INDENT = " " * 11
DIFFERENCES_MAX = 20
COPIED_CHARS_MAX = 2_048
COLOUR = {Verdict.LIKELY: "31", Verdict.POSSIBLE: "33", Verdict.UNTESTED: "2", Verdict.RULED_OUT: "32"}
QUESTION = {hypothesis.id: hypothesis.question for hypothesis in HYPOTHESES}
STEPS = ("call without a token", "protected resource metadata", "authorization server", "registration", "token", "call")
Fact = tuple[str, str]


# the steps ----------------------------------------------------------------------------------------------------------
def steps_told(evidence: Evidence) -> list[str]:
    lines = []
    for number, (step, facts) in enumerate(zip(STEPS, steps(evidence), strict=True), 1):
        lines.append(f"{number}  {step}")
        told = facts or [("", "not reached")]
        lines += [f"   {name:15} {one_line(said, 400)}".rstrip() for name, said in told]
    return lines


def steps(evidence: Evidence) -> tuple[list[Fact], ...]:
    """Facts of each step, in the order of `STEPS`."""
    return (
        [_request(heard, with_url=False) for heard in evidence.asked],
        list(_resource(evidence)),
        list(_server(evidence)),
        list(_registration(evidence)),
        list(_token(evidence)),
        [_request(heard, with_url=False) for heard in evidence.calls] + list(_tools(evidence)),
    )


def _request(heard: Heard, *, with_url: bool = True) -> Fact:
    where = heard.url if with_url else ""
    if not heard.status:
        return heard.place, f"{heard.silence} {f'({heard.said})' if heard.said else ''} {where}"
    said = [str(heard.status), where]
    if heard.redirected_to:
        said.append(f"to {bare(heard.redirected_to)}")
    elif heard.status == 200 and heard.document is None:
        said.append(f"({heard.kind or 'no type'}, no JSON object)")
    return heard.place, " ".join([*filter(None, said), *_challenges(heard)])


def _challenges(heard: Heard) -> Iterator[str]:
    """What a Bearer challenge says; of any other scheme the name only, since the rest may be a secret."""
    for challenge in heard.challenges.found:
        if challenge.scheme != BEARER:
            yield challenge.scheme
            continue
        known = [f'{name}="{value}"' for name, value in challenge.parameters if name in BEARER_PARAMETERS]
        more = [f"{name}=…" for name, _ in challenge.parameters if name not in BEARER_PARAMETERS]
        yield " ".join(["Bearer", ", ".join(known + more)]).rstrip()


def _resource(evidence: Evidence) -> Iterator[Fact]:
    yield from map(_request, evidence.resource)
    if evidence.resource_heard is not None:
        yield "used", evidence.resource_heard.place
        yield "resource", evidence.resource_named
        yield "servers", " ".join(evidence.issuers) or "none named"
        yield "scopes", " ".join(evidence.scopes_asked) or "none named"


def _server(evidence: Evidence) -> Iterator[Fact]:
    if evidence.issuer:
        guessed = " (guessed, as clients of 2025-03-26 do)" if evidence.walked_as_legacy else ""
        yield "issuer", f"{evidence.issuer}{guessed}"
    yield from map(_request, evidence.servers)
    if evidence.server_heard is None:
        return
    yield "it says", text(evidence.server.get("issuer"))
    for name in ENDPOINTS:
        if text(evidence.server.get(name)):
            where = evidence.reach.get(host(text(evidence.server[name])), "")
            yield name.removesuffix("_endpoint")[:15], f"{text(evidence.server[name])} {where}"
    yield "PKCE", " ".join(texts(evidence.server.get("code_challenge_methods_supported"))) or "not advertised"
    yield "iss parameter", _yes(evidence.server.get("authorization_response_iss_parameter_supported"))
    yield "pushed only", _yes(evidence.server.get("require_pushed_authorization_requests"))


def _registration(evidence: Evidence) -> Iterator[Fact]:
    if evidence.server_heard is None:
        return
    yield "by itself", " or ".join(ways(evidence)) or "no: somebody registers the client by hand"
    if evidence.client_id:
        yield "client id", evidence.client_id
    redirects = (evidence.redirect, evidence.redirect_elsewhere)
    for heard, redirect in zip(evidence.authorize, redirects, strict=False):
        answer = answer_of(heard, redirect)
        ok = "" if answer.error and answer.error not in ASKS_A_PERSON else "goes on towards a login"
        said = ": ".join(filter(None, [answer.error, answer.description])) or ok
        yield _request(heard, with_url=False)[0], f"{_request(heard, with_url=False)[1]} {said}"
        yield "", f"with redirect_uri {redirect or '(none)'}"


def _token(evidence: Evidence) -> Iterator[Fact]:
    if evidence.token is None:
        yield "", "none given"
    elif evidence.token.claims is None:
        yield "", "no JWT: only its issuer can read it"
    else:
        claims = evidence.token.claims
        yield "iss", text(claims.get("iss")) or "none"
        yield "aud", " ".join(audiences(evidence.token)) or "none"
        yield "scope", " ".join(scopes(evidence.token)) or "none"
        for name in ("nbf", "exp"):
            if isinstance(claims.get(name), int | float) and 0 <= claims[name] < 1e11:
                yield name, _when(claims[name] - evidence.their_now_s, claims[name])
    if evidence.skew_s is not None:
        yield "their clock", f"{evidence.skew_s:+.0f} s"


def _when(distance_s: float, at_s: float) -> str:
    return f"{moment(at_s)} ({f'in {span(distance_s)}' if distance_s >= 0 else f'{span(-distance_s)} ago'})"


def _tools(evidence: Evidence) -> Iterator[Fact]:
    if not evidence.calls:
        yield "", "none made without a token"
    for heard in evidence.calls:
        tools = (heard.result or {}).get("tools")
        if heard.place == "tools/list" and isinstance(tools, list):
            yield "tools", f"{len(tools)}{' and more' if (heard.result or {}).get('nextCursor') else ''}"


def _yes(value: object) -> str:
    return "yes" if value is True else "no"


# the causes ---------------------------------------------------------------------------------------------------------
def causes_told(causes: Iterable[Cause]) -> list[str]:
    """What holds at length, in rank order; the rest by name."""
    by = {verdict: [cause for cause in causes if cause.verdict is verdict] for verdict in Verdict}
    lines = [line for verdict in (Verdict.LIKELY, Verdict.POSSIBLE) for cause in by[verdict] for line in _told(cause)]
    if not lines:
        lines = ["nothing found that would keep a client from logging in", ""]
    for verdict in (Verdict.UNTESTED, Verdict.RULED_OUT):
        if by[verdict]:
            lines += _wrapped(", ".join(cause.id for cause in by[verdict]), f"{_word(verdict)}  ")
    advice = dict.fromkeys(cause.next for cause in by[Verdict.UNTESTED] if cause.next)
    return [*lines, *(line for each in advice for line in _wrapped(each, f"{'':9}  "))]


def _told(cause: Cause) -> Iterator[str]:
    yield f"{_word(cause.verdict)}  {cause.id}: {QUESTION.get(cause.id, '')}"
    yield from _wrapped(cause.said, INDENT)
    for difference in cause.differences[:DIFFERENCES_MAX]:
        yield from _compared(difference)
    if len(cause.differences) > DIFFERENCES_MAX:
        yield f"{INDENT}and {len(cause.differences) - DIFFERENCES_MAX} more"
    yield from _wrapped(f"next: {cause.next}", INDENT)
    yield ""


def _compared(difference: Difference) -> Iterator[str]:
    """The two strings, one under the other, so that they can be copied; then where they part."""
    yield f"{INDENT}{difference.what}"
    if not difference.expected:
        yield f"{INDENT}  found     {_whole(difference.found) or '(nothing)'}"
        return
    yield f"{INDENT}  expected  {_whole(difference.expected)}"
    yield f"{INDENT}  found     {_whole(difference.found) or '(nothing)'}"
    if difference.found:
        yield f"{INDENT}            {' ' * len(_whole(difference.found[: difference.at]))}^ {parting(difference)}"


def _whole(said: str) -> str:
    """On a line of its own and no more: the server that is examined may have written it."""
    line = shown(said).replace("\n", "\\n").replace("\t", "\\t")
    return line if len(line) <= COPIED_CHARS_MAX else f"{line[: COPIED_CHARS_MAX - 1]}…"


def parting(difference: Difference) -> str:
    """`character 24: expected the end, found '/'`. What looks like another character is told by its number."""
    named = [_character(each, difference.at) for each in (difference.expected, difference.found)]
    return f"character {difference.at + 1}: expected {named[0]}, found {named[1]}"


def _character(whole: str, at: int) -> str:
    if at >= len(whole):
        return "the end"
    return f"'{whole[at]}'" if " " < whole[at] <= "~" else f"U+{ord(whole[at]):04X}"


def _word(verdict: Verdict) -> str:
    return paint(COLOUR[verdict], f"{verdict:9}")


def _wrapped(told: str, indent: str) -> list[str]:
    rest = " " * 11
    return textwrap.wrap(
        one_line(told, 2000), WIDTH + len(indent) - len(rest), initial_indent=indent, subsequent_indent=rest,
        break_long_words=False, break_on_hyphens=False,
    )  # fmt: skip


# JSON ---------------------------------------------------------------------------------------------------------------
def document_of(evidence: Evidence, causes: Iterable[Cause]) -> dict[str, Any]:
    told = zip(STEPS, steps(evidence), strict=True)
    return {
        "url": evidence.url,
        "steps": [
            {"step": step, "facts": [{"name": name, "said": said} for name, said in facts]} for step, facts in told
        ],
        "causes": [_cause_document(cause) for cause in causes],
    }


def _cause_document(cause: Cause) -> Mapping[str, Any]:
    return {
        "id": cause.id,
        "question": QUESTION.get(cause.id, ""),
        "verdict": str(cause.verdict),
        "said": cause.said,
        "next": cause.next,
        "differences": [
            {
                "what": each.what,
                "expected": each.expected,
                "found": each.found,
                "at": each.at if each.expected else None,
            }
            for each in cause.differences
        ],
    }
