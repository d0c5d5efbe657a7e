"""`remit key`."""

from __future__ import annotations

from cyclopts import App

from remit.cli.options import DEFAULT, Options
from remit.cli.output import emit

app = App(name="key", help="Rotate signing keys.")


@app.command
def rotate(*, options: Options = DEFAULT) -> None:
    """Sign new tokens with a new key; tokens under the old one live out their time."""
    with options.administration_or_alone() as administration:
        done = administration.act("key.rotate")
    emit("key-rotate", done, as_json=options.json, text=f"signing with {done['kid']} from now on")
