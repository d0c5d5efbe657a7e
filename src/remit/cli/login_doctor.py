"""`remit doctor URL`: the walk, what it means, and how it ends."""

from __future__ import annotations

from typing import Any

from remit.cli.login_report import causes_told, document_of, steps_told
from remit.cli.login_walk import Given, walk
from remit.cli.options import usage
from remit.cli.output import CommandFailed, Exit, emit
from remit.cli.probe import Probe
from remit.core.diagnosis.causes import Verdict
from remit.core.diagnosis.heard import split
from remit.core.diagnosis.resource_causes import LOOPBACK
from remit.core.diagnosis.table import diagnose
from remit.core.egress import parse_peer
from remit.core.errors import Refusal
from remit.core.secret import Secret

EXPECTED = "expected https://HOST/PATH, or http:// to 127.0.0.1, [::1] or localhost"


def examine(url: str, *, client_id: str, redirect: str, token_env: str, as_json: bool) -> int:
    """Walk, judge, tell. The exit code: 0, 1 if a cause is likely, 5 if nothing answers at the URL."""
    typed, given = checked_url(url), Given(client_id, redirect, _token(token_env) if token_env else None)
    evidence = walk(typed, given, Probe(typed))
    causes = diagnose(evidence)
    text = "\n".join([typed, "", *steps_told(evidence), "", *causes_told(causes)])
    data: dict[str, Any] = document_of(evidence, causes)
    emit("diagnosis", data, as_json=as_json, text=text)
    if evidence.answered is None:
        return Exit.UNREACHABLE
    return Exit.FINDINGS if any(cause.verdict is Verdict.LIKELY for cause in causes) else Exit.OK


def checked_url(text: str) -> str:
    """What was typed, scheme and host in lower case and without a fragment, as clients send it for `resource`. Raises
    `CommandFailed`."""
    parts = split(text)
    url = parts._replace(scheme=parts.scheme.lower(), netloc=parts.netloc.lower(), fragment="").geturl()
    try:
        parse_peer(url)
    except Refusal as refusal:
        raise usage(f"this is no URL to look at: {refusal.detail}", EXPECTED) from None
    if parts.query:
        raise usage("the URL has a query; a key in it would be a secret that everybody logs", EXPECTED)
    if parts.scheme.lower() == "http" and split(url).hostname not in LOOPBACK:
        raise usage("plain http leaves this machine; nothing is sent there", EXPECTED)
    return url


def _token(name: str) -> Secret:
    from remit.app.references import of_environment

    try:
        found = of_environment(name)
    except Refusal as refusal:
        raise usage(f"--token-env: {refusal.detail}", f"export {name}=…, or give another name") from None
    value = found.expose().strip()
    if not value or not all(0x21 <= byte <= 0x7E for byte in value):
        detail = "expected one access token in visible ASCII characters, without Bearer before it"
        raise CommandFailed(Exit.USAGE, f"what is in {name} is no token", detail=detail, reason="usage")
    return Secret(value)
