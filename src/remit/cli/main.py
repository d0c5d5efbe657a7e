"""The `remit` command: finds the command's file, and turns whatever goes wrong into one line and an exit code."""

from __future__ import annotations

import re
import sys
import traceback
from collections.abc import Sequence
from typing import TYPE_CHECKING, TextIO, cast

from remit.cli.connection import Proposed
from remit.cli.output import CommandFailed, Exit, OutputLost, Stdout, emit, fail, note

if TYPE_CHECKING:
    from cyclopts import App

# Command -> where it lives, and its one line of help. Nothing is imported before it is asked for.
COMMANDS = {
    "serve": ("remit.cli.serve:serve", "Serve MCP at /mcp until stopped."),
    "demo": ("remit.cli.demo:demo", "Watch governed calls: a real client, real servers, every decision explained."),
    "check": ("remit.cli.check:check", "Check configuration, policies, references and reachability."),
    "doctor": ("remit.cli.doctor:doctor", "Say how the running Remit is doing, or why nobody can log in at a URL."),
    "call": ("remit.cli.call:call", "Call one tool through Remit as somebody, with a grant that covers nothing else."),
    "explain": ("remit.cli.explain:explain", "Tell why a decision was taken, and what to do next."),
    "revoke": ("remit.cli.revoke:revoke", "End grants, and everything that hangs on them, now."),
    "version": ("remit.cli.main:shown_version", "Print the version."),
}
GROUPS = {
    "grant": ("remit.cli.grant:app", "Make, list and end grants."),
    "audit": ("remit.cli.audit:app", "Read, verify and export the ledger."),
    "policy": ("remit.cli.policy:app", "Check, test and reload policies."),
    "server": ("remit.cli.server:app", "List servers, show what changed, approve changes."),
    "key": ("remit.cli.key:app", "Rotate signing keys."),
    "consent": ("remit.cli.consent:app", "See, export and end what people agreed to; approve or forbid in advance."),
    "client": ("remit.cli.client:app", "Let in clients that describe themselves, or refuse them."),
    "login": ("remit.cli.login:app", "See what became of a login, step by step."),
    "administrator": ("remit.cli.administrator:app", "See who administers; let somebody do so for a while."),
    "proposal": ("remit.cli.proposal:app", "List, confirm and withdraw what waits for a second person."),
    "account": ("remit.cli.account:app", "Let people in: links to set a password."),
}


def main() -> None:
    if sys.stdout is not None:
        sys.stdout = cast("TextIO", Stdout(sys.stdout))
    sys.exit(run(sys.argv[1:]))


def run(arguments: Sequence[str]) -> int:
    """Carry out one command line. The exit code; never raises."""
    code: int = Exit.OK
    try:
        ended = _carried_out(list(arguments))
        if isinstance(ended, CommandFailed):
            code = ended.code
            fail(ended, as_json="--json" in arguments)
        else:
            code = ended
        if sys.stdout is not None:
            sys.stdout.flush()
    except OutputLost as lost:
        sys.stdout = None  # so that the interpreter does not flush into it again
        return code if lost.reader_left else fail(_unsaid(lost), as_json=False)
    return code


def _carried_out(arguments: list[str]) -> int | CommandFailed:
    try:
        if arguments and arguments[0] in ("version", "--version") and set(arguments[1:]) <= {"--json"}:
            from remit.cli.version import version

            version(as_json="--json" in arguments)
            return Exit.OK
        return _dispatch(arguments)
    except CommandFailed as failure:
        return failure
    except Proposed as proposed:
        return _waiting(proposed, as_json="--json" in arguments)
    except OutputLost:
        raise
    except KeyboardInterrupt:
        return CommandFailed(Exit.INTERRUPTED, "interrupted", reason="interrupted")
    except Exception as error:  # noqa: BLE001  the last boundary: a person gets one line, and the traceback on request
        return _internal(error, debug="--debug" in arguments)


def _waiting(proposed: Proposed, *, as_json: bool) -> int:
    from remit.cli.proposal import proposed_text

    for proposal in proposed.proposals:
        emit("proposal", {"proposal": proposal}, as_json=as_json, text=proposed_text(proposal))
    return Exit.OK


def _dispatch(arguments: list[str]) -> int:
    from cyclopts import CycloptsError

    from remit.app.settings import ConfigurationInvalid

    try:
        code = build()(arguments, result_action="return_value", exit_on_error=False, print_error=False)
    except CycloptsError as error:
        asked = " ".join(error.command_chain or ())
        help_line = f"remit {asked} --help".replace("  ", " ")
        raise CommandFailed(Exit.USAGE, _usage(str(error)), next_step=help_line, reason="usage") from None
    except ConfigurationInvalid as error:
        raise CommandFailed(
            Exit.CONFIGURATION,
            "the configuration cannot be used",
            detail="\n".join(error.problems),
            next_step="correct it, then: remit check",
            reason="configuration_invalid",
        ) from None
    return int(code) if isinstance(code, int) else Exit.OK


def build() -> App:
    from cyclopts import App, Parameter

    app = App(
        name="remit",
        help="An identity and authorization boundary for the Model Context Protocol.",
        version_flags=(),
        help_format="plaintext",
        help_formatter="plain",
        default_parameter=Parameter(show_default=False, negative=()),
        suppress_keyboard_interrupt=False,
    )
    for name, (where, text) in {**COMMANDS, **GROUPS}.items():
        app.command(where, name=name, help=text)
    return app


def shown_version(*, json: bool = False) -> None:
    """Print the version."""
    from remit.cli.version import version

    version(as_json=json)


def _usage(text: str) -> str:
    """What the parser found, without its own vocabulary; what there is stands in the help that is named next."""
    text = _sentence(text).partition(" Available commands:")[0]
    text = re.sub(r'^Command "[^"]+" parameter (\S+) requires an argument$', r"\1 is missing", text)
    return re.sub(r"^Unused Tokens: \[(.*)\]$", r"too much on the command line: \1", text)


def _sentence(text: str) -> str:
    return " ".join(text.split()).rstrip(".")


def _unsaid(lost: OutputLost) -> CommandFailed:
    return CommandFailed(
        Exit.UNREACHABLE,
        "what the command says could not be written",
        detail=str(lost),
        next_step="make room, or send the output elsewhere; the command itself may have been carried out",
    )


def _internal(error: Exception, *, debug: bool) -> CommandFailed:
    if debug:
        note("".join(traceback.format_exception(error)))
    return CommandFailed(
        Exit.INTERNAL,
        f"remit failed: {type(error).__name__}: {_sentence(str(error))[:200]}",
        next_step="" if debug else "run it again with --debug and report the traceback",
        reason="internal",
    )
