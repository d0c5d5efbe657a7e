"""`remit revoke`: the kill switch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Annotated, Any

from cyclopts import Parameter

from remit.cli.names import is_unknown
from remit.cli.options import DEFAULT, Options, usage
from remit.cli.output import emit, note
from remit.cli.terminal import one_line


@Parameter(name="*")
@dataclass(frozen=True, slots=True)
class Whose:
    """Exactly one is given."""

    user: Annotated[str, Parameter(help="every grant of this account")] = ""
    client: Annotated[str, Parameter(help="every grant used through this client")] = ""
    server: Annotated[str, Parameter(help="every grant that reaches this server")] = ""
    tenant: Annotated[str, Parameter(help="every grant of this tenant")] = ""
    grant: Annotated[str, Parameter(help="this one grant")] = ""
    actor: Annotated[str, Parameter(help="every grant this actor acts in")] = ""
    everything: Annotated[bool, Parameter(name="--all", negative=(), help="every grant there is")] = False


NOBODY = Whose()


def revoke(*, whose: Whose = NOBODY, options: Options = DEFAULT) -> None:
    """End grants, and everything that hangs on them, now. Give exactly one of the options."""
    chosen: dict[str, Any] = {name: value for name, value in asdict(whose).items() if value}
    if len(chosen) != 1:
        raise usage(
            f"one at a time, found {' and '.join(chosen)}" if chosen else "nothing to revoke",
            "give exactly one of --user --client --server --tenant --grant --actor --all",
        )
    ((kind, name),) = chosen.items()
    with options.administration_or_alone() as administration:
        done = administration.act("revoke", chosen)
    if not done["grants"] and is_unknown(options.configuration().settings, kind, name):
        note(f"note   the configuration has no {kind} {one_line(name)}; is the name right?")
    report_end(done, "everything" if whose.everything else f"{kind} {name}", as_json=options.json)


def report_end(done: Mapping[str, Any], what: str, *, as_json: bool) -> None:
    """What ended, and how long that took."""
    emit("revoke", done, as_json=as_json, text=ended_text(done, what))


def ended_text(done: Mapping[str, Any], what: str) -> str:
    grants = done["grants"]
    if not grants:
        return f"nothing to end: {one_line(what)} has no live grant  {done.get('decision_id', '')}".rstrip()
    counts = (
        f"{_count(len(grants), 'grant')}, {_count(done['calls'], 'call')} in flight, "
        f"{_count(done['processes'], 'process', 'processes')}"
    )
    ended = f"{counts} ended in {done['elapsed_ms']:.1f} ms"
    lines = [f"REVOKED  {one_line(what)}  {ended}  {done.get('decision_id', '')}".rstrip()]
    return "\n".join([*lines, *(f"  {grant}" for grant in grants)])


def _count(number: int, one: str, many: str = "") -> str:
    return f"{number} {one if number == 1 else many or one + 's'}"
