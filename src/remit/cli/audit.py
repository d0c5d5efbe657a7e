"""`remit audit`: the ledger, read, verified and carried away."""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any

from cyclopts import App, Parameter

from remit.cli.names import DECISIONS
from remit.cli.options import DEFAULT, Options, usage
from remit.cli.output import CommandFailed, Exit, emit, note
from remit.cli.terminal import one_line
from remit.cli.times import moment

TAIL_MAX = 10_000
PROVEN = {
    "matches": "matches    the call was made with exactly these arguments",
    "differs": "differs    the call was made with other arguments",
    "erased": "erased     the digest was erased: nobody can tell",
    "no_digest": "unknown    nothing was about to run, so no digest was kept: only permitted calls have one",
    "no_arguments": "matches    the call had no arguments, and none were given",
}
FRAME = frozenset({"seq", "at", "kind", "id", "link", "signature", "key", "previous", "segment"})
app = App(name="audit", help="Read, verify and export the ledger.")


@app.command
def tail(
    *,
    count: Annotated[int, Parameter(name=["--count", "-n"], help="how many records to begin with, default 20")] = 20,
    follow: Annotated[bool, Parameter(name=["--follow", "-f"], negative=(), help="go on until Ctrl-C")] = False,
    options: Options = DEFAULT,
) -> None:
    """Print the ledger's last records, one line each; with --json, one document per line."""
    if not 1 <= count <= TAIL_MAX:
        raise usage(f"--count is 1 to {TAIL_MAX}", "everything there is: remit audit export")
    asked = {"count": count, "follow": follow}
    try:
        for record in _followed(options, asked) if follow else _records(options, "audit.tail", asked):
            emit("audit-record", {"record": record}, as_json=options.json, text=record_line(record))
    except KeyboardInterrupt:
        if not follow:
            raise


def _followed(options: Options, asked: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    with options.administration(timeout_s=None) as administration:
        yield from administration.items("audit.tail", asked)


def _records(options: Options, act: str, asked: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Alone, all of them are put aside first: whoever reads slowly must not keep Remit from starting."""
    with tempfile.TemporaryFile("w+") as aside:
        with options.administration_or_alone() as administration:
            found = administration.items(act, asked)
            if not administration.alone:
                yield from found
                return
            aside.writelines(json.dumps(record) + "\n" for record in found)
        aside.seek(0)
        yield from map(json.loads, aside)


def record_line(record: Mapping[str, Any]) -> str:
    """Time, kind, id, and what matters of the rest for a record of this kind."""
    said = " ".join(_words(record))
    head = f"{moment(record.get('at', ''))}  {record.get('kind', ''):10}  {record.get('id', ''):20}"
    return f"{head}  {one_line(said, 200)}".rstrip()


def _words(record: Mapping[str, Any]) -> Iterator[str]:
    if record.get("subject"):
        yield f"{record['subject']}@{record.get('tenant', '')}"
        yield f"via {record.get('client', '')}"
        yield str(record.get("action") or record.get("method") or "")
    if record.get("kind") == "grant":
        yield f"{record.get('grant', '')} {record.get('event', '')}"
    if record.get("kind") == "denial":
        yield f"DENIED {record.get('reason', '')}"
    for name in ("determining", "status", "act"):
        value = record.get(name)
        if value:
            yield ", ".join(map(str, value)) if isinstance(value, list) else str(value)
    if not record.get("subject"):
        rest = {name: value for name, value in record.items() if name not in FRAME and name not in ("status", "act")}
        yield from (f"{name}={_short(value)}" for name, value in rest.items() if value not in ("", [], None))


def _short(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, separators=(",", ":"), default=str)


@app.command
def verify(
    directory: Annotated[Path | None, Parameter(help="the ledger's folder; the configuration's when left out")] = None,
    /,
    *,
    key: Annotated[Path | None, Parameter(help="the ledger's public keys (remit audit key)")] = None,
    anchor: Annotated[Path | None, Parameter(help="what `remit audit head` printed earlier")] = None,
    options: Options = DEFAULT,
) -> int:
    """Verify the ledger, without a server: chain, signatures, anchor. Exit code 1 if it is not what was written."""
    if (directory is None) != (key is None):
        raise usage("a ledger and its key belong together", "give both DIRECTORY and --key, or neither")
    from remit.app import verification

    try:
        if directory is None or key is None:
            configuration = options.configuration()
            directory, keys = configuration.ledger_dir, verification.own_public_keys(configuration)
        else:
            keys = verification.read_public_keys(key)
        held = None if anchor is None else verification.read_anchor(anchor)
        found = verification.verify_ledger(directory, keys, held)
    except (verification.Unreadable, OSError) as problem:
        raise _unreadable(problem) from None
    emit("audit-verify", found, as_json=options.json, text=verified_text(found))
    if not options.json:
        for blind in found["blind_spots"]:
            note(f"note   {blind}")
    return Exit.OK if found["verified"] else Exit.FINDINGS


def _unreadable(problem: Exception) -> CommandFailed:
    return CommandFailed(
        Exit.CONFIGURATION, "the ledger cannot be verified", detail=str(problem), reason="ledger_unreadable"
    )


def verified_text(found: Mapping[str, Any]) -> str:
    extent = f"{found['records']} records in {found['segments']} segments, up to seq {found['seq']}"
    lines = [f"BROKEN    {extent} before the break" if found["break"] else f"VERIFIED  {extent}"]
    if found["break"]:
        lines.append(f"  {one_line(found['break']['text'], 400)}")
    for torn in found["torn"]:
        where = f"segment {torn['segment']:08d} after seq {torn['after_seq']}"
        lines.append(f"  {where}: {torn['torn_bytes']} bytes of an unfinished write; it holds no record")
    return "\n".join(lines)


@app.command(name="key")
def public_key(*, options: Options = DEFAULT) -> None:
    """Print the ledger's public keys as PEM, for whoever verifies elsewhere. Needs no server."""
    from remit.app import verification

    try:
        pem = verification.public_keys_pem(options.configuration())
    except verification.Unreadable as problem:
        raise _unreadable(problem) from None
    emit("audit-key", {"pem": pem}, as_json=options.json, text=pem.rstrip())


@app.command
def head(*, options: Options = DEFAULT) -> None:
    """Print an anchor of the ledger's end. Keep it outside: it makes a cut at the end visible to `verify`."""
    with options.administration_or_alone() as administration:
        anchor = administration.act("audit.head")
    # The anchor is data for `verify --anchor`, so it is the same JSON with and without --json.
    emit("audit-anchor", anchor, as_json=True, text="")


@app.command
def export(
    *,
    first: Annotated[int | None, Parameter(help="sequence number of the first record")] = None,
    last: Annotated[int | None, Parameter(help="sequence number of the last record")] = None,
    options: Options = DEFAULT,
) -> None:
    """Write records to stdout as JSON lines, as they stand in the ledger."""
    bounds = {name: value for name, value in (("first", first), ("last", last)) if value is not None}
    for record in _records(options, "audit.export", bounds):
        print(json.dumps(record, separators=(",", ":")))


@app.command
def prove(
    decision: Annotated[str, Parameter(help="its id, dec_…")],
    /,
    *,
    arguments: Annotated[
        Path, Parameter(allow_leading_hyphen=True, help="a file with the arguments as a JSON object; - reads stdin")
    ],
    options: Options = DEFAULT,
) -> int:
    """Tell whether a call was made with exactly these arguments. Exit code 1 if not, or if it can no longer be told."""
    try:
        supposed = json.loads(_stdin() if str(arguments) == "-" else arguments.read_text("utf-8"))
        json.dumps(supposed, ensure_ascii=False, allow_nan=False).encode()  # no NaN, no half of a surrogate pair
    except (OSError, ValueError, RecursionError) as problem:
        raise usage(
            f"{arguments}: {problem.strerror if isinstance(problem, OSError) else problem}",
            "give the arguments as one JSON object",
        ) from None
    with options.administration_or_alone() as administration:
        found = administration.act("audit.prove", {"decision_id": decision, "arguments": supposed}, advice=DECISIONS)
    proof = str(found["proof"])
    emit("audit-proof", {"decision": decision, **found}, as_json=options.json, text=PROVEN.get(proof, proof))
    return Exit.OK if proof in ("matches", "no_arguments") else Exit.FINDINGS


def _stdin() -> str:
    return "" if sys.stdin is None else sys.stdin.read()


@app.command
def erase(decision: Annotated[str, Parameter(help="its id, dec_…")], /, *, options: Options = DEFAULT) -> None:
    """Make a call's argument digest say nothing, for good. The ledger still verifies."""
    with options.administration_or_alone() as administration:
        found = administration.act("audit.erase", {"decision_id": decision}, advice=DECISIONS)
    done = "erased     nobody can tell any more which arguments it had; backups of the salts are yours to erase"
    text = done if found["erased"] else "nothing    the record holds no argument digest"
    emit("audit-erase", {"decision": decision, **found}, as_json=options.json, text=text)
