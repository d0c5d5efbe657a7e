"""remit.yaml: what is read, what is refused, and that the refusal says where and what was expected."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from remit.app.registry import administrators, registry
from remit.app.server_configs import server_configs
from remit.app.settings import ConfigurationInvalid, load
from remit.core.administration import Act, Role
from remit.core.authentication import Acr, Demand
from remit.core.catalog import Observe
from remit.core.grant import Calls
from remit.core.registration import Http, Stdio
from remit.core.scope import OneTool, WholeServer
from tests.peers.remit_process import configuration

SERVERS = {
    "files": {"stdio": {"command": ["node", "index.js"], "environment": {"TOKEN": "${env:FILES_TOKEN}"}}},
    "crm": {"http": {"url": "https://crm.test/mcp"}, "mode": {"observe_until": "2026-12-01T00:00:00Z"}},
}


def written(folder: Path, **changes: Any) -> Path:
    path = folder / "remit.yaml"
    path.write_text(yaml.safe_dump(configuration(8700, SERVERS) | changes))
    return path


def problem(folder: Path, **changes: Any) -> str:
    with pytest.raises(ConfigurationInvalid) as caught:
        load(written(folder, **changes))
    return str(caught.value)


def test_a_good_file_is_read_into_the_words_of_the_inside(tmp_path: Path) -> None:
    configs = {config.name: config for config in server_configs(load(written(tmp_path)))}
    assert isinstance(configs["files"].transport, Stdio)
    assert isinstance(configs["crm"].transport, Http)
    assert isinstance(configs["crm"].mode, Observe)
    assert configs["files"].stateful  # unless said otherwise a process is nobody else's
    assert configs["files"].credential == "env:FILES_TOKEN"


def test_no_key_is_suggested_for_itself(tmp_path: Path) -> None:
    elsewhere = {"stdio": {"command": ["x"], "arguments": []}}  # a field, but not of this part
    said = problem(tmp_path, servers={"x": {"tenants": ["acme"], "environment": "dev", "owner": "o", **elsewhere}})
    assert "unknown field `arguments`" in said
    assert "did you mean 'arguments'" not in said


def test_an_unknown_key_is_refused_with_a_suggestion(tmp_path: Path) -> None:
    said = problem(tmp_path, tenents=["acme"])
    assert "tenents" in said
    assert "did you mean 'tenants'" in said


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"tenant": ["acme"]}, "unknown field `tenant`; did you mean 'tenants'?"),
        ({"tenants": "acme"}, "tenants: expected a list, found text"),
        ({"tenants": ["Ac me"]}, "tenants[0]: expected a name"),
        (
            {"servers": {"a b": {"tenants": ["acme"], "environment": "dev", "owner": "o"}}},
            ": a key in servers: expected a name",
        ),
        ({"servers": {"x": {"tenants": ["acme"], "environment": "dev"}}}, "servers.x: missing the required field"),
        ({"servers": {"x": {"stdoi": {}}}}, "servers.x: unknown field `stdoi`; did you mean 'stdio'?"),
        (
            {"servers": {"x": {"tenants": ["acme"], "environment": "dev", "owner": "o", "stdio": {"command": "a"}}}},
            "servers.x.stdio.command: expected a list, found text",
        ),
        ({"public_url": "http://127.0.0.1:87000"}, "expected a port"),
        ({"listen": "0.0.0.0:8700"}, "reachable from outside and has no TLS"),
        ({"public_url": "http://remit.example"}, "plain http is for loopback only"),
        ({"public_url": "http://127.0.0.1:8700/base"}, "with no path"),
        ({"public_url": "http://user@127.0.0.1:8700"}, "public_url"),
        ({"listen": "localhost"}, "expected HOST:PORT"),
        ({"servers": {"tools": {"tenants": ["acme"], "environment": "dev", "owner": "o"}}}, "is an MCP method's"),
        (
            {"servers": {"email": {"tenants": ["acme"], "environment": "dev", "owner": "o"}}},
            "send this name as a scope",
        ),
        ({"accounts": {"eve": {"tenant": "nowhere"}}}, "'nowhere' is not in tenants"),
        ({"accounts": {"a|b": {"tenant": "acme"}}}, "may not contain |"),
        (
            {"servers": {"x": {"tenants": ["acme"], "environment": "dev", "owner": "o"}}},
            "exactly one of stdio and http",
        ),
        (
            {"clients": {"cron": {"tenant": "acme", "auth": "client_secret_basic", "secret": "hunter2"}}},
            "expected a reference",
        ),
        (
            {"purposes": {"fix": {"arguments": {"fils/read": {"path": {"prefix": "/srv"}}}}}},
            "purposes.fix.arguments: 'fils' is not in servers; did you mean 'files'?",
        ),
        ({"clients": {"ci": {"tenant": "acme", "auth": "private_key_jwt"}}}, "needs the client's public keys"),
    ],
)
def test_a_dangerous_or_broken_value_is_refused_and_named(tmp_path: Path, changes: dict[str, Any], said: str) -> None:
    assert said in problem(tmp_path, **changes)


@pytest.mark.parametrize(
    "changes",
    [
        {"listen": "127.0.0.1:0"},
        {"listen": "[::1]:8700"},
        {"behind_tls_proxy": True, "listen": "0.0.0.0:1"},
        {"purposes": {"fix": {"arguments": {"files/read": {"path": {"prefix": "/srv"}}}}}},
    ],
)
def test_the_safe_twins_are_accepted(tmp_path: Path, changes: dict[str, Any]) -> None:
    assert load(written(tmp_path, **changes)).settings.tenants == ["acme", "globex"]


def test_every_tool_that_a_restriction_names_is_known_with_its_place(tmp_path: Path) -> None:
    files = {"tenants": ["acme"], "environment": "dev", "owner": "o", "http": {"url": "https://x.test/mcp"}}
    restricted = files | {"high_risk": ["wipe"], "path_arguments": {"read": ["path"]}}
    purposes = {"fix": {"arguments": {"files/read": {"path": {"prefix": "/srv"}}}}}
    configuration = load(written(tmp_path, servers={"files": restricted, "crm": files}, purposes=purposes))
    crm, found = server_configs(configuration)
    assert found.restricted == {
        ("servers.files.high_risk", "wipe"),
        ("servers.files.path_arguments", "read"),
        ("purposes.fix.arguments", "read"),
    }
    assert crm.restricted == set()


def test_a_server_without_tenant_or_owner_is_refused(tmp_path: Path) -> None:
    http = {"http": {"url": "https://x.test/mcp"}, "environment": "dev"}
    assert "tenants" in problem(tmp_path, servers={"x": http | {"tenants": [], "owner": "o"}})
    assert "owner" in problem(tmp_path, servers={"x": http | {"tenants": ["acme"], "owner": ""}})


def test_a_missing_file_and_a_file_that_is_no_mapping_are_told_apart(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationInvalid, match="not found"):
        load(tmp_path / "nothing.yaml")
    (tmp_path / "list.yaml").write_text("- a\n")
    with pytest.raises(ConfigurationInvalid, match="expected a mapping"):
        load(tmp_path / "list.yaml")


def test_servers_in_the_drop_in_folder_are_merged_and_may_not_repeat(tmp_path: Path) -> None:
    path = written(tmp_path)
    (tmp_path / "servers.d").mkdir()
    extra = {
        "wiki": {"tenants": ["acme"], "environment": "dev", "owner": "o", "http": {"url": "https://wiki.test/mcp"}}
    }
    (tmp_path / "servers.d" / "wiki.yaml").write_text(yaml.safe_dump(extra))
    assert set(load(path).settings.servers) == {"files", "crm", "wiki"}
    (tmp_path / "servers.d" / "again.yaml").write_text(yaml.safe_dump({"files": extra["wiki"]}))
    with pytest.raises(ConfigurationInvalid, match="already registered"):
        load(path)


def test_what_is_wrong_in_the_drop_in_folder_is_said_of_its_file(tmp_path: Path) -> None:
    path = written(tmp_path)
    (tmp_path / "servers.d").mkdir()
    extra = tmp_path / "servers.d" / "wiki.yaml"
    extra.write_text("servers: {wiki: {}}\n")
    with pytest.raises(ConfigurationInvalid, match=r"wiki\.yaml: expected server names at the top, found `servers`"):
        load(path)
    extra.write_text("wiki: {tenants: [acme], environment: dev, onwer: o}\n")
    with pytest.raises(ConfigurationInvalid, match=r"wiki\.yaml: servers\.wiki: unknown field `onwer`.*'owner'"):
        load(path)


def test_clients_purposes_and_administrators_become_values(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CRON_SECRET", "a-long-enough-secret")
    template = {"purpose": "nightly", "scopes": ["files", "crm:find"], "environment": "dev", "calls_max": 5}
    path = written(
        tmp_path,
        clients={
            "cron": {"tenant": "acme", "auth": "client_secret_basic", "secret": "${env:CRON_SECRET}", "grant": template}
        },
        purposes={"triage": {"tools": ["crm/find"], "arguments": {"crm/find": {"id": {"at_most": 9}}}}},
        administrators={"alice": {"uid": 4242, "roles": ["key"], "tenants": ["acme"]}},
    )
    found = registry(load(path))
    terms = found.clients["cron"].terms
    assert terms is not None
    assert terms.scopes == {WholeServer("files"), OneTool("crm", "find")}
    assert terms.budget == Calls(5)
    assert len(found.purposes["triage"].constraints) == 1
    assert [administrator.uid for administrator in administrators(load(path))] == [4242]


def test_roles_are_the_same_for_all_tenants_or_written_by_tenant(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        tenants=["acme", "globex"],
        accounts={"alice": {"tenant": "acme"}},
        administrators={
            "alice": {"account": "alice", "roles": {"acme": ["key", "audit"], "globex": ["audit"]}},
            "bob": {"uid": 7, "roles": ["server"], "tenants": ["acme", "globex"]},
        },
    )
    alice, bob = administrators(load(path))
    assert alice.roles == {"acme": {Role.KEY, Role.AUDIT}, "globex": {Role.AUDIT}}
    assert (alice.uid, alice.account, bob.uid, bob.account) == (None, "alice", 7, "")
    assert bob.roles == {"acme": {Role.SERVER}, "globex": {Role.SERVER}}


@pytest.mark.parametrize(
    ("entry", "problem"),
    [
        ({"roles": ["key"], "tenants": ["acme"]}, "expected uid, account or both"),
        ({"uid": 1, "roles": {"acme": ["key"]}, "tenants": ["acme"]}, "leave tenants out"),
        ({"uid": 1, "roles": ["key"]}, "say for which tenants"),
        ({"uid": 1, "roles": {"umbrella": ["key"]}}, "roles: 'umbrella' is not in tenants"),
        ({"uid": 1, "roles": ["key"], "tenants": ["umbrella"]}, "tenants: 'umbrella' is not in tenants"),
        ({"account": "bob", "roles": {"acme": ["key"]}}, "account: 'bob' is not in accounts"),
        ({"account": "twin", "roles": {"acme": ["key"]}}, "account: 'twin' is another administrator's too"),
    ],
)
def test_an_administrator_that_could_mean_two_things_is_refused(
    tmp_path: Path, entry: dict[str, Any], problem: str
) -> None:
    twin = {"account": "twin", "roles": {"acme": ["audit"]}}
    path = written(tmp_path, accounts={"twin": {"tenant": "acme"}}, administrators={"x": entry, "y": twin})
    with pytest.raises(ConfigurationInvalid, match=problem):
        load(path)


@pytest.mark.parametrize(
    ("act", "problem"),
    [
        ("revoke", "whoever sees harm stops it alone"),
        ("grant.end", "whoever sees harm stops it alone"),
        ("proposal.confirm", "or is about proposals"),
        ("server.list", "changes nothing"),
        ("server.approve", "only alice could do it for acme"),
        ("key.rotate", "only alice could do it for the process"),
    ],
)
def test_what_could_not_wait_or_would_wait_for_nobody_is_refused(tmp_path: Path, act: str, problem: str) -> None:
    alice = {"uid": 1, "roles": {"acme": ["server", "key", "policy"]}}
    bob = {"uid": 2, "roles": {"acme": ["policy"], "globex": ["server"]}}
    administrators = {"alice": alice, "bob": bob}
    with pytest.raises(ConfigurationInvalid, match=problem):
        load(written(tmp_path, administrators=administrators, second_person=[act]))
    found = load(written(tmp_path, administrators=administrators, second_person=["policy.reload"]))
    assert found.settings.second_person == [Act.POLICY_RELOAD]
    with pytest.raises(ConfigurationInvalid, match="the user Remit runs as"):
        load(written(tmp_path, second_person=["policy.reload"]))


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"admin_url": "http://127.0.0.1:8701"}, "set both, or neither"),
        ({"admin_listen": "127.0.0.1:8701"}, "set both, or neither"),
        ({"admin_url": "http://127.0.0.1:8700", "admin_listen": "127.0.0.1:8701"}, "admin_url: is public_url"),
        ({"admin_url": "HTTP://127.0.0.1:8700", "admin_listen": "127.0.0.1:8701"}, "admin_url: is public_url"),
        ({"admin_url": "http://127.0.0.1:8701", "admin_listen": "127.0.0.1:8700"}, "admin_listen: is listen"),
        ({"admin_url": "http://admin.test", "admin_listen": "127.0.0.1:8701"}, "admin_url: plain http"),
        ({"admin_url": "https://admin.test/x", "admin_listen": "127.0.0.1:8701"}, "admin_url: expected https"),
        (
            {"admin_url": "https://admin.test", "admin_listen": "0.0.0.0:8701"},
            "admin_listen: 0.0.0.0:8701 is reachable",
        ),
        ({"servers": {"remit": SERVERS["files"]}}, "servers.remit: the name is administration's"),
    ],
)
def test_administration_over_http_has_a_place_and_a_name_of_its_own(
    tmp_path: Path, changes: dict[str, Any], problem: str
) -> None:
    if "servers" in changes:
        changes = {"servers": configuration(8700, changes["servers"])["servers"]}
    with pytest.raises(ConfigurationInvalid, match=problem):
        load(written(tmp_path, **changes))
    found = load(written(tmp_path, admin_url="https://admin.test", admin_listen="127.0.0.1:8701"))
    assert found.admin_address == ("127.0.0.1", 8701)


def test_a_secret_that_is_not_there_is_refused_and_no_default_stands_in(tmp_path: Path) -> None:
    template = {"purpose": "nightly", "scopes": ["files"], "environment": "dev"}
    cron = {"tenant": "acme", "auth": "client_secret_basic", "secret": "${env:NOT_SET_ANYWHERE}", "grant": template}
    with pytest.raises(ConfigurationInvalid, match="NOT_SET_ANYWHERE is not set"):
        registry(load(written(tmp_path, clients={"cron": cron})))


def test_a_secret_that_could_be_guessed_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    template = {"purpose": "nightly", "scopes": ["files"], "environment": "dev"}
    cron = {"tenant": "acme", "auth": "client_secret_basic", "secret": "${env:CRON_SECRET}", "grant": template}
    configuration = load(written(tmp_path, clients={"cron": cron}))
    monkeypatch.setenv("CRON_SECRET", "x" * 15)
    with pytest.raises(ConfigurationInvalid, match="holds less than 16 bytes"):
        registry(configuration)
    monkeypatch.setenv("CRON_SECRET", "x" * 16)
    assert registry(configuration).clients["cron"].secret is not None


def test_a_key_given_twice_is_refused_with_its_line(tmp_path: Path) -> None:
    path = written(tmp_path)
    path.write_text(path.read_text() + "tenants: [evil]\n")
    with pytest.raises(ConfigurationInvalid, match="'tenants' is given twice"):
        load(path)


def test_a_moment_may_be_written_without_quotes(tmp_path: Path) -> None:
    path = written(tmp_path)
    path.write_text(path.read_text().replace("'2026-12-01T00:00:00Z'", "2026-12-01T00:00:00Z"))
    assert "observe_until: 2026-12-01T00:00:00Z" in path.read_text()
    modes = {config.name: config.mode for config in server_configs(load(path))}
    assert isinstance(modes["crm"], Observe)


def test_sessions_last_as_long_as_is_said_and_within_bounds(tmp_path: Path) -> None:
    assert load(written(tmp_path, sessions={"idle_s": 600, "max_s": 3600})).settings.sessions.idle_s == 600
    assert "at most sessions.max_s" in problem(tmp_path, sessions={"idle_s": 3600, "max_s": 600})
    for entry in ({"idle_s": 59}, {"max_s": 299}, {"idle_s": 86_401}, {"max_s": 2_592_001}):
        assert "sessions" in problem(tmp_path, sessions=entry)


def test_a_passkey_can_be_required_only_under_a_name(tmp_path: Path) -> None:
    people = {"engineer": {"tenant": "acme", "passkey": "required"}}
    assert "accounts.engineer.passkey: passkeys are bound to a name" in problem(tmp_path, accounts=people)
    named = load(written(tmp_path, accounts=people, public_url="http://localhost:8700"))
    assert registry(named).accounts["engineer"].passkey_required
    assert not registry(load(written(tmp_path))).accounts["engineer"].passkey_required


def test_tools_that_need_a_passkey_are_named_with_how_long_ago_it_may_be(tmp_path: Path) -> None:
    demanding = {"files": {**SERVERS["files"], "tenants": ["acme"], "environment": "dev", "owner": "o"}}
    demanding["files"]["step_up"] = {"tools": ["wipe"], "max_age_s": 60}
    (found,) = server_configs(load(written(tmp_path, servers=demanding, public_url="http://localhost:8700")))
    assert found.demands == {"wipe": Demand(Acr.PASSKEY, 60.0)}
    assert ("servers.files.step_up.tools", "wipe") in found.restricted
    assert "servers.files.step_up: passkeys are bound to a name" in problem(tmp_path, servers=demanding)
    for entry in ({"tools": []}, {"tools": ["wipe"], "max_age_s": 1}, {}):
        demanding["files"]["step_up"] = entry
        assert "servers.files" in problem(tmp_path, servers=demanding, public_url="http://localhost:8700")
