"""The first sources of secrets: the environment Remit was started with, and files."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path

from remit.core.errors import refuse
from remit.core.reasons import Reason
from remit.core.secret import Secret

SECRET_BYTES_MAX = 65_536
# Looks a reference's name up. Returns the very same object until the value changes. Raises `Outage`.
Source = Callable[[str], Secret]


class EnvironmentSource:
    """`${env:NAME}`. `environment` is handed in; nothing here reads the machine's."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment
        self._seen: dict[str, tuple[str, Secret]] = {}

    def __call__(self, name: str) -> Secret:
        value = self._environment.get(name, "")
        if not value:
            raise refuse(Reason.CREDENTIAL_UNAVAILABLE, f"environment variable {name} is not set or empty")
        seen = self._seen.get(name)
        if seen is None or seen[0] != value:
            seen = self._seen[name] = (value, Secret(value.encode("utf-8", "surrogateescape")))
        return seen[1]


class FileSource:
    """`${file:PATH}`: the file's content without its last line break, read again whenever the file changed, so that a
    rotated secret needs no restart."""

    def __init__(self) -> None:
        self._seen: dict[str, tuple[tuple[int, int, int], Secret]] = {}

    def __call__(self, name: str) -> Secret:
        try:
            status = os.stat(name)
            stamp = (status.st_mtime_ns, status.st_ino, status.st_size)
            seen = self._seen.get(name)
            if seen is None or seen[0] != stamp:
                seen = self._seen[name] = (stamp, self._read(name, status.st_size))
        except OSError as error:
            why = error.strerror or type(error).__name__
            raise refuse(Reason.CREDENTIAL_UNAVAILABLE, f"secret file {name} cannot be read: {why}") from None
        return seen[1]

    def _read(self, name: str, size: int) -> Secret:
        if size > SECRET_BYTES_MAX:
            raise refuse(Reason.CREDENTIAL_UNAVAILABLE, f"secret file {name} is larger than {SECRET_BYTES_MAX} bytes")
        value = Path(name).read_bytes().removesuffix(b"\n").removesuffix(b"\r")
        if not value:
            raise refuse(Reason.CREDENTIAL_UNAVAILABLE, f"secret file {name} is empty")
        return Secret(value)
