"""`remit policy`, `remit check` and `remit audit verify` need no server: what they say of files, and how they end."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

Command = Callable[..., tuple[int, str, str]]
GOOD = '@id("all")\npermit (principal, action in Action::"tools/call", resource);\n'
BAD = '\n\n@id("broken")\npermit (principal, action, resource) when { context.no_such_thing };\n'
TEST = "tests:\n  - name: listing is not permitted\n    method: tools/list\n    server: files\n    expect: {expect}\n"


@pytest.fixture
def policies(configured: Path) -> Path:
    """Both tenants have a good set; a test spoils what it wants."""
    for tenant in ("acme", "globex"):
        (configured / "policies" / tenant).mkdir(parents=True)
        (configured / "policies" / tenant / "all.cedar").write_text(GOOD)
    return configured / "policies"


def test_good_policies_are_fine(remit: Command, policies: Path) -> None:
    code, out, err = remit("policy", "check")
    assert code == 0
    assert [line.split()[:2] for line in out.splitlines()] == [["ok", "acme"], ["ok", "globex"]]
    assert "no tools are known yet" in err


def test_a_fault_is_told_with_file_and_line_and_only_for_its_tenant(remit: Command, policies: Path) -> None:
    (policies / "acme" / "bad.cedar").write_text(BAD)
    code, out, _ = remit("policy", "check", "--json")
    assert code == 1
    tenants = json.loads(out)["tenants"]
    assert [(found["file"], found["line"]) for found in tenants["acme"]["problems"]] == [("acme/bad.cedar", 3)]
    assert tenants["globex"]["problems"] == []


def test_a_folder_of_no_tenant_is_noticed(remit: Command, policies: Path) -> None:
    (policies / "acmee").mkdir()
    (policies / "acmee" / "all.cedar").write_text(GOOD)
    code, out, _ = remit("policy", "check")
    assert code == 1
    assert "no tenant of this name" in out


@pytest.mark.parametrize(("expect", "code", "word"), [("no_permit", 0, "PASS"), ("permit", 1, "FAIL")])
def test_tests_pass_or_fail_and_the_exit_code_says_which(
    remit: Command, policies: Path, expect: str, code: int, word: str
) -> None:
    (policies / "acme" / "all.test.yaml").write_text(TEST.format(expect=expect))
    found, out, _ = remit("policy", "test")
    assert found == code
    assert out.startswith(f"{word}  acme/all.test.yaml:2  listing is not permitted")


def test_check_finds_a_sound_configuration_sound(remit: Command, policies: Path) -> None:
    code, out, _ = remit("check")
    assert code == 0
    assert "failed" not in out


@pytest.mark.parametrize(
    ("old", "new", "said", "code"),
    [
        ("[/bin/true]", "[no-such-program]", "no-such-program: no such program", 3),
        ("[/bin/true]}", '[/bin/true], environment: {T: "${env:NOT_SET_ANYWHERE}"}}', "is not set", 3),
        ("[/bin/true]}", '[/bin/true], environment: {T: "${file:none}"}}', "cannot be read", 3),
        ("stdio: {command: [/bin/true]}", 'http: {url: "http://127.0.0.1:1/mcp"}', "cannot be reached", 5),
        ("stdio: {command: [/bin/true]}", 'http: {url: "http://169.254.169.254/"}', "link-local", 5),
    ],
)
def test_check_says_what_would_not_work(
    remit: Command, policies: Path, old: str, new: str, said: str, code: int
) -> None:
    path = policies.parent / "remit.yaml"
    path.write_text(path.read_text().replace(old, new))
    found, out, _ = remit("check")
    assert said in out
    assert found == code


def test_offline_check_dials_nobody(remit: Command, policies: Path) -> None:
    path = policies.parent / "remit.yaml"
    path.write_text(path.read_text().replace("stdio: {command: [/bin/true]}", 'http: {url: "http://127.0.0.1:1/mcp"}'))
    assert remit("check", "--offline")[0] == 0


def test_a_ledger_that_never_was_cannot_be_verified(remit: Command, configured: Path) -> None:
    code, out, err = remit("audit", "verify")
    assert (code, out) == (3, "")
    assert "never started" in err


def test_a_key_that_is_none_is_not_a_broken_ledger(remit: Command, configured: Path) -> None:
    key = configured / "key.pem"
    key.write_text("-----BEGIN PUBLIC KEY-----\nnonsense\n-----END PUBLIC KEY-----\n")
    code, _, err = remit("audit", "verify", str(configured), "--key", str(key))
    assert code == 3
    assert "remit audit key" in err
