"""How people sign in: passwords, passkeys and the sessions they open, wired."""

from __future__ import annotations

import logging

from remit.adapters.clock.system import SystemClock, SystemEntropy
from remit.adapters.passkeys.webauthn import WebauthnPasskeys
from remit.adapters.passwords.argon2 import Argon2Passwords
from remit.app.settings import Configuration
from remit.core.sign_in import SessionLimits
from remit.flows.account_records import AccountRecords
from remit.flows.passkeys import OwnPasskeys
from remit.flows.registry import Registry
from remit.flows.sessions import Sessions
from remit.flows.sign_in import SignIn
from remit.ports.ledger import Ledger
from remit.ports.sealer import Sealer
from remit.ports.store import Store

log = logging.getLogger("remit.app")


def signing_in(
    configuration: Configuration, registered: Registry, store: Store, ledger: Ledger, sealer: Sealer
) -> tuple[SignIn, OwnPasskeys]:
    clock, entropy, lasting = SystemClock(), SystemEntropy(), configuration.settings.sessions
    records = AccountRecords(registered.accounts, ledger, entropy)
    sessions = Sessions(records, store, clock, SessionLimits(lasting.idle_s, lasting.max_s))
    sign_in = SignIn(registered.accounts, Argon2Passwords(), sessions, store, ledger, clock, entropy)
    verifier, origin = WebauthnPasskeys(registered.issuer), registered.issuer
    return sign_in, OwnPasskeys(origin, verifier, sealer, sessions, store, sign_in.peers, _copied)


def _copied(why: str) -> None:
    log.critical("passkey_suspended", extra={"why": why})
