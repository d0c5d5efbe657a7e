"""The catalog in the background: what it serves while servers are slow, dead, changed, or not asked yet."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from itertools import pairwise
from typing import Any

import orjson
import pytest

from remit.app.catalog import LiveCatalog, RefreshLimits
from remit.core.catalog import Catalog, Drift, Era, ItemKind, Tool, digest_of
from remit.core.errors import Denied, Invalid, Outage
from remit.core.ledger import RecordKind
from remit.ports.upstream import Survey
from remit.testing.clock import FakeClock, FakeEntropy
from remit.testing.ledger import FakeLedger
from remit.testing.store import FakeStore
from remit.testing.upstream import FakeUpstreams
from tests.scenes.upstream import stdio

QUICK = RefreshLimits(survey_s_max=5, interval_s=0.01, stdio_interval_s=0.01, backoff_s_min=0.01)
ONCE = RefreshLimits(interval_s=3600, stdio_interval_s=3600, backoff_s_min=3600)
NUMBER = {"type": "object", "properties": {"n": {"type": "integer"}}}


def tool(name: str, schema: Mapping[str, Any] = NUMBER, **more: Any) -> Tool:
    definition = {"name": name, "inputSchema": schema, **more}
    digest = digest_of(definition)
    return Tool(ItemKind.TOOL, "peer", name, orjson.dumps(definition), digest, schema)


def survey(*tools: Tool) -> Survey:
    return Survey(frozenset({Era.MODERN}), {Era.MODERN: {}}, {Era.MODERN: ("2026-07-28",)}, tools)


class Scene:
    def __init__(self, *names: str, **more: Any) -> None:
        self.upstreams, self.store, self.ledger = FakeUpstreams(), FakeStore(), FakeLedger()
        said = {"high_risk": frozenset({"wipe"}), "path_arguments": {"read": ("path",)}, **more}
        self.configs = [stdio("x", name=name, **said) for name in names or ("peer",)]

    @asynccontextmanager
    async def running(
        self, limits: RefreshLimits = ONCE, upstreams: Any = None, pinned_before: frozenset[str] = frozenset()
    ) -> AsyncIterator[LiveCatalog]:
        asked = upstreams or self.upstreams
        service = LiveCatalog(self.configs, asked, self.store, self.ledger, FakeClock(), FakeEntropy(), limits)
        await service.start(pinned_before)
        try:
            yield service
        finally:
            await service.stop()

    def events(self) -> list[str]:
        return [record["event"] for record in self.ledger.of_kind(RecordKind.CATALOG)]


def names(catalog: Catalog, server: str = "peer") -> list[str]:
    return [item.name for item in catalog.servers[server].tools()]


async def until(service: LiveCatalog, wanted: Any) -> None:
    for _ in range(500):
        if wanted(service.current()):
            return
        await asyncio.sleep(0.01)
    raise AssertionError(f"the catalog never got there: {service.current().servers}")


async def test_a_first_survey_is_served_with_what_the_registration_says() -> None:
    scene = Scene()
    scene.upstreams.surveys["peer"] = survey(tool("read"), tool("wipe"))
    async with scene.running() as service:
        assert await service.surveyed(5)
        server = service.current().servers["peer"]
    read, wipe = server.tools()
    assert (read.path_arguments, read.high_risk, wipe.high_risk) == (("path",), False, True)
    assert read.validate is not None
    assert read.validate({"n": 1}) is None
    assert read.validate({"n": "x"}) is not None
    assert (server.health, server.eras) == ("ok", {Era.MODERN})
    assert service.current().bare_names == {"read": ("peer",), "wipe": ("peer",)}


async def test_a_tool_whose_schema_cannot_be_compiled_is_listed_and_refuses_every_call() -> None:
    scene = Scene()
    scene.upstreams.surveys["peer"] = survey(tool("odd", {"$ref": "https://example.com/x"}))
    async with scene.running() as service:
        await service.surveyed(5)
        (odd,) = service.current().servers["peer"].tools()
    assert odd.validate is None


async def test_a_slow_and_a_dead_server_neither_empty_nor_delay_the_others() -> None:
    class OneHangs(FakeUpstreams):
        async def survey(self, server: str, deadline_s: float) -> Survey:
            if server == "slow":
                await asyncio.Event().wait()
            return await super().survey(server, deadline_s)

    scene = Scene("dead", "good", "slow")
    hanging = OneHangs(surveys={"good": survey(tool("read"))})
    async with scene.running(QUICK, hanging) as service:
        await until(service, lambda catalog: names(catalog, "good") == ["read"])
        await until(service, lambda catalog: catalog.servers["dead"].health == "unreachable")
        assert service.current().servers["slow"].health == "unknown"


async def test_a_server_that_dies_keeps_its_items_and_health_alone_changes_no_epoch() -> None:
    scene = Scene()
    scene.upstreams.surveys["peer"] = survey(tool("read"))
    async with scene.running() as service:
        await service.surveyed(5)
        epoch = service.current().epoch
        del scene.upstreams.surveys["peer"]
        with pytest.raises(Outage):
            await service.refresh("peer")
        server = service.current().servers["peer"]
        assert (server.health, names(service.current())) == ("unreachable", ["read"])
        assert "upstream_unreachable" in service.problems("peer")[0]
        assert service.current().epoch == epoch


async def test_after_a_restart_what_was_trusted_is_served_before_the_server_answers() -> None:
    scene = Scene()
    scene.upstreams.surveys["peer"] = survey(tool("read"))
    async with scene.running() as service:
        await service.surveyed(5)
    scene.upstreams.surveys.clear()
    async with scene.running() as again:
        assert names(again.current()) == ["read"]
        assert again.current().servers["peer"].eras == {Era.MODERN}
        await again.surveyed(5)
        assert names(again.current()) == ["read"]
    assert scene.events() == ["baseline"]


async def test_a_change_is_withheld_reported_once_shown_and_approved() -> None:
    scene = Scene()
    scene.upstreams.surveys["peer"] = survey(tool("read"), tool("keep"))
    changes: list[int] = []
    async with scene.running() as service:
        await service.surveyed(5)
        service.on_change(lambda catalog: changes.append(catalog.epoch))
        scene.upstreams.surveys["peer"] = survey(tool("read", description="now it mails"), tool("keep"), tool("new"))
        await service.refresh("peer")
        await service.refresh("peer")
        server = service.current().servers["peer"]
        assert names(service.current()) == ["keep"]
        assert server.withheld == {(ItemKind.TOOL, "read"): Drift.CHANGED, (ItemKind.TOOL, "new"): Drift.ADDED}
        assert len(changes) == 1
        added, changed = service.diff("peer")
        assert (added["drift"], added["name"], added["before"]) == ("added", "new", None)
        assert (changed["kind"], changed["name"]) == ("tool", "read")
        assert "mails" not in changed["before"]
        assert "mails" in changed["after"]
        assert await service.approve("peer", "tool/read", changed["digest"], by="alice") == "tool/read"
        assert sorted(names(service.current())) == ["keep", "read"]
        with pytest.raises(Denied):
            await service.approve("peer", "tool/new", changed["digest"], by="alice")
        assert await service.approve("peer", "tool/new", added["digest"], by="alice") == "tool/new"
        assert service.diff("peer") == []
    assert scene.events() == ["baseline", "drift", "approved", "approved"]


async def test_a_tool_taken_away_and_put_back_needs_nobody() -> None:
    scene = Scene()
    whole = survey(tool("read"), tool("keep"))
    scene.upstreams.surveys["peer"] = whole
    async with scene.running() as service:
        await service.surveyed(5)
        scene.upstreams.surveys["peer"] = survey(tool("keep"))
        await service.refresh("peer")
        assert service.current().servers["peer"].withheld == {(ItemKind.TOOL, "read"): Drift.REMOVED}
        assert service.current().bare_names["read"] == ("peer",)
        scene.upstreams.surveys["peer"] = whole
        await service.refresh("peer")
        assert sorted(names(service.current())) == ["keep", "read"]


async def test_approving_what_is_not_waiting_is_invalid() -> None:
    scene = Scene()
    scene.upstreams.surveys["peer"] = survey(tool("read"))
    async with scene.running() as service:
        await service.surveyed(5)
        with pytest.raises(Invalid):
            await service.approve("peer", "tool/read", "", by="alice")
        with pytest.raises(Invalid, match="no server 'nobody' is registered"):
            await service.approve("nobody", "tool/read", "", by="alice")


async def test_nothing_becomes_current_that_could_not_be_recorded() -> None:
    scene = Scene()
    scene.upstreams.surveys["peer"] = survey(tool("read"))
    scene.ledger.fail_writes()
    async with scene.running() as service:
        await service.surveyed(5)
        assert names(service.current()) == []


async def test_a_restriction_about_no_tool_is_told_once_and_again_when_it_changes(
    caplog: pytest.LogCaptureFixture,
) -> None:
    scene = Scene(restricted=frozenset({("servers.peer.high_risk", "wipe"), ("purposes.fix.arguments", "reed")}))
    scene.upstreams.surveys["peer"] = survey(tool("read"), tool("wipe"))
    async with scene.running() as service:
        assert service.misnamed("peer") == ()  # nobody knows yet
        await service.surveyed(5)
        await service.refresh("peer")
        assert service.misnamed("peer") == ("purposes.fix.arguments: reed",)
        scene.upstreams.surveys["peer"] = survey(tool("read"))
        await service.refresh("peer")
        assert service.misnamed("peer") == ("purposes.fix.arguments: reed",)  # withheld is not unknown
        await service.approve("peer", "tool/wipe", "", by="alice")
        await service.refresh("peer")
    records = [record for record in scene.ledger.of_kind(RecordKind.CATALOG) if record["event"] == "misnamed"]
    assert [record["misnamed"] for record in records] == [
        ["purposes.fix.arguments: reed"],
        ["purposes.fix.arguments: reed", "servers.peer.high_risk: wipe"],
    ]
    told = [record.named for record in caplog.records if record.message == "restricts_no_tool"]
    assert told[0] == "purposes.fix.arguments: reed"


async def test_restrictions_about_tools_that_are_there_are_not_worth_a_word(caplog: pytest.LogCaptureFixture) -> None:
    scene = Scene(restricted=frozenset({("servers.peer.high_risk", "wipe"), ("purposes.fix.arguments", "read")}))
    scene.upstreams.surveys["peer"] = survey(tool("read"), tool("wipe"))
    async with scene.running() as service:
        await service.surveyed(5)
        assert service.misnamed("peer") == ()
    assert scene.events() == ["baseline"]
    assert [record for record in caplog.records if record.message == "restricts_no_tool"] == []


async def test_a_server_whose_pins_were_lost_is_trusted_again_only_by_approval(
    caplog: pytest.LogCaptureFixture,
) -> None:
    scene = Scene("peer", "fresh")
    scene.upstreams.surveys |= {"peer": survey(tool("read")), "fresh": survey(tool("keep"))}
    before = frozenset({"peer", "forgotten"})
    async with scene.running(pinned_before=before) as service:
        await service.surveyed(5)
        assert (names(service.current()), names(service.current(), "fresh")) == ([], ["keep"])
        (added,) = service.diff("peer")
    assert [record.server for record in caplog.records if record.message == "pins_lost"] == ["peer"]
    caplog.clear()
    async with scene.running(pinned_before=before) as again:  # a restart is no approval, and no news
        await again.surveyed(5)
        assert names(again.current()) == []
        await again.approve("peer", "tool/read", added["digest"], by="alice")
        assert names(again.current()) == ["read"]
    assert [record for record in caplog.records if record.message == "pins_lost"] == []
    assert scene.events().count("pins_lost") == 1


async def test_a_forged_pin_stops_the_start() -> None:
    scene = Scene()
    scene.upstreams.surveys["peer"] = survey(tool("read"))
    async with scene.running() as service:
        await service.surveyed(5)
    scene.store.forged.add("peer")
    with pytest.raises(Outage):
        async with scene.running():
            pass


async def test_a_server_that_says_its_lists_changed_is_asked_again_soon_and_not_at_its_own_pace() -> None:
    scene = Scene()
    scene.upstreams.surveys["peer"] = survey(tool("read"))
    limits = RefreshLimits(interval_s=3600, stdio_interval_s=3600, hint_gap_s=0.05)
    async with scene.running(limits) as service:
        await service.surveyed(5)
        scene.upstreams.surveys["peer"] = survey(tool("read"), tool("new"))
        for _ in range(50):
            service.hint("peer")
        await until(service, lambda catalog: (ItemKind.TOOL, "new") in catalog.servers["peer"].withheld)
        service.hint("nobody")
    assert scene.events().count("drift") <= 1


async def test_a_server_that_never_stops_saying_so_is_asked_no_more_than_once_a_gap_and_not_after_it_stopped() -> None:
    scene, asked = Scene(), list[float]()
    limits = RefreshLimits(interval_s=3600, stdio_interval_s=3600, hint_gap_s=0.05)

    class Restless(FakeUpstreams):
        async def survey(self, server: str, deadline_s: float) -> Survey:
            asked.append(asyncio.get_running_loop().time())
            if len(asked) < 4:
                service.hint(server)
            return survey(tool("read"))

    async with scene.running(limits, Restless()) as service:
        await until(service, lambda _: len(asked) == 4)
        assert min(later - before for before, later in pairwise(asked)) >= limits.hint_gap_s * 0.9
        await asyncio.wait([asyncio.get_running_loop().create_future()], timeout=4 * limits.hint_gap_s)
        assert len(asked) == 4
