"""What can be known before Remit is started: do names lead somewhere, are secrets there, do servers answer."""

from __future__ import annotations

import asyncio
import os
import shutil
import stat
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from remit.adapters.dialler.checked import CheckedDialler
from remit.app.policies import check_policies
from remit.app.server_configs import server_configs
from remit.app.settings import Configuration
from remit.core.egress import parse_peer, registered
from remit.core.errors import Refusal
from remit.core.registration import REFERENCE, Http, ServerConfig, Stdio

DIAL_S_MAX = 5.0
SOCKET_PATH_BYTES_MAX = 103 if sys.platform == "darwin" else 107  # sun_path of sockaddr_un, less its final zero
State = Literal["ok", "note", "failed"]


@dataclass(frozen=True, slots=True)
class Finding:
    """`reachability`: it concerns a server that may come up later, not the configuration itself."""

    state: State
    what: str
    detail: str
    reachability: bool = False


def check_all(configuration: Configuration, *, offline: bool) -> list[Finding]:
    """Every finding, the good ones included. Starts no server; with `offline` it dials none either."""
    servers = server_configs(configuration)
    settings = configuration.settings
    extent = f"{len(servers)} servers, {len(settings.tenants)} tenants, {len(settings.accounts)} accounts"
    findings = [Finding("ok", "configuration", extent), *_address(configuration)]
    findings += [*_state(configuration), *_policies(configuration)]
    for name, client in sorted(settings.clients.items()):
        findings += _references(f"client {name}", {"secret": client.secret}, configuration)
    for server in servers:
        findings += _references(f"server {server.name}", server.templates, configuration)
        findings += _startable(server)
    return findings if offline else findings + asyncio.run(_reachable(servers))


def _address(configuration: Configuration) -> Iterator[Finding]:
    """Where clients are sent and where Remit listens: one port, unless something stands between."""
    public, listen = configuration.settings.public_url, configuration.settings.listen
    if public.startswith("http://") and (urlsplit(public).port or 80) != configuration.address[1]:
        found = (
            f"{public} is where clients go, {listen} where Remit listens: set `listen` too, unless a proxy is between"
        )
        yield Finding("note", "public_url", found)
    if configuration.nobody_at_socket:
        yield Finding("note", "administrators", "none has a `uid`: the command line is refused, `remit revoke` too")


def _state(configuration: Configuration) -> Iterator[Finding]:
    """The folder of keys and ledger: there or makeable, and nobody else's to read."""
    folder = configuration.state_dir
    if len(os.fsencode(configuration.socket_path)) > SOCKET_PATH_BYTES_MAX:
        found = f"a socket's path has at most {SOCKET_PATH_BYTES_MAX} bytes, {configuration.socket_path} is longer"
        yield Finding("failed", "state_dir", found)
    elif not folder.exists():
        parent = next(above for above in folder.parents if above.exists())
        writable = os.access(parent, os.W_OK | os.X_OK)
        detail = "made at first start" if writable else f"cannot be made: {parent} is not writable"
        yield Finding("ok" if writable else "failed", "state_dir", f"{folder} {detail}")
    elif not folder.is_dir():
        yield Finding("failed", "state_dir", f"{folder} is not a folder")
    elif not os.access(folder, os.W_OK | os.X_OK):
        yield Finding("failed", "state_dir", f"{folder} is not writable by this user")
    else:
        yield Finding("ok", "state_dir", str(folder))


def _policies(configuration: Configuration) -> Iterator[Finding]:
    for tenant, found in check_policies(configuration)["tenants"].items():
        problems = found["problems"]
        if problems:
            first = problems[0]
            more = f" (and {len(problems) - 1} more: remit policy check)" if len(problems) > 1 else ""
            detail = f"{first['file']}:{first['line']}: {first['message']}{more}"
            yield Finding("failed", f"policies of {tenant}", detail)
        elif not found["policies"]:
            yield Finding("note", f"policies of {tenant}", "none: every call of this tenant is denied")
        else:
            yield Finding("ok", f"policies of {tenant}", f"{found['policies']} policies")


def _references(what: str, templates: Mapping[str, str], configuration: Configuration) -> Iterator[Finding]:
    for template in templates.values():
        for kind, name in REFERENCE.findall(template):
            problem = _unset(name) if kind == "env" else _unreadable(configuration.path(name))
            detail = f"${{{kind}:{name}}} {problem or 'is there'}"
            yield Finding("failed" if problem else "ok", what, detail)


def _unset(name: str) -> str:
    return "" if os.environ.get(name) else "is not set in this environment"


def _unreadable(path: Path) -> str:
    """Why a secret's file cannot be used; empty when it can."""
    try:
        found = path.stat()
    except OSError as problem:
        return f"cannot be read: {problem.strerror}"
    if not os.access(path, os.R_OK):
        return "is not readable by this user"
    return "is readable by everybody: chmod 600" if stat.S_IMODE(found.st_mode) & stat.S_IROTH else ""


def _startable(server: ServerConfig) -> Iterator[Finding]:
    transport = server.transport
    if not isinstance(transport, Stdio):
        return
    program = transport.command[0]
    found = shutil.which(program)
    if found is None:
        yield Finding("failed", f"server {server.name}", f"{program}: no such program")
    elif transport.directory and not Path(transport.directory).is_dir():
        yield Finding("failed", f"server {server.name}", f"working_dir {transport.directory}: no such folder")
    else:
        yield Finding("ok", f"server {server.name}", f"starts {found}")


async def _reachable(servers: list[ServerConfig]) -> list[Finding]:
    dialler = CheckedDialler()
    dialled = [
        _dial(dialler, server.name, server.transport) for server in servers if isinstance(server.transport, Http)
    ]
    return list(await asyncio.gather(*dialled))


async def _dial(dialler: CheckedDialler, name: str, transport: Http) -> Finding:
    """Connect as Remit itself would, address rules included, and hang up."""
    try:
        peer = parse_peer(transport.url)
        async with asyncio.timeout(DIAL_S_MAX):
            trust = registered(peer, transport.networks)
            connected = await dialler.dial(_Hangup, peer, trust, ca_file=transport.ca_file)
    except Refusal as refusal:
        return Finding("failed", f"server {name}", f"{transport.url}: {refusal.detail}", reachability=True)
    except TimeoutError:
        return Finding(
            "failed", f"server {name}", f"{transport.url}: no answer in {DIAL_S_MAX:.0f} s", reachability=True
        )
    connected.hang_up()
    return Finding("ok", f"server {name}", f"{transport.url} answers", reachability=True)


class _Hangup(asyncio.Protocol):
    def __init__(self) -> None:
        self._transport: asyncio.BaseTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def hang_up(self) -> None:
        if self._transport is not None:
            self._transport.close()
