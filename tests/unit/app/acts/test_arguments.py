"""What an administrative act is asked with: what cannot be read is refused, never taken for absent."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from remit.app.acts.arguments import budget_of, presence_of, scopes_of, selector_of, text, ttl_s_of
from remit.core.errors import Invalid
from remit.core.grant import Calls, Unmetered
from remit.core.grantbook import Selector
from remit.core.principals import Presence
from remit.core.scope import OneTool, WholeServer

Read = Callable[[Mapping[str, Any]], Any]


def named(arguments: Mapping[str, Any]) -> str:
    return text(arguments, "user")


@pytest.mark.parametrize(
    ("read", "given", "expected"),
    [
        (named, {"user": "engineer"}, "engineer"),
        (named, {}, ""),
        (presence_of, {"presence": "interactive"}, Presence.INTERACTIVE),
        (presence_of, {}, Presence.AUTONOMOUS),
        (ttl_s_of, {"ttl_s": 90}, 90),
        (ttl_s_of, {}, None),
        (budget_of, {"calls_max": 3}, Calls(3)),
        (budget_of, {}, Unmetered()),
        (scopes_of, {"tools": ["git/log"], "scopes": ["files"]}, {OneTool("git", "log"), WholeServer("files")}),
        (selector_of, {"user": "engineer"}, Selector(subject="engineer")),
        (selector_of, {"everything": True}, Selector(everything=True)),
    ],
)
def test_what_is_given_is_read_and_what_is_absent_has_its_own_value(
    read: Read, given: Mapping[str, Any], expected: object
) -> None:
    assert read(given) == expected


@pytest.mark.parametrize(
    ("read", "given"),
    [
        (named, {"user": 7}),
        (presence_of, {"presence": "perhaps"}),
        (ttl_s_of, {"ttl_s": "90"}),
        (ttl_s_of, {"ttl_s": True}),
        (budget_of, {"calls_max": 3.0}),
        (budget_of, {"calls_max": True}),
        (scopes_of, {"tools": "git/log"}),
        (scopes_of, {"tools": ["git"]}),
        (selector_of, {"tenant": ["acme"]}),
    ],
)
def test_what_cannot_be_read_is_refused(read: Read, given: Mapping[str, Any]) -> None:
    with pytest.raises(Invalid):
        read(given)


@pytest.mark.parametrize("everything", ["true", 1, None])
def test_only_true_itself_means_everything(everything: object) -> None:
    assert selector_of({"everything": everything}) == Selector()
