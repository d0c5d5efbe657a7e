"""Lending each registered server the credential its registration names, and nobody else's."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from remit.adapters.credentials.sources import Source
from remit.core.errors import refuse
from remit.core.lease import Credential, Lease
from remit.core.ledger import Recorded
from remit.core.reasons import Reason
from remit.core.registration import REFERENCE, Http, ServerConfig
from remit.core.secret import Secret
from remit.ports.clock import Entropy


@dataclass(frozen=True, slots=True)
class _Template:
    """`Bearer ${env:X}` in parts: texts and references in turn, beginning and ending with a text."""

    name: str
    texts: tuple[bytes, ...]
    references: tuple[tuple[str, str], ...]


@dataclass(slots=True)
class _Registered:
    config: ServerConfig
    identity: str
    source: str
    templates: tuple[_Template, ...]
    used: tuple[Secret, ...] = ()
    credential: Credential = Credential()  # noqa: RUF009 - frozen and empty


class RegisteredCredentials:
    """Implements `ports.credentials.Credentials` and `Reaper` for static secrets: `none`, `${env:}` and `${file:}`.

    Looked up at each lease; the same `Credential` object is lent until a value changes, so that what was built from it
    can be kept. Raises `Outage` when a value is missing: no other identity stands in (CVE-2026-16326).
    """

    def __init__(self, configs: Iterable[ServerConfig], sources: Mapping[str, Source], entropy: Entropy) -> None:
        self._sources = sources
        self._servers = {config.name: _registered(config) for config in configs}
        self._prefix = entropy.id("lease")
        self._count = 0
        self._held: set[str] = set()

    async def lease(self, recorded: Recorded) -> Lease:
        lease = self.for_server(recorded.permitted.access.resolved.server.name)
        self._held.add(lease.id)
        return lease

    def for_server(self, name: str) -> Lease:
        """The server's credential for Remit's own questions to it (the catalog's survey)."""
        server = self._servers.get(name)
        if server is None:
            raise refuse(Reason.CREDENTIAL_REFUSED, f"no server {name!r} is registered")
        self._count += 1
        id = f"{self._prefix}.{self._count}"
        return Lease(id, server.source, server.identity, self._credential(server))

    def release(self, lease: Lease) -> None:
        """Static secrets cannot be ended early; this only forgets that the lease is held."""
        self._held.discard(lease.id)

    @property
    def held(self) -> int:
        return len(self._held)

    def _credential(self, server: _Registered) -> Credential:
        if not server.templates:
            return server.credential
        used = tuple(self._secret(*reference) for template in server.templates for reference in template.references)
        if len(used) != len(server.used) or any(new is not old for new, old in zip(used, server.used, strict=True)):
            pairs = _fill(server.templates, used)
            http = isinstance(server.config.transport, Http)
            server.credential = Credential(headers=pairs) if http else Credential(environment=pairs)
            server.used = used
        return server.credential

    def _secret(self, kind: str, name: str) -> Secret:
        source = self._sources.get(kind)
        if source is None:
            raise refuse(Reason.CREDENTIAL_UNAVAILABLE, f"no credential source {kind!r}; expected env or file")
        return source(name)


def _registered(config: ServerConfig) -> _Registered:
    templates = tuple(_template(name, value) for name, value in config.templates.items() if REFERENCE.search(value))
    kinds = sorted({kind for template in templates for kind, _ in template.references})
    return _Registered(config, config.credential, "+".join(kinds) or "none", templates)


def _template(name: str, value: str) -> _Template:
    parts = REFERENCE.split(value)  # text, kind, name, text, kind, name, ..., text
    texts = tuple(text.encode("utf-8") for text in parts[::3])
    return _Template(name, texts, tuple(zip(parts[1::3], parts[2::3], strict=True)))


def _fill(templates: tuple[_Template, ...], used: tuple[Secret, ...]) -> tuple[tuple[str, Secret], ...]:
    remaining = iter(used)
    pairs: list[tuple[str, Secret]] = []
    for template in templates:
        value = template.texts[0]
        for text in template.texts[1:]:
            value += next(remaining).expose() + text
        pairs.append((template.name, Secret(value)))
    return tuple(pairs)
