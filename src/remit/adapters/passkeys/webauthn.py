"""WebAuthn by the webauthn library (py_webauthn), in threads. It is loaded when the first passkey is used: it brings
X.509 and ASN.1 with it, 19 MB and a quarter of a second.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Final, TypeVar

import msgspec

from remit.core.errors import refuse
from remit.core.passkeys import ALGORITHMS, CREDENTIAL_CHARS_MAX, KEY_BYTES_MAX, Answer, NewKey, relying_party
from remit.core.reasons import Reason
from remit.core.secret import Secret

T = TypeVar("T")
# Certificates are not asked for (`attestation: none`), so none is looked at: the key's own signature at most.
ATTESTATIONS: Final = ("none", "packed")


class Unfit(Exception):
    """What was sent is well-formed and not what was asked for."""


class WebauthnPasskeys:
    """Implements `ports.passkeys.Passkeys`."""

    def __init__(self, origin: str) -> None:
        self._origin = origin
        self._relying_party = relying_party(origin)

    async def made(self, answer: Answer, challenge: Secret) -> NewKey:
        return await asyncio.to_thread(_judged, lambda: self._made(answer, challenge))

    async def proven(self, answer: Answer, challenge: Secret, key: bytes) -> int:
        return await asyncio.to_thread(_judged, lambda: self._proven(answer, challenge, key))

    def _made(self, answer: Answer, challenge: Secret) -> NewKey:
        from webauthn.helpers import (  # noqa: PLC0415
            base64url_to_bytes,
            decode_credential_public_key,
            decoded_public_key_to_cryptography,
            parse_attestation_object,
        )
        from webauthn.helpers.cose import COSEAlgorithmIdentifier  # noqa: PLC0415
        from webauthn.registration.verify_registration_response import verify_registration_response  # noqa: PLC0415

        self._require_own_page(answer)
        attested = parse_attestation_object(base64url_to_bytes(answer.response.attestationObject))
        if attested.fmt not in ATTESTATIONS or attested.att_stmt.x5c:
            raise Unfit("an attestation that was not asked for")
        found = verify_registration_response(
            credential=_plain(answer),
            expected_challenge=challenge.expose(),
            expected_rp_id=self._relying_party,
            expected_origin=self._origin,
            require_user_verification=True,
            supported_pub_key_algs=[COSEAlgorithmIdentifier(algorithm) for algorithm in ALGORITHMS],
        )
        if found.credential_id != base64url_to_bytes(answer.id):
            raise Unfit("the id is not that of the key")
        if len(found.credential_public_key) > KEY_BYTES_MAX or len(answer.id) > CREDENTIAL_CHARS_MAX:
            raise Unfit(f"the key has more than {KEY_BYTES_MAX} bytes")
        decoded_public_key_to_cryptography(decode_credential_public_key(found.credential_public_key))  # else: no point
        return NewKey(found.credential_id, found.credential_public_key, found.sign_count)

    def _proven(self, answer: Answer, challenge: Secret, key: bytes) -> int:
        from webauthn.authentication.verify_authentication_response import (  # noqa: PLC0415
            verify_authentication_response,
        )

        self._require_own_page(answer)
        found = verify_authentication_response(
            credential=_plain(answer),
            expected_challenge=challenge.expose(),
            expected_rp_id=self._relying_party,
            expected_origin=self._origin,
            credential_public_key=key,
            credential_current_sign_count=0,  # judged by `core.passkeys.may_be_copy`, where it has a consequence
            require_user_verification=True,
        )
        return found.new_sign_count

    def _require_own_page(self, answer: Answer) -> None:
        """Section 7.1 step 10: the library leaves to us what was done in a frame of another site."""
        from webauthn.helpers import base64url_to_bytes, parse_client_data_json  # noqa: PLC0415

        if not self._relying_party:
            raise Unfit("public_url is an address, and passkeys need a name")
        if parse_client_data_json(base64url_to_bytes(answer.response.clientDataJSON)).cross_origin:
            raise Unfit("it was asked for in a frame of another site")


def _plain(answer: Answer) -> dict[str, Any]:
    plain: dict[str, Any] = msgspec.to_builtins(answer)
    return plain


def _judged(work: Callable[[], T]) -> T:
    from webauthn.helpers.exceptions import WebAuthnException  # noqa: PLC0415

    try:
        return work()
    except (WebAuthnException, Unfit) as problem:
        raise refuse(Reason.PASSKEY_INVALID, str(problem)[:160]) from None
    except Exception as problem:
        # Bytes of a stranger in a foreign parser: whatever it stumbles over is no proof, and never an outage.
        raise refuse(Reason.PASSKEY_INVALID, f"it cannot be read: {type(problem).__name__}") from problem
