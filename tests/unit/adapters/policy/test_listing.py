"""What a list shows: what some arguments may call, and as little else as can be told."""

from __future__ import annotations

from pathlib import Path

import pytest

from remit.core.access import Effect
from remit.core.principals import Principal, PrincipalKind
from tests.scenes.policy import UNKNOWN, a_catalog, a_live, a_server, a_tool, an_engine, ask, write

SCHEMA = {
    "type": "object",
    "properties": {
        "mode": {"type": "string", "enum": ["read", "write"]},
        "path": {"type": "string"},
        "count": {"type": "integer"},
        "ratio": {"type": "number"},
        "force": {"type": "boolean"},
    },
    "required": ["path", "mode"],
}
CATALOG = a_catalog(a_server("files", a_tool("files", "open", SCHEMA)))
PERMIT = 'permit (principal, action == Action::"files/open", resource) when {{ {} }};'
FORBID = 'forbid (principal, action == Action::"files/open", resource) when {{ {} }};'

SHOWN = [
    PERMIT.format("true"),
    PERMIT.format('context.args.path like "/workspace/*"'),
    PERMIT.format('context.args.mode == "write"'),
    PERMIT.format("true") + FORBID.format('context.args.path like "/etc*"'),
    PERMIT.format("true") + FORBID.format("context.args has count"),
    PERMIT.format("true") + FORBID.format("!(context.args has count)"),
    PERMIT.format("context.args has count && context.args.count > 5 && context.args.count < 7"),
    PERMIT.format('context.args has ratio && context.args.ratio.greaterThan(decimal("0.5"))'),
    PERMIT.format('context.args.mode == "read" && principal.subject == "engineer"'),
    PERMIT.format("context.args.path == principal.subject"),
]
HIDDEN = [
    "",
    PERMIT.format("false"),
    PERMIT.format('principal.subject == "analyst" && context.args.path like "/*"'),
    PERMIT.format("true") + FORBID.format("true"),
    PERMIT.format("true") + FORBID.format('context.args.mode == "read" || context.args.mode == "write"'),
    PERMIT.format('context.args.mode == "read"') + FORBID.format('context.args.mode == "read"'),
    PERMIT.format('context.args.mode == "execute"'),
    PERMIT.format("context.args has count && context.args.count > 5 && context.args.count < 6"),
    PERMIT.format("context.args has count") + FORBID.format("context.args has count"),
    PERMIT.format(
        'context.args has ratio && context.args.ratio.greaterThan(decimal("0.5")) '
        '&& context.args.ratio.lessThan(decimal("0.5001"))'
    ),
    PERMIT.format("context.args has force && context.args.force && !context.args.force"),
]


async def listed(policies_dir: Path, policies: str, **grant: object) -> Effect:
    engine = await an_engine(write(policies_dir, acme__a=policies), CATALOG)
    (verdict,) = await engine.evaluate_all([ask("files/open", UNKNOWN, catalog=CATALOG, live=a_live(**grant))])
    return verdict.effect


@pytest.mark.parametrize("policies", SHOWN)
async def test_a_tool_that_some_arguments_may_call_is_shown(tmp_path: Path, policies: str) -> None:
    assert await listed(tmp_path, policies) is Effect.PERMIT


@pytest.mark.parametrize("policies", HIDDEN)
async def test_a_tool_that_every_argument_is_denied_is_hidden(tmp_path: Path, policies: str) -> None:
    assert await listed(tmp_path, policies) is not Effect.PERMIT


@pytest.mark.parametrize(
    "subject", ['quote"d', "back\\slash", "line\nbreak", "nul\0", "it's", "zero\u200bwidth", "https://idp|ü"]
)
async def test_a_subject_of_any_spelling_sees_its_tools(tmp_path: Path, subject: str) -> None:
    who = Principal(PrincipalKind.HUMAN, subject)
    assert await listed(tmp_path, PERMIT.format('context.args.path like "/*"'), subject=who) is Effect.PERMIT


async def test_answers_come_in_the_order_of_the_questions(tmp_path: Path) -> None:
    engine = await an_engine(
        write(tmp_path, acme__a='permit (principal, action == Action::"files/read_file", resource);')
    )
    names = ["files/write_file", "files/read_file", "files/wipe", "files/read_file"]
    verdicts = await engine.evaluate_all([ask(name, UNKNOWN) for name in names])
    assert [verdict.effect is Effect.PERMIT for verdict in verdicts] == [False, True, False, True]
