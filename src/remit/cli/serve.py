"""`remit serve`."""

from __future__ import annotations

import errno
from typing import Annotated

from cyclopts import Parameter

from remit.cli.options import DEFAULT, Options
from remit.cli.output import CommandFailed, Exit, note
from remit.cli.terminal import cause, one_line

RUNS = "remit doctor says how the one that runs does; a second one needs a state_dir of its own"


def serve(
    *,
    verbose: Annotated[bool, Parameter(negative=(), help="log more, and what servers write to stderr")] = False,
    options: Options = DEFAULT,
) -> None:
    """Serve MCP at /mcp until stopped by SIGTERM or Ctrl-C."""
    configuration = options.configuration()
    from remit.app.alone import HeldByAnother
    from remit.app.logs import log_to_stderr
    from remit.app.serve import START_PROBLEMS, run

    log_to_stderr(verbose=verbose)
    try:
        run(configuration, note)
    except START_PROBLEMS as problem:
        if isinstance(problem, OSError) and problem.errno == errno.EADDRINUSE:
            raise CommandFailed(
                Exit.UNREACHABLE,
                "Remit could not start",
                detail=f"listen: another process has {configuration.settings.listen}",
                next_step="stop that process, or set another `listen`, and the same port in public_url",
                reason="start_failed",
            ) from None
        raise CommandFailed(
            Exit.UNREACHABLE,
            "Remit could not start",
            detail=one_line(cause(problem), 400),
            next_step=RUNS if isinstance(problem, HeldByAnother) else "remit check",
            reason="start_failed",
        ) from None
