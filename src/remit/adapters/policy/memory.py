"""Decisions that need not be made twice, and parsed questions that need not be parsed twice."""

from __future__ import annotations

import random
from collections import deque
from dataclasses import dataclass

from remit.adapters.policy.deciding import Prepared
from remit.adapters.policy.sets import Loaded
from remit.core.access import Verdict
from remit.core.catalog import Era, Server
from remit.core.grant import LiveGrant

# A parsed question takes about 20 KB. The oldest is forgotten first; a grant that asks about ever new resources forgets
# its own before it makes others forget theirs.
PREPARED_MAX = 1024
PREPARED_PER_GRANT_MAX = 64
SAMPLE_ONE_IN = 256


@dataclass(slots=True)
class Entry:
    """What a grant keeps per question in `LiveGrant.decisions`: the parsed question, and the verdict where nothing of
    it varies from call to call.

    Its key is the whole request: the grant (whose dictionary this is), action and target, and by identity the
    tenant's loaded set and the server with its definitions, so that a changed policy or catalog never meets an old
    entry. A verdict also stands for one epoch of the grant book only. Arguments and time are in no key: a slice that
    reads them has no verdict here.
    """

    loaded: Loaded
    server: Server
    era: Era
    prepared: Prepared
    verdict: Verdict | None = None
    grants_epoch: int = -1


class Memory:
    """Bounds what the grants keep, and says when a remembered verdict is to be decided again."""

    def __init__(self, sample_one_in: int) -> None:
        self._sample_one_in = sample_one_in
        self._hits_to_sample = 1
        self._kept: deque[tuple[LiveGrant, object, Entry]] = deque()
        self.trusted = True

    def keep(self, live: LiveGrant, key: object, entry: Entry) -> None:
        """Give the entry to its grant, and let go of the oldest where there are too many."""
        if len(live.decisions) >= PREPARED_PER_GRANT_MAX:
            live.decisions.clear()
        live.decisions[key] = entry
        self._kept.append((live, key, entry))
        if len(self._kept) > PREPARED_MAX:
            oldest, name, forgotten = self._kept.popleft()
            if oldest.decisions.get(name) is forgotten:
                del oldest.decisions[name]

    def sample_due(self) -> bool:
        """Whether this hit is one of the sampled share, on average one in `sample_one_in`."""
        self._hits_to_sample -= 1
        if self._hits_to_sample:
            return False
        self._hits_to_sample = random.randint(1, 2 * self._sample_one_in)  # noqa: S311  a sample, not a secret
        return True
