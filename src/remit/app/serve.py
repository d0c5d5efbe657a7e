"""`remit serve`: open the sockets, say that it is ready, run until a signal, stop without losing anything."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import signal
import ssl
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import uvloop

from remit import __version__
from remit.adapters.signer.key_file import KeyFileError
from remit.app.acts.table import Acts
from remit.app.admin_api import admin_listener
from remit.app.settings import Configuration
from remit.app.wiring import Remit, assemble
from remit.core.catalog import Observe
from remit.core.egress import parse_networks
from remit.core.errors import Refusal
from remit.flows.answer_error import AnswerError
from remit.flows.oauth_error import OAuthError
from remit.surfaces.admin.socket import AdminSocket
from remit.surfaces.mcp.asgi import AsgiApp, AsgiBridge, SideLoop
from remit.surfaces.mcp.endpoint import McpEndpoint
from remit.surfaces.mcp.listener import Listener, Timing
from remit.surfaces.mcp.router import Router
from remit.surfaces.mcp.walks import EndpointSettings
from remit.surfaces.oauth.app import Flows, oauth_app
from remit.surfaces.oauth.consent import routes as consent_routes
from remit.surfaces.oauth.device import routes as device_routes
from remit.surfaces.oauth.metadata import Offers
from remit.surfaces.oauth.own_passkeys import routes as passkey_routes
from remit.surfaces.oauth.pages import People, routes
from remit.surfaces.oauth.signing_in import routes as signing_in_routes
from remit.wire.http1 import Limits

log = logging.getLogger("remit.app")

SWEEP_EVERY_S = 1.0
# What can keep Remit from starting, beside a configuration that cannot be used: each says itself what was found.
START_PROBLEMS = (KeyFileError, Refusal, OSError)
Told = Callable[[str], None]


@dataclass(slots=True)
class Serving:
    """Remit with its sockets open. `url` is where it really listens, which differs from public_url behind a proxy."""

    remit: Remit
    url: str
    ending: AsyncExitStack

    async def stop(self) -> None:
        await self.ending.aclose()


def run(configuration: Configuration, told: Told = print) -> None:
    """Serve until SIGTERM or SIGINT. Raises what `assemble` raises, and `OSError` when an address cannot be bound."""
    uvloop.run(_until_signal(configuration, told))


def _announce(serving: Serving, configuration: Configuration, told: Told) -> None:
    """That it is ready, and what an operator might not have meant."""
    told(f"remit {__version__} ready  {configuration.settings.public_url}/mcp  admin {configuration.socket_path}")
    if configuration.nobody_at_socket:
        told("note  nobody at the administration socket holds a role: give one of the administrators a `uid`")
    if configuration.settings.admin_url:
        told(f"administration over HTTP  {configuration.settings.admin_url}")
    for server in serving.remit.servers.catalog.current().servers.values():
        if isinstance(server.mode, Observe):
            until = datetime.fromtimestamp(server.mode.until_s, UTC).isoformat(timespec="minutes")
            told(f"OBSERVE MODE  {server.name}: policy is recorded, NOT enforced, until {until}")
    public = configuration.settings.public_url
    if public.startswith("http://") and urlsplit(public).port != urlsplit(serving.url).port:  # on loopback, so no DNS
        told(f"note  clients are told {public}, which is another port: set `listen` too, unless a proxy is between")
    registered, sign_in = serving.remit.create_grant.registry.accounts, serving.remit.sign_in
    if registered and not any(sign_in.anybody_in(account.tenant) for account in registered.values()):
        told("note  nobody can sign in yet; make the first link with: remit account first")


async def _until_signal(configuration: Configuration, told: Told) -> None:
    serving = await start(configuration)
    _announce(serving, configuration, told)
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    reloads: set[asyncio.Task[object]] = set()  # the loop alone would let go of a task before it ends

    def reload() -> None:
        task = loop.create_task(_reload(serving.remit))
        reloads.add(task)
        task.add_done_callback(reloads.discard)

    loop.add_signal_handler(signal.SIGHUP, reload)
    await stopping.wait()
    told("remit stopping")
    await serving.stop()


async def _reload(remit: Remit) -> None:
    """For a signal: nobody waits for the answer, so what goes wrong is told in the log. The sets that stood stand."""
    try:
        await remit.reload_policies()
    except Exception:  # whatever broke: serving goes on with the policies it has
        log.exception("reload_failed")


async def start(configuration: Configuration) -> Serving:
    """Assemble and open the sockets. What was opened is closed again, last first, if the rest cannot be."""
    async with AsyncExitStack() as opened:
        remit = await assemble(configuration)
        opened.push_async_callback(remit.stop)
        url = await _open_sockets(configuration, remit, opened)
        opened.callback(asyncio.get_running_loop().create_task(_sweep(remit)).cancel)
        gc.collect()
        gc.freeze()  # what start-up made lives as long as the process: the collector need not look at it again
        return Serving(remit, url, opened.pop_all())


async def _open_sockets(configuration: Configuration, remit: Remit, opened: AsyncExitStack) -> str:
    """Where it listens. The administration socket opens last: what it answers is true. Raises `OSError`."""
    settings = configuration.settings
    side = SideLoop()
    opened.callback(side.stop)
    endpoint = McpEndpoint(remit.walk, remit.sealer, remit.changes, _endpoint_settings(configuration))
    bridge = AsgiBridge(
        _pages(remit),
        side,
        scheme=urlsplit(settings.public_url).scheme,
        server=configuration.address,
        proxies=parse_networks(tuple(settings.trusted_proxies)),
    )
    router = Router(endpoint, bridge, lambda: not remit.files.ledger.failure)
    limits = Limits(body_bytes_max=settings.limits.body_bytes_max)
    listener = Listener(router, limits=limits, timing=Timing(), connections_max=settings.limits.connections_max)
    opened.push_async_callback(listener.stop)
    host, port = await listener.start(*configuration.address, tls=_tls(configuration))
    acts = Acts(remit, remit.files.clock.monotonic_s())
    if settings.admin_url:
        administration = admin_listener(configuration, remit, acts)
        opened.push_async_callback(administration.stop)
        await administration.start(*configuration.admin_address, tls=_tls(configuration))
    others = any(administrator.uid not in (None, os.getuid()) for administrator in remit.administer.administrators)
    admin = AdminSocket(configuration.socket_path, acts.at_socket, others_may_connect=others)
    opened.push_async_callback(admin.stop)
    await admin.start()
    return f"{'https' if settings.tls else 'http'}://{host}:{port}"


def _endpoint_settings(configuration: Configuration) -> EndpointSettings:
    settings = configuration.settings
    return EndpointSettings(
        public_url=settings.public_url,
        origins=tuple(settings.allowed_origins),
        about={"name": "remit", "title": "Remit", "version": __version__},
        page_items_max=settings.limits.page_items_max,
    )


def _pages(remit: Remit) -> AsgiApp:
    """The OAuth pages. They run on the side loop; issuing a token hops to the loop the grants live on."""
    home = asyncio.get_running_loop()
    issuer = remit.create_grant.registry.issuer

    async def at_home(work: Coroutine[Any, Any, Any]) -> Any:
        # Whoever asked may leave half-way: what has begun is finished all the same, so that a guess is counted, a hash
        # keeps its place until it is done, and memory and store say one thing.
        begun = asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work, home))
        try:
            return await asyncio.shield(begun)
        except asyncio.CancelledError:
            begun.add_done_callback(_tell_of_bug)
            raise

    def hop(flow: Callable[..., Coroutine[Any, Any, Any]]) -> Callable[..., Awaitable[Any]]:
        async def hopping(*asked: Any, **more: Any) -> Any:
            return await at_home(flow(*asked, **more))

        return hopping

    people = People(
        remit.sign_in,
        remit.passkeys,
        remit.own_grants,
        remit.authorize,
        remit.push,
        remit.device,
        remit.remember,
        at_home,
        issuer,
    )
    signing_in = [*signing_in_routes(people), *passkey_routes(people)]
    pages = [*routes(people), *signing_in, *consent_routes(people), *device_routes(people)]
    flows = Flows(
        issue=hop(remit.token.issue),
        revoke=hop(remit.token.revoke),
        push=hop(remit.push.push),
        begin_device=hop(remit.device.begin),
        introspect=hop(remit.introspect.introspect),
        register=hop(remit.register.register),
    )
    return oauth_app(
        issuer=issuer,
        flows=flows,
        public_keys=remit.files.keys.tokens.public_keys,
        offers=Offers(client_documents=remit.described.any_welcome, registration=remit.register.rules is not None),
        pages=pages,
    )


def _tell_of_bug(done: asyncio.Future[Any]) -> None:
    """Of work whose asker has left: a refusal is nobody's any more, a bug is ours."""
    problem = None if done.cancelled() else done.exception()
    if problem is not None and not isinstance(problem, Refusal | OAuthError | AnswerError):
        log.error("page_failed", exc_info=problem)


def _tls(configuration: Configuration) -> ssl.SSLContext | None:
    tls = configuration.settings.tls
    if tls is None:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    context.load_cert_chain(configuration.path(tls.certificate), configuration.path(tls.key))
    return context


async def _sweep(remit: Remit) -> None:
    """Once a second: end what time or use has ended. A failing sweep is told and tried again; it never stops."""
    while True:
        await asyncio.sleep(SWEEP_EVERY_S)
        try:
            await remit.end_grant.sweep()
            await remit.sign_in.sweep()
            await remit.described.sweep()
            await remit.register.sweep()
            await remit.passkeys.remove_forgotten()
            await remit.authorize.sweep()
            await remit.redeem.sweep()
            await remit.push.sweep()
            await remit.device.sweep()
            await remit.propose.sweep()
            await remit.delegate.sweep()
            remit.introspect.sweep()
        except Refusal as refusal:
            log.error("sweep_failed", extra={"reason": refusal.reason.value, "detail": refusal.detail})
        except Exception:  # whatever broke: a sweeper that died would let grants outlive their time
            log.exception("sweep_failed")
