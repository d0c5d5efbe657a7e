"""A policy is refused when it could not mean what it says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from remit.adapters.policy.reporting import report
from tests.scenes.policy import CATALOG, a_catalog, a_server, a_tool, write

SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "name": {"type": "string"},
        "limit": {"type": "integer"},
        "either": {"anyOf": [{"type": "string"}, {"type": "integer"}]},
    },
    "required": ["name"],
}
SLEEPING = 'permit (principal, action in [Action::"crm/find", Action::"gone/tool"], resource)'
CRM = a_catalog(a_server("crm", a_tool("crm", "find", SCHEMA), a_tool("crm", "drop")))


def on_find(condition: str, effect: str = "permit") -> str:
    return f'{effect} (principal, action == Action::"crm/find", resource) when {{ {condition} }};'


ALL_TOOLS = 'forbid (principal, action in Action::"tools/call", resource)'
GOOD = [
    on_find('context.args.name like "a*"'),
    on_find("context.args has limit && context.args.limit < 10"),
    on_find('context has actor && context.actor == "agent"'),
    on_find('context.time > datetime("2026-01-01") && context.client.attestation == "key_bound"'),
    on_find('context.purpose.class == "triage" && context.interactive && resource.owner == "platform"'),
    on_find('context.grant.origin == "administration" && principal.subject == "a" && context.chain.contains("b")'),
    on_find(
        'context.roles.contains(Role::"ci") && context.environment == Environment::"dev" && context.era == "modern"'
    ),
    ALL_TOOLS + ' when { context.args has name && context.args.name == "x" };',
    'permit (principal is Workload, action == Action::"resources/read", resource in Server::"crm");',
    'permit (principal in Role::"x", action, resource in Environment::"dev");',
    'forbid (principal, action, resource in Tenant::"acme");',
]
BAD = {
    on_find("context.args.limit < 10"): "unable to guarantee safety of access to optional attribute",
    on_find('context.args.either == "x"'): "not found",
    on_find("context.args has either", "forbid"): "crm/find cannot be read by a policy (a union)",
    on_find("context.args has path", "forbid"): "context.args.path is no declared argument of crm/find",
    on_find("context.args.name < 3"): "unexpected type",
    on_find("context.secret == 1"): "not found",
    on_find("principal.admin"): "not found",
    'permit (principal, action in Action::"tools/call", resource) when { context.args.name == "x" };': "not found",
    'permit (principal is User, action, resource);': "unrecognized entity type `User`",
    'permit (principal, action == Action::"crm/find", resource is Prompt);': "applicable action",
    'permit (principal, action == Action::"prompts/get", resource) when { context.args has x };': "not found",
}  # fmt: skip


@pytest.mark.parametrize("policy", GOOD)
def test_a_policy_about_what_exists_is_accepted(tmp_path: Path, policy: str) -> None:
    found = report(write(tmp_path, acme__a=policy), CRM)
    assert found.faults == ()
    assert found.notes == ()


@pytest.mark.parametrize(("policy", "why"), BAD.items())
def test_a_policy_that_reads_what_is_not_there_is_refused_with_its_line(tmp_path: Path, policy: str, why: str) -> None:
    faults = report(write(tmp_path, acme__a=f"{GOOD[0]}\n{policy}"), CRM).faults
    assert [(fault.file, fault.line) for fault in faults] == [("acme/a.cedar", 2)]
    assert why in faults[0].message


def test_a_policy_about_a_tool_nobody_offers_sleeps_and_is_named(tmp_path: Path) -> None:
    policy = SLEEPING + ' when { context.args.name == "x" };'
    found = report(write(tmp_path, acme__a=policy), CRM)
    assert found.faults == ()
    assert [str(note) for note in found.notes] == [
        "acme/a.cedar:1: no server offers gone/tool now; it does nothing until one does"
    ]


def test_what_a_sleeping_policy_says_about_tools_that_exist_is_still_checked(tmp_path: Path) -> None:
    policy = SLEEPING + ' when { context.args.nothing == "x" };'
    assert len(report(write(tmp_path, acme__a=policy), CRM).faults) == 1


@pytest.mark.parametrize("name", ['Server::"cmr"', 'Environment::"prod"', 'Tool::"crm/fnd"'])
def test_a_name_that_nothing_has_is_noted(tmp_path: Path, name: str) -> None:
    found = report(write(tmp_path, acme__a=f"forbid (principal, action, resource in {name});"), CRM)
    assert found.faults == ()
    assert [str(note) for note in found.notes] == [f"acme/a.cedar:1: nothing of this tenant is {name} now"]


def test_with_no_tool_at_all_the_shipped_policies_stand(tmp_path: Path) -> None:
    found = report(
        write(tmp_path, acme__a='permit (principal, action in Action::"tools/call", resource);'), a_catalog()
    )
    assert found.faults == ()


def test_a_policy_on_all_tools_stays_good_when_a_tool_without_the_argument_comes(tmp_path: Path) -> None:
    policies = write(tmp_path, acme__a=GOOD[7])
    assert report(policies, CATALOG).faults == ()


def test_the_report_names_the_arguments_no_policy_can_read(tmp_path: Path) -> None:
    assert report(tmp_path, CRM).unmapped == {"crm/find": ("either: a union",)}
