"""Everything the two eras need, made once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from remit.flows.discover import Discovery
from remit.flows.listing import Listing
from remit.flows.session import SessionWalk
from remit.flows.subscribe import Subscribe
from remit.flows.tool_call import ToolCall
from remit.ports.changes import Changes
from remit.ports.sealer import Sealer
from remit.surfaces.mcp.sessions import Sessions
from remit.surfaces.mcp.states import RequestStates


@dataclass(frozen=True, slots=True)
class EndpointSettings:
    """`public_url` is the only source of our own name; `origins` are accepted beside it. `about` is what Remit says of
    itself on `/mcp` (name, version).
    """

    public_url: str
    origins: tuple[str, ...] = ()
    about: Mapping[str, str] = field(default_factory=lambda: {"name": "remit", "version": "0"})
    list_ttl_ms: int = 5000
    page_items_max: int = 1000
    state_ttl_s: int = 600


@dataclass(frozen=True, slots=True)
class Walks:
    call: ToolCall
    listing: Listing
    discovery: Discovery
    subscribe: Subscribe
    session: SessionWalk
    sessions: Sessions
    states: RequestStates
    settings: EndpointSettings


def make_walks(call: ToolCall, sealer: Sealer, changes: Changes, settings: EndpointSettings) -> Walks:
    listing = Listing(call, sealer, settings.page_items_max)
    return Walks(
        call=call,
        listing=listing,
        discovery=Discovery(call, settings.about, settings.list_ttl_ms),
        subscribe=Subscribe(listing, changes),
        session=SessionWalk(call),
        sessions=Sessions(sealer, call.clock, call.entropy),
        states=RequestStates(call, sealer, settings.state_ttl_s),
        settings=settings,
    )
