"""One function per defence that takes it away, for as long as the given MonkeyPatch lasts."""

from __future__ import annotations

import asyncio
import posixpath
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import unquote

import orjson
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from remit.adapters.authenticator import access_tokens, public_key
from remit.adapters.credentials.sources import EnvironmentSource
from remit.adapters.dialler import checked
from remit.adapters.sealer.aead import AeadSealer
from remit.adapters.upstream import messages
from remit.app import addresses, registry, settings
from remit.app import catalog as catalog_service
from remit.core import access, arguments, principals, scope
from remit.core.egress import Registered
from remit.core.grant import LiveGrant
from remit.core.handle import Handle
from remit.core.principals import Claims
from remit.core.secret import Secret
from remit.flows import explain, listing, target, tool_call
from remit.flows.register_server import Judged, RegisterServer
from remit.surfaces.mcp import modern
from remit.surfaces.mcp.endpoint import McpEndpoint
from remit.surfaces.mcp.place import Places
from remit.surfaces.mcp.router import Router
from remit.surfaces.oauth import app
from remit.testing import authenticator as fake_authenticator
from remit.wire import headers, jsonrpc
from tests.attack import test_argument_injection

Patch = pytest.MonkeyPatch


def signatures(patch: Patch) -> None:
    def believing(jwk: Mapping[str, Any]) -> public_key.PublicKey:
        return replace(public_key.public_key(jwk), verify=lambda signature, message: True)

    patch.setattr(access_tokens, "public_key", believing)


def fresh_keys(patch: Patch) -> None:
    patch.setattr(ec, "generate_private_key", lambda curve: ec.derive_private_key(20_260_728, curve))


def secret_references(patch: Patch) -> None:
    patch.setattr(settings, "_check_client", lambda *_: [])
    patch.setattr(registry, "_secret", lambda where, reference, configuration: Secret(reference.encode()))


def host_and_origin(patch: Patch) -> None:
    patch.setattr(Places, "guard", lambda self, fields: None)


def exact_paths(patch: Patch) -> None:
    find = Places.find

    def lax(self: Places, path: bytes) -> Any:
        decoded = posixpath.normpath(unquote(path.decode("latin-1")).lower().partition(";")[0].replace("//", "/"))
        return find(self, decoded.encode("latin-1"))

    patch.setattr(Places, "find", lax)


def handle_owner(patch: Patch) -> None:
    patch.setattr(Handle, "belongs_to", lambda self, claims, resource: True)


def silent_pages(patch: Patch) -> None:
    route = Router.__call__

    async def telling(self: Router, request: Any, responder: Any) -> None:
        if request.path == b"/health/sessions":
            responder.whole(200, b'{"sessions":["grant-0 of engineer"]}')
        else:
            await route(self, request, responder)

    patch.setattr(Router, "__call__", telling)


def sealed_bindings(patch: Patch) -> None:
    for name in ("seal", "open"):
        whole = getattr(AeadSealer, name)

        def unbound(self: AeadSealer, purpose: str, text: Any, *, bound_to: bytes, whole: Any = whole) -> Any:
            return whole(self, "", text, bound_to=b"")

        patch.setattr(AeadSealer, name, unbound)


def tenants(patch: Patch) -> None:
    def everybody_s(consented: Any, request: Any, server: Any, found: Any, item: Any) -> Any:
        shared = replace(server, tenants=server.tenants | {consented.bound.grant.tenant})
        return access.resolve(consented, request, shared, found, item)

    for module in (tool_call, listing):
        patch.setattr(module, "resolve", everybody_s)


def concealment(patch: Patch) -> None:
    patch.setattr(tool_call, "concealed", lambda refusal, request: refusal)


def uniform_metadata(patch: Patch) -> None:
    patch.setattr(app, "SERVER_NAME", re.compile(r"(?:files|payroll)\Z"))


def evidence(patch: Patch) -> None:
    patch.setattr(explain, "visible", lambda record, tenants: "tenant" not in record or bool(tenants))


def scopes(patch: Patch) -> None:
    patch.setattr(access, "covers", lambda scopes, server, tool: True)
    patch.setattr(access, "reaches", lambda scopes, server: True)
    patch.setattr(target, "reaches", lambda scopes, server: True)


def distrust_of_headers(patch: Patch) -> None:
    authenticate = McpEndpoint._authenticate

    def hair_pin(self: McpEndpoint, fields: Any, place: Any) -> Any:
        live = self._walk.grants.find((fields.get(b"x-mcp-internal") or b"").decode("latin-1"))
        if live is None:
            return authenticate(self, fields, place)
        given, url = live.grant, place.endpoint.resource
        claims = Claims("", given.subject.id, given.client_id, given.id, given.tenant, url, "", 0, 0, 1)
        return principals.conclude_authenticated(claims, issuer="", resource=url, now_s=0, leeway_s=0)

    patch.setattr(McpEndpoint, "_authenticate", hair_pin)


def header_allow_list(patch: Patch) -> None:
    patch.setattr(modern, "parameters", lambda fields: {b"mcp-param-" + name: value for name, value in fields.items()})


def dropped_token(patch: Patch) -> None:
    authenticate = McpEndpoint._authenticate

    def keeping(self: McpEndpoint, fields: Any, place: Any) -> Any:
        presented = fields.get(b"authorization")
        authenticated = authenticate(self, fields, place)
        fields[b"authorization"] = presented
        return authenticated

    patch.setattr(McpEndpoint, "_authenticate", keeping)
    header_allow_list(patch)


def header_encoding(patch: Patch) -> None:
    for module in (messages, headers):
        patch.setattr(module, "encode_value", lambda text: text.encode())
    patch.setattr(messages, "_method_and_name", messages._method_and_name.__wrapped__)


def audience(patch: Patch) -> None:
    def anywhere(claims: Claims, *, resource: str, **moment: Any) -> Any:
        return principals.conclude_authenticated(claims, resource=claims.audience, **moment)

    for module in (access_tokens, fake_authenticator):
        patch.setattr(module, "conclude_authenticated", anywhere)


def views_per_grant(patch: Patch) -> None:
    view = listing.Listing.view
    kept: dict[object, Any] = {}

    async def everybody_s(self: Any, bound: Any, request: Any, kind: Any) -> Any:
        key = request.endpoint.resource, kind
        if key not in kept:
            kept[key] = await view(self, bound, request, kind)
        return kept[key]

    patch.setattr(listing.Listing, "view", everybody_s)


def decisions_per_grant(patch: Patch) -> None:
    made, everybody_s = LiveGrant.__init__, dict[object, object]()

    def sharing(self: LiveGrant, *given: Any, **named: Any) -> None:
        made(self, *given, **named)
        self.decisions = everybody_s

    patch.setattr(LiveGrant, "__init__", sharing)


def no_fallback(patch: Patch) -> None:
    def any_other(self: EnvironmentSource, name: str) -> Secret:
        return Secret(self._environment.get(name, self._environment["TOKEN"]).encode())

    patch.setattr(EnvironmentSource, "__call__", any_other)


def repeated_keys(patch: Patch) -> None:
    patch.setattr(jsonrpc, "_read_exactly", lambda text: None)


def odd_case_members(patch: Patch) -> None:
    patch.setattr(jsonrpc, "_refuse_odd_case", lambda found, known: None)


def odd_case_arguments(patch: Patch) -> None:
    patch.setattr(arguments, "_refuse_other_case", lambda names, value: None)


def batches(patch: Patch) -> None:
    def the_first(text: bytes) -> dict[str, Any]:
        found = orjson.loads(text)
        message: dict[str, Any] = found[0] if isinstance(found, list) else found
        return message

    patch.setattr(jsonrpc, "decode", the_first)


def mirrored_headers(patch: Patch) -> None:
    patch.setattr(modern, "_require_mirrored", lambda fields, incoming, version: None)


def normal_paths(patch: Patch) -> None:
    patch.setattr(arguments, "_normal_paths", lambda value, name: value)


def dotted_uris(patch: Patch) -> None:
    patch.setattr(tool_call, "refuse_dotted_uri", lambda uri: None)


def prefix_end(patch: Patch) -> None:
    patch.setitem(scope.CHECKS, "prefix", lambda found, values: str(found).startswith(values[0]))


def forbids(patch: Patch) -> None:
    patch.setattr(test_argument_injection, "FORBID", "")


def pins(patch: Patch) -> None:
    def trusting(pinned: Any, found: Any) -> Judged:
        return Judged({(item.kind, item.name): item for item in found}, {})

    patch.setattr(catalog_service, "judge", trusting)


def reviewed_digest(patch: Patch) -> None:
    approve = RegisterServer.approve

    async def whatever_it_is(self: Any, server: str, pinned: Any, key: Any, found: Any, digest: str, by: str) -> Any:
        return await approve(self, server, pinned, key, found, found.digest, by)

    patch.setattr(RegisterServer, "approve", whatever_it_is)


def no_commands(patch: Patch) -> None:
    route = Router.__call__

    async def connection_test(self: Router, request: Any, responder: Any) -> None:
        if request.path != b"/test-connection":
            await route(self, request, responder)
            return
        body = orjson.loads(request.body)
        if "command" in body:
            child = await asyncio.create_subprocess_exec(body["command"], *body["args"])
            await child.wait()
        responder.whole(200, b"{}")

    patch.setattr(Router, "__call__", connection_test)


def loopback_only(patch: Patch) -> None:
    patch.setattr(addresses, "_loopback", lambda host: True)


def address_rules(patch: Patch) -> None:
    patch.setattr(checked, "refuse_address", lambda trust, address: None)


def pinned_address(patch: Patch) -> None:
    """Dials the name, which is then asked again."""
    addresses = checked.CheckedDialler._addresses
    connect = checked.CheckedDialler._connect
    trust = Registered(names_address=True)

    async def by_name(self: checked.CheckedDialler, make: Callable[[], Any], _: str, peer: Any, context: Any) -> Any:
        (again, *_rest) = await addresses(self, peer, trust)
        return await connect(self, make, str(again), peer, context)

    patch.setattr(checked.CheckedDialler, "_connect", by_name)
