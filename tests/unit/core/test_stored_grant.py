"""A grant comes back from the store exactly as it was put there, or not at all."""

from __future__ import annotations

import json

import pytest

from remit.core.authentication import PASSKEY, Authentication
from remit.core.errors import Outage
from remit.core.grant import Calls, GrantState
from remit.core.principals import Principal, PrincipalKind
from remit.core.scope import OneTool, ToolName, WholeServer, constraint
from remit.core.stored_grant import from_stored, to_stored
from tests.scenes.grant import a_grant

RICH = a_grant(
    subject=Principal(PrincipalKind.HUMAN, "7", "https://idp.test"),
    scopes=frozenset({WholeServer("files"), OneTool("git", "git_log")}),
    constraints=frozenset(
        {
            constraint(ToolName("git", "git_log"), "max_count", "at_most", [10]),
            constraint(ToolName("git", "git_log"), "oneline", "equals", [True]),
            constraint(ToolName("git", "git_log"), "ratio", "one_of", [1.5, "x", 2]),
        }
    ),
    budget=Calls(3),
    idle_s_max=float("inf"),
    actors=("build", "alice"),
    parent="grt_0",
    high_risk=True,
    authentication=Authentication(PASSKEY, 1000.5),
)


@pytest.mark.parametrize("grant", [a_grant(), RICH], ids=["plain", "rich"])
@pytest.mark.parametrize("state", list(GrantState))
def test_a_grant_comes_back_as_it_was(grant: object, state: GrantState) -> None:
    assert from_stored(to_stored(grant, state)) == (grant, state)  # type: ignore[arg-type]


@pytest.mark.parametrize("member", sorted(json.loads(to_stored(RICH, GrantState.ACTIVE))))
def test_a_grant_with_a_part_missing_is_no_grant(member: str) -> None:
    document = json.loads(to_stored(RICH, GrantState.ACTIVE))
    del document[member]
    with pytest.raises(Outage):
        from_stored(json.dumps(document).encode())


@pytest.mark.parametrize(
    ("member", "value"),
    [("state", "alive"), ("calls_max", None), ("calls_max", 1.5), ("scopes", ["*"]), ("subject", ["God", "x", ""]),
     ("constraints", [["git/git_log", "a", "like", ["x"]]])],
)  # fmt: skip
def test_a_grant_with_nonsense_in_it_is_no_grant(member: str, value: object) -> None:
    document = json.loads(to_stored(RICH, GrantState.ACTIVE)) | {member: value}
    with pytest.raises(Outage):
        from_stored(json.dumps(document).encode())
