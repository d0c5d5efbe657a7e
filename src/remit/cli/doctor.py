"""`remit doctor`: how the running Remit is doing, and what to do about what is not well. With a URL: why
a client cannot log in there, whoever's server that is.
"""

from __future__ import annotations

import http.client
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, NamedTuple
from urllib.parse import urlsplit

from cyclopts import Parameter

from remit.cli.options import DEFAULT, Options, usage
from remit.cli.output import STATES, Exit, emit, paint
from remit.cli.terminal import cause, one_line
from remit.cli.times import span

PROBE_S_MAX = 5.0


class Finding(NamedTuple):
    """One line of the report: a state, what it is about, what was found, and what to do."""

    state: str
    what: str
    found: str
    next: str = ""


def doctor(
    url: Annotated[str, Parameter(help="an MCP endpoint, anybody's; without it, the running Remit")] = "",
    /,
    *,
    client_id: Annotated[str, Parameter(help="also ask the authorization endpoint, as this client")] = "",
    redirect: Annotated[str, Parameter(help="the redirect URI the client sends, as it is spelt")] = "",
    token_env: Annotated[
        str, Parameter(help="the environment variable that holds a token: read it, call with it")
    ] = "",
    options: Options = DEFAULT,
) -> int:
    """Say how the running Remit is doing, or with a URL why a client cannot log in there. Exit code 1 if something is
    not well, or likely the cause."""
    if url:
        from remit.cli.login_doctor import examine

        return examine(url, client_id=client_id, redirect=redirect, token_env=token_env, as_json=options.json)
    if client_id or redirect or token_env:
        raise usage("--client-id, --redirect and --token-env go with a URL", "remit doctor https://HOST/mcp …")
    return _running(options)


def _running(options: Options) -> int:
    configuration = options.configuration()
    with options.administration() as administration:
        status = administration.act("status")
    findings = [*examined(status), *probed(str(status.get("public_url") or configuration.settings.public_url))]
    data = {"status": status, "findings": [finding._asdict() for finding in findings]}
    emit("doctor", data, as_json=options.json, text=reported(findings))
    return Exit.FINDINGS if any(finding.state == "failed" for finding in findings) else Exit.OK


def reported(findings: list[Finding]) -> str:
    lines = []
    for finding in findings:
        lines.append(
            f"{paint(STATES[finding.state], f'{finding.state:6}')}  {finding.what:16}  {one_line(finding.found, 200)}"
        )
        if finding.next:
            lines.append(f"{'':6}  {'':16}  next: {one_line(finding.next)}")
    return "\n".join(lines)


def examined(status: Mapping[str, Any]) -> Iterator[Finding]:
    """What the running Remit says about itself."""
    yield Finding("ok", "remit", f"{status['version']}, up {span(status['uptime_s'])}, {status['grants']} live grants")
    yield from _assurance(str(status["assurance"]))
    ledger = status["ledger"]
    if ledger["writable"]:
        yield Finding(
            "ok", "ledger", f"at record {ledger['seq']} of segment {ledger['segment']}, durable: {ledger['durable']}"
        )
    else:
        yield Finding(
            "failed", "ledger", "cannot be written, so nothing runs", "make room or mend the disk, then restart remit"
        )
    for tenant, policies in sorted(status["policies"].items()):
        problems = [f"{found['file']}:{found['line']}: {found['message']}" for found in policies["problems"]]
        if not policies["version"]:
            found = problems[0] if problems else "none: everything is denied"
            yield Finding("failed", f"policies {tenant}", found, "remit policy check")
        else:
            yield Finding("ok", f"policies {tenant}", f"set {policies['version'][:12]}")
            yield from (Finding("note", f"policies {tenant}", problem) for problem in problems)
    for server in status["servers"]:
        yield from _server(server)


def _assurance(assurance: str) -> Iterator[Finding]:
    if assurance == "same-user":
        advice = "run remit under a user of its own"
        yield Finding("note", "assurance", "remit and whoever runs agents here are one operating-system user", advice)


def _server(server: Mapping[str, Any]) -> Iterator[Finding]:
    what, health = f"server {server['name']}", str(server["health"])
    withheld, problems = server["withheld"], server["problems"]
    if health in ("unknown", "stored"):
        yield Finding("note", what, "not asked yet since the start")
    elif health != "ok":
        found = ": ".join([health, *problems[:1]])
        yield Finding("failed", what, found, f"remit check; is the server of {server['owner']} running?")
    elif withheld:
        yield Finding(
            "failed", what, f"changed since trusted: {', '.join(withheld)}", f"remit server diff {server['name']}"
        )
    else:
        yield Finding("ok", what, f"{server['tools']} tools, {' and '.join(server['eras'])}, {server['mode']}")
        yield from (Finding("note", what, problem, f"tell {server['owner']}") for problem in problems)
    for named in server["misnamed"]:
        advice = "correct the name in remit.yaml (remit server list --tools), then restart remit"
        yield Finding("failed", what, f"no tool has the name in {named}; it restricts nothing", advice)


def probed(public_url: str) -> Iterator[Finding]:
    """Whether the public address really leads here: what clients see, asked as one of them."""
    url = urlsplit(public_url)
    kind = http.client.HTTPSConnection if url.scheme == "https" else http.client.HTTPConnection
    connection = kind(url.hostname or "", url.port, timeout=PROBE_S_MAX)
    try:
        connection.request("GET", "/readyz")
        status = connection.getresponse().status
    except (OSError, http.client.HTTPException) as problem:
        yield Finding(
            "failed",
            "public_url",
            f"{public_url}: {cause(problem)}",
            "is `listen` on that port, or the proxy or DNS name in front of it right? see remit check",
        )
        return
    finally:
        connection.close()
    ready = status == 200
    yield Finding(
        "ok" if ready else "failed", "public_url", f"{public_url} answers {'ready' if ready else f'HTTP {status}'}"
    )
