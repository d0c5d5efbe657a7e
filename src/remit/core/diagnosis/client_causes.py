"""Step 4: how a client gets to be known, and what the authorization endpoint answers to one that is."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qsl

from remit.core.diagnosis.causes import Cause, Difference, Hypothesis, likely, possible, ruled_out, untested
from remit.core.diagnosis.evidence import Evidence
from remit.core.diagnosis.heard import Heard, json_object, split, text, texts
from remit.core.diagnosis.server_causes import NO_METADATA

GIVE_CLIENT: Final = "give --client-id, and --redirect as the client sends it"
# The server understood and would ask a person: for a request without one that is as good as a yes.
ASKS_A_PERSON: Final = frozenset(
    {"login_required", "consent_required", "interaction_required", "account_selection_required"}
)
# Entra: "the resource parameter does not match the requested scopes", and "this application takes no resource".
RESOURCE_ERRORS: Final = frozenset({"invalid_target", "invalid_resource", "AADSTS9010010", "AADSTS901002"})
_ENTRA: Final = re.compile(r"AADSTS[0-9]{4,8}")
_INVISIBLE: Final = re.compile(r"(?is)<(script|style|head)\b.*?(?:</\1\s*>|\Z)|<[^>]*>|&[a-z#0-9]{1,8};")
PAGE_BYTES_MAX: Final = 32_768
PAGE_CHARS_MAX: Final = 200


@dataclass(frozen=True, slots=True)
class Answer:
    """What /authorize made of a correct request. `error` empty: it went on, towards a login. `returned`: the browser
    was sent to the client's redirect URI; `iss` is what the answer says there, None if nothing."""

    error: str = ""
    description: str = ""
    returned: bool = False
    iss: str | None = None


def answer_of(heard: Heard, redirect: str) -> Answer:
    if heard.redirected_to:
        said = _parameters(heard.redirected_to)
        returned = bool(redirect) and heard.redirected_to.startswith(redirect)
        return Answer(said.get("error", ""), said.get("error_description", ""), returned, said.get("iss"))
    entra = _ENTRA.search(heard.body.decode("utf-8", "replace"))
    if heard.status == 200 and entra is None:
        return Answer()
    document = json_object(heard.body) or {}
    found = text(document.get("error")) or (entra[0] if entra else f"HTTP {heard.status}")
    return Answer(found, text(document.get("error_description")) or ("" if document else page_text(heard.body)))


def page_text(body: bytes) -> str:
    """What a person would read on the page, cut."""
    words = " ".join(_INVISIBLE.sub(" ", body[:PAGE_BYTES_MAX].decode("utf-8", "replace")).split())
    return words if len(words) <= PAGE_CHARS_MAX else f"{words[: PAGE_CHARS_MAX - 1]}…"


def _parameters(url: str) -> Mapping[str, str]:
    """Of the query, and of the fragment, where some put them. The first of each name."""
    parts = split(url)
    return dict(reversed(parse_qsl(f"{parts.query}&{parts.fragment}", keep_blank_values=True)))


def ways(evidence: Evidence) -> list[str]:
    """How a client that nobody registered by hand can get to be known."""
    server = evidence.server
    found = ["client id metadata document"] if server.get("client_id_metadata_document_supported") is True else []
    return found + (["dynamic registration (deprecated)"] if server.get("registration_endpoint") else [])


def _registration(evidence: Evidence) -> Cause:
    if evidence.server_heard is None:
        return untested(NO_METADATA)
    found = ways(evidence)
    document = "client id metadata document"
    if evidence.client_id.startswith("https://") and document not in found:
        return likely(
            "the client id is the URL of a metadata document, which this server does not support",
            "register the client at the server by hand and use the client id you get",
            Difference("client_id_metadata_document_supported", "true", "absent or false"),
        )
    if evidence.client_id:
        return ruled_out("the client has a client id")
    if not found:
        return possible(
            "the server registers no client by itself: no client id metadata documents, no registration_endpoint",
            f"register the client there by hand and give the client its client id; then {GIVE_CLIENT}",
        )
    return ruled_out(f"it offers {' and '.join(found)}")


def _public(evidence: Evidence) -> Cause:
    if evidence.server_heard is None:
        return untested(NO_METADATA)
    methods = texts(evidence.server.get("token_endpoint_auth_methods_supported"))
    if "none" in methods:
        return ruled_out("clients without a secret are taken")
    return possible(
        "clients without a secret, as programs on a person's device are, are not offered the token endpoint",
        "let the server take public clients with PKCE (method none), or give the client a secret",
        Difference("token_endpoint_auth_methods_supported", "none", " ".join(methods) or "absent: client_secret_basic"),
    )


def _pushed(evidence: Evidence) -> Cause:
    if evidence.server_heard is None:
        return untested(NO_METADATA)
    if evidence.server.get("require_pushed_authorization_requests") is not True:
        return ruled_out("plain authorization requests are taken")
    return possible("the server takes pushed authorization requests only (RFC 9126)", "does the client push? few do")


def _given(evidence: Evidence) -> tuple[Heard, Answer] | None:
    heard = next(iter(evidence.authorize), None)
    return (heard, answer_of(heard, evidence.redirect)) if heard is not None and heard.status else None


def _client(evidence: Evidence) -> Cause:
    given = _given(evidence)
    if given is None:
        said = "the authorization endpoint was not asked, or did not answer"
        return untested(said, "" if evidence.client_id else GIVE_CLIENT)
    heard, answer = given
    if not answer.error or answer.error in ASKS_A_PERSON:
        return untested(
            f"a correct request goes on towards a login ({heard.status}); it may be refused once somebody signed in",
            "sign in and look at the page; at a Remit, `remit login list` says what became of it",
        )
    if answer.error in RESOURCE_ERRORS or answer.error == "invalid_scope":
        return ruled_out("client and redirect are taken; the request is refused for something else")
    if heard.status >= 500:
        return likely(f"the authorization endpoint fails: HTTP {heard.status}", "read the authorization server's log")
    asked = f"client_id {evidence.client_id}, redirect_uri {evidence.redirect or '(none sent)'}"
    return likely(
        f"{_quoted(answer)}, asked with {asked}",
        "compare both with the registration, character by character; if they were right once, did the server lose "
        "its registrations in a restart? then delete the client's and register anew",
    )


def _resource(evidence: Evidence) -> Cause:
    return _refused_for(evidence, RESOURCE_ERRORS, "resource", evidence.resource_named or evidence.url)


def _scope(evidence: Evidence) -> Cause:
    return _refused_for(evidence, frozenset({"invalid_scope"}), "scope", " ".join(evidence.scopes_asked))


def _refused_for(evidence: Evidence, errors: frozenset[str], what: str, sent: str) -> Cause:
    given = _given(evidence)
    if given is None:
        return untested("the authorization endpoint was not asked, or did not answer")
    if given[1].error not in errors:
        return ruled_out(f"no error about the {what}")
    return likely(
        f"the authorization server refuses the {what}: {_quoted(given[1])}",
        f"let the server know this {what}, or put an authorization server in front that does",
        Difference(what, "", sent),
    )


def _port(evidence: Evidence) -> Cause:
    if len(evidence.authorize) < 2 or not evidence.authorize[1].status:
        return untested("not asked with a second loopback port")
    first, second = (answer_of(heard, "").error for heard in evidence.authorize[:2])
    if first or not second:
        return ruled_out("both ports are answered alike")
    return likely(
        "the redirect is taken at one loopback port only; programs listen at another each time (RFC 8252 section 7.3)",
        "let the server ignore the port of http://127.0.0.1, [::1] and localhost; or fix the client's port",
        Difference("redirect_uri", evidence.redirect, evidence.redirect_elsewhere),
    )


def _iss(evidence: Evidence) -> Cause:
    given = _given(evidence)
    if given is None or not given[1].returned or evidence.server_heard is None:
        return untested("no answer reached the redirect URI, so whether it carries iss is not known")
    expected, found = text(evidence.server.get("issuer")), given[1].iss
    advertised = evidence.server.get("authorization_response_iss_parameter_supported") is True
    if found == expected or (found is None and not advertised):
        return ruled_out("iss is as advertised")
    return likely(
        "the answer's iss is not the issuer; clients must refuse the code (RFC 9207)",
        "send iss exactly as the metadata spells the issuer, in errors too, or do not advertise it",
        Difference("iss", expected, found or ""),
    )


def _quoted(answer: Answer) -> str:
    return f"{answer.error}: {answer.description}" if answer.description else answer.error


HYPOTHESES: Final = (
    Hypothesis("no_registration", "a client cannot register itself", _registration),
    Hypothesis("public_clients", "clients without a secret are refused", _public),
    Hypothesis("pushed_only", "only pushed requests are taken", _pushed),
    Hypothesis("client_refused", "client id or redirect are refused", _client),
    Hypothesis("loopback_port", "only one loopback port is taken", _port),
    Hypothesis("resource_refused", "the resource parameter is refused", _resource),
    Hypothesis("scope_refused", "the scope is refused", _scope),
    Hypothesis("iss_wrong", "answers carry no or another iss", _iss),
)
