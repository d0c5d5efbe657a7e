"""`remit serve`."""

from __future__ import annotations

from remit.cli.options import DEFAULT, Options
from remit.cli.output import CommandFailed, Exit, note
from remit.cli.terminal import one_line


def serve(*, verbose: bool = False, options: Options = DEFAULT) -> None:
    """Serve MCP at /mcp until stopped by SIGTERM or Ctrl-C."""
    configuration = options.configuration()
    from remit.app.logs import log_to_stderr
    from remit.app.serve import START_PROBLEMS, run

    log_to_stderr(verbose=verbose)
    try:
        run(configuration, note)
    except START_PROBLEMS as problem:
        raise CommandFailed(
            Exit.UNREACHABLE,
            "Remit could not start",
            detail=one_line(problem, 400),
            next_step="remit check",
            reason="start_failed",
        ) from None
