"""What `remit.yaml` says of people and does not fit together."""

from __future__ import annotations

from collections.abc import Iterator

from remit.app.sections import Settings
from remit.core.passkeys import relying_party


def misfit_people(settings: Settings) -> Iterator[str]:
    if settings.sessions.idle_s > settings.sessions.max_s:
        yield "sessions.idle_s: a session cannot be idle for longer than it lasts; expected at most sessions.max_s"
    if relying_party(settings.public_url):
        return
    for name, server in settings.servers.items():
        if server.step_up is not None:
            yield f"servers.{name}.step_up: {_NAMELESS}"
    for name, account in settings.accounts.items():
        if account.passkey == "required":
            yield f"accounts.{name}.passkey: {_NAMELESS}"


_NAMELESS = "passkeys are bound to a name, and public_url is an address; use a name there (localhost is one)"
