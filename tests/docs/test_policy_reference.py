"""The policy reference names everything a policy can say, and its examples are true."""

from __future__ import annotations

import re
from pathlib import Path

from remit.adapters.policy.expectations import KEYS, run_tests
from remit.adapters.policy.loading import load_tenant
from remit.adapters.policy.reporting import report
from remit.adapters.policy.schema import cedar_schema
from tests.docs.book import page
from tests.scenes.policy import CATALOG, write

PAGE = page("docs/reference/policies.md")
SCHEMA = cedar_schema({})[""]


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)


def test_every_entity_and_attribute_is_named() -> None:
    for name, entity in SCHEMA["entityTypes"].items():
        assert f"`{name}`" in PAGE
        for attribute in entity.get("shape", {}).get("attributes", {}):
            assert f"`{attribute}`" in PAGE, (name, attribute)


def test_every_action_and_context_attribute_is_named() -> None:
    for name, action in SCHEMA["actions"].items():
        if name != "any tool":
            assert f'"{name}"' in PAGE
        for attribute in action.get("appliesTo", {}).get("context", {}).get("attributes", {}):
            assert f"`context.{attribute}`" in PAGE


def test_every_shipped_policy_and_every_key_of_a_test_is_named(tmp_path: Path) -> None:
    assert [
        policy.ref.id for policy in load_tenant(tmp_path, "acme").policies if f"`{policy.ref.id}`" not in PAGE
    ] == []
    assert [key for key in sorted(KEYS) if f"`{key}`" not in PAGE] == []


def test_the_examples_are_accepted_and_their_tests_pass(tmp_path: Path) -> None:
    policies, tests = blocks("cedar"), blocks("yaml")
    assert (len(policies), len(tests)) == (4, 1)
    write(tmp_path, acme__examples="\n".join(policies))
    (tmp_path / "acme" / "examples.test.yaml").write_text(tests[0])
    assert report(tmp_path, CATALOG).faults == ()
    outcomes = run_tests(tmp_path, CATALOG)
    assert [outcome.problem for outcome in outcomes] == ["", "", ""]
