"""`remit check`: would it work? Before it is started, or in continuous integration."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter

from remit.cli.options import DEFAULT, Options
from remit.cli.output import STATES, Exit, emit, paint
from remit.cli.terminal import one_line


def check(
    *,
    offline: Annotated[bool, Parameter(negative=(), help="do not try to reach servers")] = False,
    options: Options = DEFAULT,
) -> int:
    """Check configuration, policies, references and reachability. Exit code 3 for what stops Remit, 5 for a server."""
    configuration = options.configuration()
    from remit.app.checks import check_all

    findings = check_all(configuration, offline=offline)
    lines = [
        f"{paint(STATES[found.state], f'{found.state:6}')}  {found.what:32}  {one_line(found.detail, 200)}"
        for found in findings
    ]
    documents = [{"what": found.what, "state": found.state, "detail": found.detail} for found in findings]
    emit("check", {"findings": documents}, as_json=options.json, text="\n".join(line.rstrip() for line in lines))
    failed = [found for found in findings if found.state == "failed"]
    if any(not found.reachability for found in failed):
        return Exit.CONFIGURATION
    return Exit.UNREACHABLE if failed else Exit.OK
