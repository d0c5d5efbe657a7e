"""`remit policy`: checked, tested, loaded."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cyclopts import App

from remit.cli.options import DEFAULT, Options
from remit.cli.output import Exit, emit, note, paint
from remit.cli.terminal import one_line

app = App(name="policy", help="Check, test and reload policies.")


@app.command
def check(*, options: Options = DEFAULT) -> int:
    """Say, with file and line, what is wrong with the policies. Needs no server; exit code 1 if anything is."""
    from remit.app.policies import check_policies

    found = check_policies(options.configuration())
    emit("policy-check", found, as_json=options.json, text="\n".join([checked_text(found["tenants"]), *_unread(found)]))
    if not found["tools"] and not options.json:
        note(UNSEEN)
    return Exit.FINDINGS if _at_fault(found["tenants"]) else Exit.OK


UNSEEN = (
    "note   no tools are known yet: Remit learns them when it is started; until then their arguments are not checked"
)


def _at_fault(tenants: Mapping[str, Any]) -> bool:
    return any(tenant["problems"] for tenant in tenants.values())


def _unread(found: Mapping[str, Any]) -> list[str]:
    return [
        f"note  policies cannot read {', '.join(names)} of {tool}" for tool, names in sorted(found["unmapped"].items())
    ]


def checked_text(tenants: Mapping[str, Any]) -> str:
    return "\n".join(line for name, tenant in sorted(tenants.items()) for line in _tenant(name, tenant)) or "no tenants"


def _tenant(name: str, tenant: Mapping[str, Any]) -> list[str]:
    problems = tenant["problems"]
    word = paint("31", "FAULTY") if problems else paint("32", "ok    ")
    count = f"  {tenant['policies']} policies" if "policies" in tenant else ""
    lines = [f"{word}  {name}{count}  set {str(tenant.get('version') or 'none')[:12]}"]
    lines += [f"  {found['file']}:{found['line']}  {one_line(found['message'], 240)}" for found in problems]
    for found in tenant.get("notes", ()):
        lines.append(f"  {found['file']}:{found['line']}  note: {one_line(found['message'], 240)}")
    return lines


@app.command(name="test")
def run_tests(*, options: Options = DEFAULT) -> int:
    """Run the tests beside the policies (*.test.yaml). Needs no server; exit code 1 if one fails."""
    from remit.app.policies import test_policies

    found = test_policies(options.configuration())
    emit("policy-test", found, as_json=options.json, text=tested_text(found))
    if not options.json:
        if not found["tests"]:
            note("no tests found; put them beside the policies as NAME.test.yaml")
        elif not found["known_servers"]:
            note(UNSEEN)
    return Exit.OK if found["failed"] == 0 else Exit.FINDINGS


def tested_text(found: Mapping[str, Any]) -> str:
    lines = []
    for case in found["tests"]:
        word = paint("32", "PASS") if case["passed"] else paint("31", "FAIL")
        lines.append(f"{word}  {case['file']}:{case['line']}  {one_line(case['name'])}")
        if not case["passed"]:
            lines.append(f"      {one_line(case['message'], 240)}")
    return "\n".join([*lines, f"{len(found['tests']) - found['failed']} of {len(found['tests'])} passed"])


@app.command
def reload(*, options: Options = DEFAULT) -> int:
    """Have the running Remit load the policies again: each tenant's set whole, or not at all."""
    with options.administration() as administration:
        found = administration.act("policy.reload")
    emit("policy-reload", found, as_json=options.json, text=checked_text(found["tenants"]))
    taken_over = found.get("taken_over", not _at_fault(found["tenants"]))
    if not taken_over and not options.json:
        note("nothing was taken over: every tenant keeps the policies it had")
    return Exit.OK if taken_over else Exit.FINDINGS
