"""`remit demo`: a real client calls real servers, and every decision is shown, explained and found in the ledger."""

from __future__ import annotations

import importlib.util
import json
import shutil
import signal
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from remit.cli.connection import Administration
from remit.cli.explain import explained
from remit.cli.options import DEFAULT, Options, usage
from remit.cli.output import CommandFailed, Exit, emit, note
from remit.cli.terminal import one_line, somebody_answers

if TYPE_CHECKING:
    from remit.app.demo import Stage
    from remit.app.peers.prepare import Peer
    from remit.cli.demo_walk import Shown

FOLDER = Path(".remit-demo")


def demo(
    *,
    once: Annotated[
        bool, Parameter(help="end after the walk, ask nothing; exit code 1 if a step went otherwise")
    ] = False,
    yes: Annotated[bool, Parameter(help="fetch the servers without asking")] = False,
    folder: Annotated[Path, Parameter(help="made anew for the demo, default ./.remit-demo")] = FOLDER,
    options: Options = DEFAULT,
) -> int:
    """Watch governed calls: a real client, real servers, every decision explained. --config is not used here."""
    started_s = time.monotonic()
    from remit.app.demo import PEERS, PORT, DemoFailed, FolderTaken, ServeProcess, set_stage

    _require_client()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # whoever ends us ends the Remit we started too
    peers = _peers(PEERS, ask=not (once or yes))
    try:
        stage = set_stage(folder, peers, port=0 if once else PORT)
        serving = ServeProcess(stage)
        try:
            serving.start()
            import remit.cli.demo_walk  # noqa: F401  the client takes a second to load: meanwhile Remit starts

            serving.wait_until(stage.socket.exists, every_s=0.02)
            serving.wait_until(lambda: _servers_known(stage), every_s=0.25)  # each question is a record
            shown = _walk(stage, peers, started_s, as_json=options.json)
            if not once:
                _stay(stage, serving.wait)
        finally:
            serving.stop()
    except FolderTaken as taken:
        raise usage(str(taken)) from None
    except DemoFailed as failure:
        raise CommandFailed(Exit.UNREACHABLE, str(failure), reason="demo_failed") from None
    return Exit.OK if shown else Exit.FINDINGS


def _require_client() -> None:
    if importlib.util.find_spec("mcp") is None:
        raise usage("the demo's client is not installed", "pip install 'remit[demo]'")


def _peers(names: tuple[str, ...], *, ask: bool) -> dict[str, Peer]:
    """The pinned servers, fetched first where they are missing: after asking, unless told not to."""
    from remit.app.peers.prepare import FetchFailed, cache_home, missing, prepare

    wanted = missing(names)
    if wanted and ask:
        _ask(f"Fetch {', '.join(wanted)} from PyPI and npm into {cache_home()}? Versions and hashes are pinned. [y/N] ")
    try:
        return prepare(names)
    except FetchFailed as failure:
        raise CommandFailed(
            Exit.UNREACHABLE, "the demo's servers could not be fetched", detail=str(failure), reason="fetch_failed"
        ) from None


def _ask(question: str) -> None:
    if not somebody_answers():
        raise usage("the demo's servers are not here yet, and there is nobody to ask", "remit demo --yes")
    sys.stderr.write(question)
    sys.stderr.flush()
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        raise usage("nothing was fetched, so there is nothing to show", "remit demo --yes")


def _servers_known(stage: Stage) -> bool:
    """Whether Remit has seen what every server offers."""
    with Administration.at(stage.socket) as administration:
        servers = administration.act("server.list")["servers"]
    return bool(servers) and all(server["health"] == "ok" and server["tools"] for server in servers)


def _walk(stage: Stage, peers: Mapping[str, Peer], started_s: float, *, as_json: bool) -> bool:
    """Show every step, one explanation, the ledger, and three lines at the end. Whether all went as it should."""
    from remit.app.demo_client import SDK_VERSION
    from remit.cli.demo_walk import Ledger, walk

    versions = ", ".join(f"{name} {peer.version}" for name, peer in peers.items())
    if not as_json:
        note(f"servers  {versions}\nclient   official Python SDK {SDK_VERSION}")
        note(f"remit    {stage.url}/mcp, files in {stage.folder}\n")
    with Administration.at(stage.socket) as administration:
        shown = []
        for step in walk(stage, administration):
            shown.append(step)
            if not as_json:
                print(step.line(), flush=True)
        denied = next((step for step in shown if step.verdict == "DENIED" and "near miss" in step.because), None)
        story = administration.act("explain", {"decision_id": denied.decision_id}) if denied else {}
        ledger = Ledger.examined(administration, stage, shown)
    elapsed_s = time.monotonic() - started_s
    good = all(step.as_expected for step in shown) and ledger.holds
    if as_json:
        steps = [step.document() for step in shown]
        emit("demo", {"steps": steps, "ledger": ledger.document(), "elapsed_s": elapsed_s}, as_json=True, text="")
    else:
        if story:
            print(f"\n$ remit explain {story['decision_id']}\n{explained(story)}")
        print("\n" + _summary(shown, ledger, elapsed_s))
    return good


def _summary(shown: list[Shown], ledger: Any, elapsed_s: float) -> str:
    expected = sum(step.as_expected for step in shown)
    return "\n".join(
        [
            f"{expected} of {len(shown)} decisions as expected, on unmodified servers, by an unmodified client",
            ledger.line(),
            f"done in {elapsed_s:.1f} s",
        ]
    )


def _stay(stage: Stage, until_it_ends: Any) -> None:
    """Keep serving until Ctrl-C, and say what to try."""
    workspace = stage.workspace
    on_path = "" if shutil.which("remit") else f' PATH="{Path(sys.executable).parent}:$PATH"'
    note(
        f"""
Remit goes on serving until Ctrl-C. In another terminal:
  export REMIT_CONFIG={stage.configuration}{on_path}
  remit call files/read_text_file path={workspace}/notes.txt --as engineer
  remit call files/write_file path=/etc/passwd content=x --as engineer     # then: remit explain dec_…
  remit audit tail --follow
  remit revoke --user engineer
Your own client: a token, and where to put it
  remit grant create --user engineer --client acme-client --purpose "look around" --scope git --resource /mcp/git
  {_client_entry(stage)}"""
    )
    try:
        code = until_it_ends()
    except KeyboardInterrupt:
        note("\nstopping")
        return
    raise CommandFailed(Exit.INTERNAL, f"remit serve ended by itself with exit code {code}", detail=one_line(stage.log))


def _client_entry(stage: Stage) -> str:
    server = {"type": "http", "url": f"{stage.url}/mcp/git", "headers": {"Authorization": "Bearer TOKEN"}}
    return json.dumps({"mcpServers": {"git": server}})
