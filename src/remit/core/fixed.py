"""Fields that many records share, so that they are turned into JSON once and not per record."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class Fixed:
    """`fields` never change. Whoever writes the lines puts them into JSON and keeps that in `encoded`."""

    __slots__ = ("encoded", "fields")

    def __init__(self, fields: Mapping[str, Any]) -> None:
        self.fields = fields
        self.encoded = b""
