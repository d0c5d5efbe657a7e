"""Steps 5 and 6: a token as it reads, and what the server says to it. Nothing here verifies a signature."""

from __future__ import annotations

from base64 import urlsafe_b64decode
from typing import Final

from remit.core.diagnosis.causes import Cause, Difference, Hypothesis, likely, possible, ruled_out, untested
from remit.core.diagnosis.evidence import Evidence, Token
from remit.core.diagnosis.heard import Heard, json_object, text, texts
from remit.core.secret import Secret

GIVE_TOKEN: Final = "give --token-env NAME, with a token in that variable"
NO_TOKEN: Final = "no token was given"
OPAQUE: Final = "the token is no JWT; only its issuer can read it"
SKEW_S_MAX: Final = 60.0
# What an ID token has and an access token does not (OpenID Connect Core section 2, RFC 9068 section 2.2).
ID_TOKEN_CLAIMS: Final = frozenset({"nonce", "at_hash", "c_hash"})


def read_token(secret: Secret) -> Token:
    """What a token says of itself. Whoever made it may have lied."""
    parts = secret.expose().split(b".")
    if len(parts) != 3:
        return Token(None)
    header, claims = _segment(parts[0]), _segment(parts[1])
    return Token(claims, text((header or {}).get("typ")))


def _segment(part: bytes) -> dict[str, object] | None:
    try:
        found = json_object(urlsafe_b64decode(part + b"=" * (-len(part) % 4)))
    except ValueError:
        return None
    return dict(found) if found is not None else None


def audiences(token: Token) -> tuple[str, ...]:
    found = (token.claims or {}).get("aud")
    return (found,) if isinstance(found, str) else texts(found)


def scopes(token: Token) -> tuple[str, ...]:
    """Of `scope` (RFC 9068), or `scp` as Entra and Okta write it."""
    claims = token.claims or {}
    found = claims.get("scope", claims.get("scp"))
    return tuple(found.split()) if isinstance(found, str) else texts(found)


def accepted(evidence: Evidence) -> bool:
    return any(heard.result is not None for heard in evidence.calls)


def refused(evidence: Evidence) -> Heard | None:
    return next((heard for heard in evidence.calls if heard.status in (401, 403)), None)


def _unread(evidence: Evidence) -> Cause | None:
    if evidence.token is None:
        return untested(NO_TOKEN, GIVE_TOKEN)
    return untested(OPAQUE) if evidence.token.claims is None else None


def _kind(evidence: Evidence) -> Cause:
    unread = _unread(evidence)
    if unread is not None or evidence.token is None:
        return unread or untested(NO_TOKEN)
    signs = sorted(ID_TOKEN_CLAIMS & (evidence.token.claims or {}).keys())
    if not signs:
        return ruled_out("nothing in it says ID token")
    return likely(
        f"this looks like an ID token (it has {', '.join(signs)}): it tells a client who signed in, and opens nothing",
        "send the access_token of the answer, not the id_token",
    )


def _audience(evidence: Evidence) -> Cause:
    unread = _unread(evidence)
    if unread is not None or evidence.token is None:
        return unread or untested(NO_TOKEN)
    expected, found = evidence.resource_named or evidence.url, audiences(evidence.token)
    if expected in found or evidence.url in found:
        return ruled_out("the token is for this resource")
    difference = Difference("aud", expected, " ".join(found))
    advice = "the client must send resource=… to /authorize and /token, and the issuer must put it into aud (RFC 8707)"
    if accepted(evidence):
        return possible(
            "the server takes a token that is not for it, so it may take one that was made for anybody",
            "let the server check aud; that is what keeps tokens from being passed on",
            difference,
        )
    return likely("the token is for another audience", advice, difference)


def _issuer(evidence: Evidence) -> Cause:
    unread = _unread(evidence)
    if unread is not None or evidence.token is None:
        return unread or untested(NO_TOKEN)
    if not evidence.issuer:
        return untested("no authorization server is known")
    expected = text(evidence.server.get("issuer")) or evidence.issuer
    difference = Difference("iss", expected, text((evidence.token.claims or {}).get("iss")))
    if difference.at < 0 or difference.found == evidence.issuer:
        return ruled_out("it is from the advertised issuer")
    judged = possible if accepted(evidence) else likely
    advice = "log in again at the advertised issuer; a client must keep tokens per issuer"
    return judged("the token is from another issuer than the metadata names", advice, difference)


def _time(evidence: Evidence) -> Cause:
    unread = _unread(evidence)
    if unread is not None or evidence.token is None:
        return unread or untested(NO_TOKEN)
    claims, now_s = evidence.token.claims or {}, evidence.their_now_s
    expires_at_s, begins_at_s = _seconds(claims.get("exp")), _seconds(claims.get("nbf"))
    if expires_at_s is not None and expires_at_s <= now_s:
        advice = "log in or refresh; if clients do not refresh, see no_refresh"
        return likely(f"the token ended {now_s - expires_at_s:.0f} s ago by the server's clock", advice)
    if begins_at_s is not None and begins_at_s > now_s:
        advice = "set the clocks of server and issuer (NTP)"
        return likely(f"the token begins {begins_at_s - now_s:.0f} s from now by the server's clock", advice)
    return ruled_out("it is good now" if expires_at_s is not None else "it names no end")


def _seconds(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and abs(value) < 1e15 else None


def _skew(evidence: Evidence) -> Cause:
    if evidence.skew_s is None:
        return untested("the server sends no Date")
    if abs(evidence.skew_s) <= SKEW_S_MAX:
        return ruled_out(f"the clocks differ by {abs(evidence.skew_s):.0f} s at most")
    way = "ahead of" if evidence.skew_s > 0 else "behind"
    return possible(
        f"the server's clock is {abs(evidence.skew_s):.0f} s {way} the one here; tokens end early or begin late",
        "set both clocks (NTP)",
    )


def _scope(evidence: Evidence) -> Cause:
    heard = next((heard for heard in evidence.calls if heard.status == 403), None)
    bearer = heard.challenges.bearer if heard is not None else None
    if bearer is not None and bearer.parameter("error") == "insufficient_scope":
        needed = bearer.parameter("scope") or ""
        has = " ".join(scopes(evidence.token)) if evidence.token is not None else ""
        advice = "log in again and agree to these scopes; a client asks for the union with those it has"
        return likely("the server wants a scope that the token does not have", advice, Difference("scope", needed, has))
    if not evidence.calls:
        return untested(NO_TOKEN, GIVE_TOKEN)
    return ruled_out("the server names no missing scope")


def _refused(evidence: Evidence) -> Cause:
    if not evidence.calls:
        return untested(NO_TOKEN, GIVE_TOKEN)
    heard = refused(evidence)
    if heard is None:
        return ruled_out(f"no 401 and no 403 ({', '.join(f'{each.place} {each.status}' for each in evidence.calls)})")
    bearer = heard.challenges.bearer
    says = [bearer.parameter(name) for name in ("error", "error_description")] if bearer is not None else []
    words = ": ".join(word for word in says if word) or "no reason given"
    if heard.status == 401:
        return likely(f"{heard.place} 401 with the token: {words}", "look at aud, iss and exp above; then log in again")
    return likely(
        f"{heard.place} 403 with the token: {words}",
        "the login worked: who it is may not do this; ask whoever administers the server",
    )


def _no_tools(evidence: Evidence) -> Cause:
    if not evidence.calls:
        return untested(NO_TOKEN, GIVE_TOKEN)
    listed = next((heard for heard in evidence.calls if heard.place == "tools/list"), None)
    if listed is None or listed.result is None:
        return untested("the tools were not listed")
    tools = listed.result.get("tools")
    count = len(tools) if isinstance(tools, list) else 0
    if count:
        return ruled_out(f"{count} tools are listed")
    return likely(
        "the login works and the list of tools is empty",
        "ask whoever administers the server what this person and client may use",
    )


HYPOTHESES: Final = (
    Hypothesis("id_token", "an ID token is sent", _kind),
    Hypothesis("token_audience", "the token is for another resource", _audience),
    Hypothesis("token_issuer", "the token is from another issuer", _issuer),
    Hypothesis("token_time", "the token is over, or not yet good", _time),
    Hypothesis("clock_skew", "the clocks differ", _skew),
    Hypothesis("scope_insufficient", "the token lacks a scope", _scope),
    Hypothesis("token_refused", "the server refuses the token", _refused),
    Hypothesis("no_tools", "nothing is listed after the login", _no_tools),
)
