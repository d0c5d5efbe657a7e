"""What devices have asked for and nobody has answered yet: rows, so that a login goes on after a crash."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from msgspec.structs import replace

from remit.core.device_code import DEVICE_CODE_S, KeptDevice, parse_user_code, user_code
from remit.core.errors import refuse
from remit.core.reasons import Reason
from remit.core.rows import from_row, row_id, to_row
from remit.core.secret import Secret
from remit.ports.clock import Clock, Entropy
from remit.ports.sealer import Sealer, Unsealed
from remit.ports.store import Store

DEVICE_ROW: Final = "device"
SEALED_FOR: Final = "user code"
DEVICE_CODE_BYTES: Final = 32
USER_CODE_BYTES: Final = 16
# How long a device is still told that its code has expired, and not that there never was one.
REMEMBERED_S: Final = 300.0


@dataclass(slots=True)
class DeviceRequests:
    """Found by the device's own code, or by the short one that a person types."""

    store: Store
    sealer: Sealer
    clock: Clock
    entropy: Entropy
    _kept: dict[str, KeptDevice] = field(init=False, default_factory=dict)
    _typed: dict[str, str] = field(init=False, default_factory=dict)  # user code -> row

    async def load(self) -> None:
        """At a start. One whose user code cannot be opened any more has no way to be answered. Raises `Outage` if a row
        is not whole.
        """
        for row in await self.store.rows(DEVICE_ROW):
            kept = from_row(row.content, KeptDevice)
            self._kept[row.id] = kept
            try:
                typed = self.sealer.open(SEALED_FOR, kept.sealed, bound_to=row.id.encode("ascii"))
            except Unsealed:
                continue
            self._typed[typed.decode("ascii")] = row.id

    async def ask(self, client: str, parameters: dict[str, str], *, proven: bool) -> tuple[Secret, str]:
        """The device's code and the person's. Raises `Outage`."""
        device_code = Secret(self.entropy.bytes(DEVICE_CODE_BYTES).hex().encode("ascii"))
        id = row_id(device_code)
        typed = user_code(self.entropy.bytes(USER_CODE_BYTES))
        while typed in self._typed:
            typed = user_code(self.entropy.bytes(USER_CODE_BYTES))
        sealed = self.sealer.seal(SEALED_FOR, typed.encode("ascii"), bound_to=id.encode("ascii"))
        kept = KeptDevice(client, parameters, sealed, proven, self.clock.now_s(), declined=False)
        self._kept[id], self._typed[typed] = kept, id  # before the first await: of many at once none is uncounted
        try:
            await self.store.put(DEVICE_ROW, id, to_row(kept))
        except BaseException:
            self._forget(id)
            raise
        return device_code, typed

    def find(self, id: str) -> KeptDevice | None:
        return self._kept.get(id)

    def waiting(self, id: str) -> KeptDevice:
        """Raises `Invalid` unless it can still be answered."""
        kept = self._kept.get(id)
        if kept is None or kept.declined or not self.fresh(kept):
            raise refuse(Reason.USER_CODE_INVALID)
        return kept

    def typed(self, text: str) -> str:
        """The row that a person means. Raises `Invalid`: whatever is wrong with it looks the same."""
        id = self._typed.get(parse_user_code(text), "")
        self.waiting(id)
        return id

    async def decline(self, id: str) -> None:
        """Raises `Invalid` unless it waits, `Outage`."""
        self._kept[id] = replace(self.waiting(id), declined=True)  # before the first await: a later yes finds this no
        await self.store.put(DEVICE_ROW, id, to_row(self._kept[id]))

    def fresh(self, kept: KeptDevice) -> bool:
        return 0 <= self.clock.now_s() - kept.asked_at_s < DEVICE_CODE_S

    def unproven(self) -> Iterable[KeptDevice]:
        """Those that anybody may have asked for, and that still wait."""
        return [kept for kept in self._kept.values() if not kept.proven and self.fresh(kept)]

    async def sweep(self) -> None:
        """Forget what is over. Raises `Outage`."""
        for id, kept in list(self._kept.items()):
            if not 0 <= self.clock.now_s() - kept.asked_at_s < DEVICE_CODE_S + REMEMBERED_S:
                await self.store.remove(DEVICE_ROW, id)
                self._forget(id)

    def _forget(self, id: str) -> None:
        self._kept.pop(id, None)
        for typed in [typed for typed, other in self._typed.items() if other == id]:
            del self._typed[typed]
