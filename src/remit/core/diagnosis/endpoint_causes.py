"""Step 1: the endpoint, asked without a token. A client begins a login because of what it answers."""

from __future__ import annotations

from typing import Final

from remit.core.diagnosis.causes import Cause, Difference, Hypothesis, likely, possible, ruled_out, untested
from remit.core.diagnosis.evidence import Evidence
from remit.core.diagnosis.heard import Heard, Silence, bare

_ADVICE: Final = {
    Silence.NAME: "is the host spelt right, and does its name resolve where the client runs?",
    Silence.CONNECTION: "is the server running, on this port, and does a firewall let you through?",
    Silence.TLS: "mend the certificate or its chain; for a private authority set SSL_CERT_FILE, here and at clients",
    Silence.TIME: "is a proxy in front waiting for a server that is gone?",
    Silence.PROTOCOL: "does this port speak TLS while the URL says http, or the other way round?",
}


def answers(heard: Heard) -> str:
    """One request in a few words: `discover 401`."""
    return f"{heard.place} {heard.status}" if heard.status else f"{heard.place}: {heard.silence}"


def _all(heard: tuple[Heard, ...]) -> str:
    return ", ".join(map(answers, heard))


def _unreachable(evidence: Evidence) -> Cause:
    if evidence.answered is not None:
        return ruled_out(f"it answers ({_all(evidence.asked)})")
    if not evidence.asked:
        return untested("nothing was asked")
    heard = evidence.asked[0]
    advice = _ADVICE.get(heard.silence or Silence.TIME, "try the URL with curl from where the client runs")
    return likely(f"{heard.silence}: {heard.said}" if heard.said else str(heard.silence), advice)


def _redirects(evidence: Evidence) -> Cause:
    if evidence.answered is None:
        return untested("nothing answered")
    moved = next((heard for heard in evidence.asked if heard.redirected_to), None)
    if moved is None:
        return ruled_out("no redirect")
    return likely(
        f"the endpoint answers {moved.status} and points elsewhere; clients do not send a POST or a token there",
        "give clients the URL it points to, if that is yours; else mend the proxy",
        Difference("endpoint", evidence.url, bare(moved.redirected_to)),
    )


def _broken(evidence: Evidence) -> Cause:
    if evidence.answered is None:
        return untested("nothing answered")
    works = evidence.is_open or evidence.refusal is not None  # a server of one era may well fail at the other's opening
    looked_at = evidence.calls if works else (*evidence.asked, *evidence.calls)
    heard = next((heard for heard in looked_at if heard.status >= 500), None)
    if heard is not None and not any(heard.result is not None for heard in evidence.calls):
        return likely(
            f"{answers(heard)}: the server or a proxy in front of it fails; this is an outage, not a refusal",
            "read the server's own log; logging in again changes nothing",
        )
    if any(heard.status == 429 for heard in (*evidence.asked, *evidence.calls)):
        return likely("429: too many requests", "wait as long as Retry-After says, then try again")
    return ruled_out("no 5xx and no 429")


def _not_mcp(evidence: Evidence) -> Cause:
    if evidence.answered is None:
        return untested("nothing answered")
    if evidence.is_open or evidence.refusal is not None:
        return ruled_out("it answers as an MCP endpoint does")
    if all(heard.status in (404, 405, 410) for heard in evidence.asked if heard.status):
        said = f"nothing takes an MCP request at this path ({_all(evidence.asked)})"
        return likely(said, "is the path right? many servers have /mcp, some /sse (the transport of 2024) or /")
    if any(heard.status == 200 and heard.document is None for heard in evidence.asked):
        kind = next(heard.kind for heard in evidence.asked if heard.status == 200 and heard.document is None)
        return likely(
            f"200 with {kind or 'no type'} instead of JSON-RPC: a web page answers here",
            "give clients the URL of the MCP endpoint, not of the page about it",
        )
    return ruled_out("what it answers is neither a page nor a missing path")


def _no_401(evidence: Evidence) -> Cause:
    if evidence.answered is None:
        return untested("nothing answered")
    if evidence.refusal is not None:
        return ruled_out(f"401 ({_all(evidence.asked)})")
    if evidence.is_open:
        return ruled_out("it needs no token")
    odd = [heard for heard in evidence.asked if heard.status in (400, 402, 403, 407) or heard.error_code is not None]
    if not odd:
        return ruled_out("it does not refuse")
    return likely(
        f"without a token it answers {_all(evidence.asked)}; only a 401 makes a client log in",
        "answer requests without a valid token with 401 and WWW-Authenticate; 403 is for a token that may not",
        Difference("status", "401", str(odd[0].status)),
    )


def _open(evidence: Evidence) -> Cause:
    if evidence.answered is None:
        return untested("nothing answered")
    if not evidence.is_open:
        return ruled_out("it does not answer without a token")
    if evidence.refusal is not None:
        return possible(
            f"one of the two openings is answered without a token ({_all(evidence.asked)}): whether a client logs in "
            "depends on its version",
            "refuse both alike, or neither",
        )
    return possible(
        "it answers without a token, so no client logs in",
        "if that is meant, all is well; if not, switch its authorization on",
    )


def _challenge(evidence: Evidence) -> Cause:
    refusal = evidence.refusal
    if refusal is None:
        return ruled_out("none is asked for") if evidence.is_open else untested("there was no 401")
    found, known = refusal.challenges, evidence.resource_heard is not None
    judged = possible if known else likely
    aside = "; the metadata is where newer clients guess it" if known else ""
    if found.problem:
        return judged(f"WWW-Authenticate cannot be read: {found.problem}", 'quote the values: name="value", …')
    if found.bearer is None:
        schemes = ", ".join(challenge.scheme for challenge in found.found) or "no WWW-Authenticate"
        advice = 'send WWW-Authenticate: Bearer resource_metadata="…"; does a proxy remove it?'
        return judged(f"the 401 has {schemes}, no Bearer challenge{aside}", advice)
    if not evidence.metadata_named:
        advice = "add resource_metadata (RFC 9728 section 5.1); clients of 2025-06-18 look nowhere else"
        return judged(f"the Bearer challenge names no resource_metadata{aside}", advice)
    return ruled_out("the 401 names the metadata")


HYPOTHESES: Final = (
    Hypothesis("unreachable", "nothing answers at the URL", _unreachable),
    Hypothesis("endpoint_redirects", "the endpoint sends clients elsewhere", _redirects),
    Hypothesis("not_mcp", "the URL is not the MCP endpoint's", _not_mcp),
    Hypothesis("server_broken", "the server fails, whoever asks", _broken),
    Hypothesis("no_401", "it refuses in a way that starts no login", _no_401),
    Hypothesis("no_login", "it asks for no login", _open),
    Hypothesis("challenge", "the 401 does not lead to the metadata", _challenge),
)
