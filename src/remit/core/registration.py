"""What an operator writes down about a server: where it is, whose it is, and what it may be trusted with."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from remit.core.authentication import Demand
from remit.core.catalog import Enforce, Mode

REFERENCE: Final = re.compile(r"\$\{(?P<source>env|file):(?P<name>[^}]*)\}")


@dataclass(frozen=True, slots=True)
class Stdio:
    """A server Remit starts. Its environment is exactly `environment`; values may hold `${env:NAME}` or `${file:PATH}`.

    `command` is never taken from a request (CVE-2026-42271). `directory` is where it runs, the root when empty.
    """

    command: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)
    directory: str = ""


@dataclass(frozen=True, slots=True)
class Http:
    """A server at a URL. `headers` values may hold references; `networks` are inside ranges it may resolve to;
    `ca_file` replaces the system's certificate authorities for it."""

    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    networks: tuple[str, ...] = ()
    ca_file: str = ""


Transport = Stdio | Http


@dataclass(frozen=True, slots=True)
class ServerConfig:
    """One entry under `servers`. `path_arguments` names, per tool, the arguments that are paths; `stateful` says that
    two grants must never meet in one process; `demands` how the person must have signed in, per tool. `restricted` is
    every tool that the configuration limits by name, after the place that does."""

    name: str
    tenants: frozenset[str]
    environment: str
    owner: str
    transport: Transport
    stateful: bool = True
    mode: Mode = field(default_factory=Enforce)
    path_arguments: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    high_risk: frozenset[str] = frozenset()
    demands: Mapping[str, Demand] = field(default_factory=dict)
    restricted: frozenset[tuple[str, str]] = frozenset()

    @property
    def templates(self) -> Mapping[str, str]:
        """Header or environment values by name, references unresolved."""
        match self.transport:
            case Stdio(environment=environment):
                return environment
            case Http(headers=headers):
                return headers

    @property
    def credential(self) -> str:
        """Which secrets the server is shown, by name: `none` or for example `env:CRM_TOKEN`. Safe to record."""
        found = {f"{kind}:{name}" for value in self.templates.values() for kind, name in REFERENCE.findall(value)}
        return ",".join(sorted(found)) or "none"
