"""`remit version`. Imports nothing heavy: it answers before the command parser is even loaded."""

from __future__ import annotations

import platform

from remit import __version__
from remit.cli.output import emit


def version(*, as_json: bool) -> None:
    python = platform.python_version()
    data = {"version": __version__, "python": python, "platform": platform.system().lower()}
    emit("version", data, as_json=as_json, text=f"remit {__version__} (Python {python})")
