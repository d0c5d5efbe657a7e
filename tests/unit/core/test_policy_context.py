"""The entities of a request: whole ancestry, nothing from the caller."""

from __future__ import annotations

from remit.core.access import Target, TargetKind
from remit.core.authentication import PASSKEY, Authentication
from remit.core.catalog import ItemKind
from remit.core.policy_context import closure, grant_context, vocabulary
from remit.core.policy_types import tool_type
from remit.core.principals import Principal, PrincipalKind
from tests.scenes.grant import a_grant
from tests.scenes.policy import CATALOG, FILES, a_catalog, a_server, a_tool

READ = FILES.items[ItemKind.TOOL, "read_file"]


def test_a_tool_is_in_its_server_the_servers_environment_and_every_tenant_of_it() -> None:
    shared = a_server("files", READ, tenants=frozenset({"acme", "globex"}))
    about = closure(a_grant(), "files/read_file", shared, Target(TargetKind.TOOL, "read_file"), READ)
    assert about.resource_in == {
        ("Tool", "files/read_file"),
        ("Server", "files"),
        ("Environment", "dev"),
        ("Tenant", "acme"),
        ("Tenant", "globex"),
    }


def test_every_ancestor_is_an_entity_of_its_own_and_none_is_there_twice() -> None:
    about = closure(a_grant(), "files/read_file", FILES, Target(TargetKind.TOOL, "read_file"), READ)
    uids = [(entity["uid"]["type"], entity["uid"]["id"]) for entity in about.entities]
    assert len(uids) == len(set(uids))
    assert about.principal_in | about.action_in | about.resource_in <= set(uids)
    assert {parent["id"] for entity in about.entities for parent in entity["parents"]} <= {uid[1] for uid in uids}


def test_the_principal_is_the_subject_and_the_actor_is_context() -> None:
    grant = a_grant(
        subject=Principal(PrincipalKind.WORKLOAD, "s", "https://idp.test"), actors=("agent", "administrator")
    )
    about = closure(grant, "ping", FILES, Target(TargetKind.SERVER), None)
    assert about.principal == ("Workload", "https://idp.test|s")
    context = grant_context(grant)
    assert context["actor"] == "agent"
    assert context["chain"] == ["agent", "administrator"]
    assert "actor" not in grant_context(a_grant(actors=()))


def test_a_session_method_is_in_the_session_group_and_a_tool_in_its_own() -> None:
    assert ("Action", "session") in closure(a_grant(), "ping", FILES, Target(TargetKind.SERVER), None).action_in
    about = closure(a_grant(), "files/read_file", FILES, Target(TargetKind.TOOL, "read_file"), READ)
    assert about.action_in == {("Action", "files/read_file"), ("Action", "tools/call")}


def test_a_tool_named_like_a_session_method_is_no_session_method() -> None:
    tool = a_tool("notifications", "progress")
    server = a_server("notifications", tool)
    about = closure(a_grant(), "notifications/progress", server, Target(TargetKind.TOOL, "progress"), tool)
    assert not vocabulary(a_catalog(server), "acme", {}).knows("notifications/progress", tool)
    assert about.action_in == {("Action", "notifications/progress"), ("Action", "tools/call")}


def test_a_tenants_words_are_the_tools_of_its_own_servers() -> None:
    catalog = a_catalog(FILES, a_server("crm", a_tool("crm", "find"), tenants=frozenset({"globex"})))
    assert set(vocabulary(catalog, "globex", {}).tools) == {"crm/find"}


def test_a_changed_definition_is_not_the_one_the_words_were_made_from() -> None:
    words = vocabulary(CATALOG, "acme", {})
    changed = a_tool("files", "read_file", {"type": "object"})
    assert words.knows("files/read_file", READ)
    assert not words.knows("files/read_file", changed)
    assert not words.knows("no/such/method", None)
    assert words.types["files/read_file"] == tool_type(READ.input_schema)  # type: ignore[attr-defined]


def test_how_the_person_signed_in_is_there_if_one_did() -> None:
    found = grant_context(a_grant(authentication=Authentication(PASSKEY, 1000.0)))["authentication"]
    assert (found["acr"], found["level"], found["amr"]) == ("urn:remit:acr:passkey", 2, ["pop", "user", "mfa"])
    assert "authentication" not in grant_context(a_grant())
