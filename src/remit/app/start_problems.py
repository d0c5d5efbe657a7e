"""What can keep Remit from starting, beside a configuration that cannot be used: each says itself what was found."""

from __future__ import annotations

from remit.adapters.signer.key_file import KeyFileError
from remit.core.errors import Refusal

START_PROBLEMS = (KeyFileError, Refusal, OSError)
