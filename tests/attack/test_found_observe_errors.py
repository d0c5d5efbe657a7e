"""An argument that makes a policy fail, on a server in observe mode: an error was recorded and permitted like any other
candidate, so that whoever could provoke one walked past the forbids shipped with Remit.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from remit.core.access import OBSERVED, DeniedByPolicy, Permitted, conclude
from remit.core.catalog import Observe
from remit.core.reasons import Reason
from tests.scenes.policy import GIT, NOW_S, a_catalog, an_engine, ask, write

OBSERVED_GIT = a_catalog(replace(GIT, mode=Observe(NOW_S + 60)))
READS = """
@id("short")
permit(principal, action == Action::"git/git_log", resource)
when { context.args has max_count && context.args.max_count < 9 };
"""


async def concluded(folder: Path, arguments: dict[str, Any]) -> Permitted:
    engine = await an_engine(folder, OBSERVED_GIT)
    access = ask("git/git_log", arguments, catalog=OBSERVED_GIT)
    return conclude(access, await engine.evaluate(access))


async def test_an_argument_that_makes_a_policy_fail_is_denied_in_observe_mode(tmp_path: Path) -> None:
    folder = write(tmp_path, acme__git=READS)
    with pytest.raises(DeniedByPolicy) as caught:
        await concluded(folder, {"repo_path": "/srv", "max_count": 2**80})
    assert caught.value.reason is Reason.POLICY_ERROR


async def test_files_with_a_fault_are_denied_in_observe_mode(tmp_path: Path) -> None:
    with pytest.raises(DeniedByPolicy) as caught:
        await concluded(write(tmp_path, acme__git="permit("), {"repo_path": "/srv"})
    assert caught.value.reason is Reason.POLICY_UNAVAILABLE


async def test_an_argument_that_no_policy_permits_is_observed(tmp_path: Path) -> None:
    folder = write(tmp_path, acme__git=READS)
    permitted = await concluded(folder, {"repo_path": "/srv", "max_count": 10})
    assert permitted.determining == (OBSERVED,)
    assert permitted.candidate is not None
