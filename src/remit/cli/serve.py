"""`remit serve`."""

from __future__ import annotations

from remit.cli.options import Options

DEFAULT = Options()


def serve(*, options: Options = DEFAULT) -> None:
    """Serve MCP at /mcp until stopped by SIGTERM or Ctrl-C."""
    configuration = options.configuration()
    from remit.app.serve import run

    run(configuration)
