"""What every policy decision point promises, held against the fake and against Cedar."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from remit.core.access import DeniedByPolicy, Effect, conclude
from remit.core.reasons import Reason
from remit.ports.policy import PolicyDecisionPoint
from remit.testing.policy import FakePolicy
from tests.scenes.policy import CATALOG, UNKNOWN, an_engine, ask, write

MAX = 2**63 - 1
POLICIES = """permit (principal, action == Action::"files/read_file", resource)
when { context.args.path like "/workspace/*" };
permit (principal, action in [Action::"files/wipe", Action::"git/git_log"], resource);
forbid (principal, action == Action::"files/wipe", resource);
forbid (principal, action == Action::"git/git_log", resource)
when { context.args has max_count && context.args.max_count + 1 == 0 };
"""
Make = Callable[[Path], Awaitable[PolicyDecisionPoint]]


async def cedar(policies_dir: Path) -> PolicyDecisionPoint:
    return await an_engine(write(policies_dir, acme__a=POLICIES), CATALOG)


async def fake(policies_dir: Path) -> PolicyDecisionPoint:
    found = FakePolicy()
    found.permit("files/read_file", when=lambda arguments: str(arguments["path"]).startswith("/workspace/"))
    found.permit("files/wipe")
    found.forbid("files/wipe")
    found.permit("git/git_log")
    found.fail("git/git_log")
    return found


@pytest.fixture(params=[cedar, fake])
def make(request: pytest.FixtureRequest) -> Make:
    chosen: Make = request.param
    return chosen


async def test_a_permit_names_the_policies_and_the_version_that_permit(make: Make, tmp_path: Path) -> None:
    policy = await make(tmp_path)
    verdict = await policy.evaluate(ask("files/read_file", {"path": "/workspace/a"}))
    assert (verdict.effect, verdict.errors) == (Effect.PERMIT, ())
    assert verdict.determining
    assert verdict.policy_version == policy.version("acme") != ""


@pytest.mark.parametrize(
    ("action", "arguments", "effect", "reason"),
    [
        ("files/read_file", {"path": "/etc"}, Effect.NO_PERMIT, Reason.POLICY_NO_PERMIT),
        ("files/write_file", {"path": "/workspace/a"}, Effect.NO_PERMIT, Reason.POLICY_NO_PERMIT),
        ("files/wipe", {"path": "/workspace/a"}, Effect.FORBID, Reason.POLICY_FORBID),
        ("git/git_log", {"repo_path": "/", "max_count": MAX}, Effect.ERROR, Reason.POLICY_ERROR),
    ],
)
async def test_a_denial_says_which_kind_it_is(
    make: Make, tmp_path: Path, action: str, arguments: dict[str, object], effect: Effect, reason: Reason
) -> None:
    request = ask(action, arguments)
    verdict = await (await make(tmp_path)).evaluate(request)
    assert verdict.effect is effect
    with pytest.raises(DeniedByPolicy) as denied:
        conclude(request, verdict)
    assert denied.value.reason is reason


async def test_a_list_answers_in_order_for_some_arguments(make: Make, tmp_path: Path) -> None:
    policy = await make(tmp_path)
    asked = [ask(action, UNKNOWN) for action in ("files/wipe", "files/read_file", "files/write_file")]
    effects = [verdict.effect is Effect.PERMIT for verdict in await policy.evaluate_all(asked)]
    assert effects == [False, True, False]


async def test_a_near_miss_is_told_only_where_a_permit_was_missed(make: Make, tmp_path: Path) -> None:
    policy = await make(tmp_path)
    near = await policy.nearest(ask("files/read_file", {"path": "/etc"}))
    assert near is not None
    assert near.failed
    assert await policy.nearest(ask("files/write_file", {"path": "/workspace/a"})) is None
    assert await policy.nearest(ask("files/read_file", {"path": "/workspace/a"})) is None
