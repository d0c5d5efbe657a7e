"""Whose a name is: one server's, nobody's, or more than one's."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from remit.core.catalog import Catalog, Era, ItemKind
from remit.core.errors import Refusal
from remit.core.reasons import Reason
from remit.core.request import Endpoint, McpRequest
from remit.core.scope import WholeServer
from remit.flows.target import NAME_LENGTH_MAX, Found, find_target
from tests.scenes.grant import a_grant
from tests.scenes.mcp import FILES, GIT, PAYROLL, URL, catalog, item, server

WIKI = server(
    "wiki",
    item("wiki", ItemKind.PROMPT, "summarise"),
    item("wiki", ItemKind.PROMPT, "translate"),
    item("wiki", ItemKind.RESOURCE, "wiki://home"),
    eras=frozenset({Era.MODERN}),
)
THREE = catalog(FILES, GIT, PAYROLL)
FOUR = catalog(FILES, GIT, PAYROLL, WIKI)
REACH = frozenset({WholeServer("files"), WholeServer("git"), WholeServer("wiki")})


def find(
    method: str, params: dict[str, Any], at: str = "", *, among: Catalog = THREE, era: Era = Era.MODERN, **grant: Any
) -> Found:
    endpoint = Endpoint(at, f"{URL}/mcp/{at}" if at else f"{URL}/mcp")
    request = McpRequest(b"1", method, params, era, "2026-07-28", endpoint)
    return find_target(among, a_grant(scopes=REACH, **grant), request)


def reason(*asked: Any, **changes: Any) -> Reason:
    with pytest.raises(Refusal) as caught:
        find(*asked, **changes)
    return caught.value.reason


def test_at_a_server_s_endpoint_the_name_is_that_server_s() -> None:
    found, target, tool = find("tools/call", {"name": "search"}, "git")
    assert (found.name, target.name, tool) == ("git", "search", GIT.items[ItemKind.TOOL, "search"])
    assert find("tools/call", {"name": "no_such_tool"}, "git")[2] is None


def test_an_endpoint_of_no_server_is_refused() -> None:
    for method, params in (("tools/call", {"name": "search"}), ("initialize", {}), ("resources/read", {"uri": "a:b"})):
        assert reason(method, params, "gone") is Reason.SERVER_UNKNOWN
        assert find(method, params, "git")[0] is GIT


@pytest.mark.parametrize("name", [None, "", 7, ["search"], "x" * (NAME_LENGTH_MAX + 1)])
@pytest.mark.parametrize(
    ("method", "key"), [("tools/call", "name"), ("prompts/get", "name"), ("resources/read", "uri")]
)
def test_what_is_no_name_is_refused(method: str, key: str, name: Any) -> None:
    assert reason(method, {key: name}, "files") is Reason.INVALID_PARAMS
    assert find(method, {key: "x" * NAME_LENGTH_MAX}, "files")[1].name == "x" * NAME_LENGTH_MAX


def test_a_tool_of_one_server_is_found_by_its_bare_name_and_by_no_other() -> None:
    assert find("tools/call", {"name": "git_log"})[0] is GIT
    for name in ("git.git_log", "files.git_log", "no_such_tool", "git.no_such_tool", ".git_log", "git_log."):
        assert reason("tools/call", {"name": name}) is Reason.TOOL_UNKNOWN


def test_a_tool_of_two_servers_is_found_only_with_its_server_s_name() -> None:
    found, target, _ = find("tools/call", {"name": "git.search"})
    assert (found, target.name) == (GIT, "search")
    assert reason("tools/call", {"name": "search"}) is Reason.NAME_AMBIGUOUS
    assert reason("tools/call", {"name": "gone.search"}) is Reason.TOOL_UNKNOWN


@pytest.mark.parametrize("changes", [{"tenant": "globex"}, {"environment": "prod"}])
def test_that_others_have_a_name_twice_is_not_told(changes: dict[str, str]) -> None:
    assert reason("tools/call", {"name": "search"}, **changes) is Reason.TOOL_UNKNOWN


def test_a_prompt_of_one_visible_server_is_its_and_of_two_is_nobody_s() -> None:
    assert find("prompts/get", {"name": "summarise"})[0] is FILES
    assert find("prompts/get", {"name": "translate"}, among=FOUR)[0] is WIKI
    assert reason("prompts/get", {"name": "summarise"}, among=FOUR) is Reason.NAME_AMBIGUOUS
    assert reason("prompts/get", {"name": "none"}, among=FOUR) is Reason.TOOL_UNKNOWN
    assert reason("prompts/get", {"name": "summarise"}, tenant="globex") is Reason.TOOL_UNKNOWN
    elsewhere = catalog(replace(FILES, environment="prod"), GIT)
    assert reason("prompts/get", {"name": "summarise"}, among=elsewhere) is Reason.TOOL_UNKNOWN


def test_a_server_of_another_era_owns_nothing_on_the_shared_endpoint() -> None:
    assert find("prompts/get", {"name": "summarise"}, among=FOUR, era=Era.LEGACY)[0] is FILES
    assert reason("prompts/get", {"name": "translate"}, among=FOUR, era=Era.LEGACY) is Reason.TOOL_UNKNOWN
    assert reason("resources/read", {"uri": "a:b"}, among=catalog(WIKI)) is Reason.TOOL_UNKNOWN


def test_a_resource_is_its_owner_s_or_the_one_server_s_that_has_templates() -> None:
    assert find("resources/read", {"uri": "wiki://home"}, among=FOUR)[0] is WIKI
    assert find("resources/read", {"uri": "file:///any"}, among=FOUR)[0] is FILES
    assert reason("resources/read", {"uri": "file:///any"}, among=catalog(GIT, WIKI)) is Reason.TOOL_UNKNOWN


@pytest.mark.parametrize(
    ("reference", "kind"),
    [({"type": "ref/prompt", "name": "summarise"}, "PROMPT"), ({"type": "ref/resource", "uri": "file:///{path}"}, "")],
)
def test_a_completion_is_for_what_it_refers_to(reference: dict[str, str], kind: str) -> None:
    found, target, completed = find("completion/complete", {"ref": reference})
    assert (found, completed is not None) == (FILES, True)
    assert (target.kind.name == "PROMPT") is (kind == "PROMPT")
    for absent in (None, "summarise", [], {}, {"type": "ref/prompt", "uri": "x"}):
        assert reason("completion/complete", {"ref": absent}) is Reason.INVALID_PARAMS


def test_what_names_nothing_is_about_the_server_and_has_no_place_on_the_shared_endpoint() -> None:
    found, target, nothing = find("logging/setLevel", {"level": "info"}, "files")
    assert (found, target.name, nothing) == (FILES, "", None)
    assert reason("logging/setLevel", {"level": "info"}) is Reason.UNKNOWN_METHOD
