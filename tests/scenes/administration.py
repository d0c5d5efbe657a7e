"""The administration API on real tokens and fakes, an administrator, and a client they let act for them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from remit.core.administration import Administrator, Asker, Role, scopes_held
from remit.core.grant import Grant, LiveGrant, Origin, Purpose, Unmetered
from remit.core.principals import Attestation, Presence, Principal, PrincipalKind
from remit.core.scope import scope_text
from remit.flows.admin_tokens import AdminTokens
from remit.flows.administer import Administer
from remit.surfaces.admin.api import AdminApi, resource_metadata
from remit.surfaces.mcp.exchange import HttpRequest
from remit.testing.clock import FakeEntropy
from remit.testing.ledger import FakeLedger
from tests.scenes.responder import FakeResponder
from tests.scenes.token import ISSUER, TokenScene

ADMIN_URL = "http://127.0.0.1:8701"
HOST = b"127.0.0.1:8701"
ALICE = Administrator("alice", {"acme": frozenset(Role)}, account="alice")


class AdminScene:
    """`done` are the acts that were carried out, with who asked."""

    def __init__(self, folder: Path) -> None:
        self.tokens = TokenScene(folder)
        self.grants, self.clock = self.tokens.grants, self.tokens.clock
        self.ledger = FakeLedger(self.clock)
        self.administer = Administer((ALICE,), self.ledger, FakeEntropy())
        admin_tokens = AdminTokens(self.tokens.authenticator, self.grants, self.administer, self.clock, ADMIN_URL)
        self.done: list[tuple[Asker, str, Mapping[str, Any]]] = []
        self.result: dict[str, Any] = {"done": True}
        metadata = dict([resource_metadata(ADMIN_URL, ISSUER)])
        self.api = AdminApi(ADMIN_URL, admin_tokens.asker, self._carry_out, metadata, self.clock)

    async def _carry_out(self, asker: Asker, act: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
        self.done.append((asker, act, arguments))
        return self.result

    def grant(self, **changes: Any) -> Grant:
        now_s = self.clock.now_s()
        given = Grant(
            id="grt_admin", tenant="acme", environment="", subject=Principal(PrincipalKind.HUMAN, "alice"),
            roles=frozenset(), client_id="dashboard", attestation=Attestation.NONE, actors=(),
            presence=Presence.INTERACTIVE, purpose=Purpose("look after it"), resource=ADMIN_URL,
            scopes=scopes_held(ALICE), constraints=frozenset(), budget=Unmetered(), idle_s_max=900.0,
            created_at_s=now_s, expires_at_s=now_s + 3600, origin=Origin("consent", "con_1"),
        )  # fmt: skip
        return replace(given, **changes)

    def token(self, audience: str = "", **changes: Any) -> bytes:
        """A genuine token of a live grant."""
        grant = self.grant(**changes)
        live = LiveGrant(grant, now_s=self.clock.now_s(), monotonic_s=self.clock.monotonic_s())
        self.grants.add(live)
        return self.tokens.token(
            audience=audience or grant.resource, grant_id=grant.id, subject=grant.subject.id,
            client_id=grant.client_id, tenant=grant.tenant, actors=grant.actors, scope=scope_text(grant.scopes),
        )  # fmt: skip

    async def ask(
        self, method: str, target: str, token: bytes | None = None, body: Any = None, **more: Any
    ) -> FakeResponder:
        """`more` may hold `headers`, which replace those that are usual; with None one is left out."""
        path, _, query = target.partition("?")
        content = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        headers: dict[bytes, bytes | None] = {b"host": HOST}
        if token is not None:
            headers[b"authorization"] = b"Bearer " + token
        if content:
            headers[b"content-type"] = b"application/json"
        headers |= more.get("headers", {})
        sent = [(name, value) for name, value in headers.items() if value is not None] + more.get("further", [])
        responder = FakeResponder()
        await self.api(HttpRequest(method.encode(), path.encode(), query.encode(), sent, content, "::1"), responder)
        return responder
