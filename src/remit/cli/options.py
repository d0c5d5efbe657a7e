"""The options every command takes, and what they lead to."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Group, Parameter

from remit.cli.connection import Administration, NoRemit
from remit.cli.output import CommandFailed, Exit, note
from remit.cli.terminal import cause, one_line

if TYPE_CHECKING:
    from remit.app.settings import Configuration

EVERYWHERE = Group("Every command", sort_key=99)
ALONE_WAIT_S_MAX = 5.0
UNIT_S = {"": 1.0, "s": 1.0, "m": 60.0, "h": 3600.0}


@Parameter(name="*")
@dataclass(frozen=True, slots=True)
class Options:
    """Taken by every command."""

    config: Annotated[
        Path, Parameter(env_var="REMIT_CONFIG", group=EVERYWHERE, help="the configuration file, default remit.yaml")
    ] = Path("remit.yaml")
    json: Annotated[bool, Parameter(negative=(), group=EVERYWHERE, help="print JSON with a versioned schema")] = False
    debug: Annotated[bool, Parameter(negative=(), group=EVERYWHERE, help="show the traceback of a failure")] = False

    def configuration(self) -> Configuration:
        """The configuration, checked. Raises `ConfigurationInvalid`."""
        from remit.app.settings import load

        return load(self.config)

    def administration(self, *, timeout_s: float | None = 60.0) -> Administration:
        """A connection to the running Remit of this configuration. Without a timeout it waits for ever."""
        return Administration.at(self.configuration().socket_path, timeout_s)

    def administration_or_alone(self) -> Administration:
        """The same; when none runs, this process is Remit for as long as the command takes, and holds its lock."""
        configuration, deadline_s = self.configuration(), time.monotonic() + ALONE_WAIT_S_MAX
        while True:
            try:
                return Administration.at(configuration.socket_path)
            except NoRemit:
                if not configuration.ledger_dir.exists():
                    raise
            found = _alone(configuration, may_wait=time.monotonic() < deadline_s)
            if found is not None:
                return found
            time.sleep(0.05)  # noqa: TID251  either of two things may happen: the lock is free, or a socket is there


def _alone(configuration: Configuration, *, may_wait: bool) -> Administration | None:
    """None: another command has the lock, or a Remit that starts or stops, which is over in a moment."""
    from remit.app.alone import Alone, HeldByAnother
    from remit.app.serve import START_PROBLEMS

    try:
        alone = Alone(configuration)
    except START_PROBLEMS as problem:
        if may_wait and isinstance(problem, HeldByAnother):
            return None
        raise CommandFailed(
            Exit.UNREACHABLE,
            "no running Remit, and this command could not do it alone",
            detail=one_line(cause(problem), 400),
            next_step="wait for it, or stop it" if isinstance(problem, HeldByAnother) else "remit check",
            reason="start_failed",
        ) from None
    note("note   no running Remit: done by this command alone, which keeps one from starting meanwhile")
    return Administration(alone.socket, alone.close, alone=True)


# What a command is called with when none of them is given.
DEFAULT = Options()


def seconds(text: str) -> float:
    """`90`, `90s`, `15m` or `1h`, in seconds. Raises `CommandFailed`."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)([smh]?)", text.strip())
    if found is None or float(found[1]) <= 0:
        raise CommandFailed(
            Exit.USAGE, f"{text!r} is not a length of time", next_step="write 90s, 15m or 1h", reason="usage"
        )
    return float(found[1]) * UNIT_S[found[2]]


def usage(message: str, next_step: str = "") -> CommandFailed:
    """The command was called wrongly."""
    return CommandFailed(Exit.USAGE, message, next_step=next_step, reason="usage")
