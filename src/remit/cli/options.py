"""The options every command takes, and what they lead to."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Group, Parameter

from remit.cli.connection import Administration
from remit.cli.output import CommandFailed, Exit

if TYPE_CHECKING:
    from remit.app.settings import Configuration

EVERYWHERE = Group("Every command", sort_key=99)
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
        return Administration(self.configuration().socket_path, timeout_s)


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
