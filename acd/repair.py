"""Compares the records with what is going on, and puts on record what nobody saw.

Runs apart from the decisions: reading files and the database waits in threads, and while the
database fails it simply tries again.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from acd.call_log import FILE, LATEST_BYTES, Ending, read_endings
from acd.clock import Clock
from acd.core.names import Millis
from acd.leftovers import Leftovers, unrecorded
from acd.loop import Loop
from acd.store import Store, StoreError

log = logging.getLogger(__name__)

EVERY_S = 30.0
FLUSH_S = 5.0
SETTLED_MS = 60_000
"""A call younger than this may be on its way into the records."""
BACK_MS = 86_400_000
"""How far back Asterisk's own lines are looked through: a day."""


class RecordRepair:
    """`live` gives the ids of the calls whose channels are up."""

    def __init__(
        self,
        store: Store,
        leftovers: Leftovers,
        loop: Loop,
        clock: Clock,
        folder: Path,
        live: Callable[[], set[str]],
    ) -> None:
        self._store = store
        self._leftovers = leftovers
        self._loop = loop
        self._clock = clock
        self._log = folder / "asterisk" / "log" / FILE
        self._live = live
        self._now = asyncio.Event()
        self._may_close = False
        self._stray: set[str] = set()
        self.repairs: Counter[str] = Counter()

    def look_now(self) -> None:
        """Asterisk has just told who is there: what was open and is not there is over."""
        self._may_close = True
        self._now.set()

    def latest_endings(self) -> dict[str, Ending]:
        """What Asterisk wrote of the calls that ended last; quick enough for the event loop."""
        return {each.call: each for each in read_endings(self._log, LATEST_BYTES)}

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            try:
                async with asyncio.timeout(EVERY_S):
                    await self._now.wait()
            except TimeoutError:
                pass
            self._now.clear()
            if self._may_close:
                await self._look()

    async def _look(self) -> None:
        await asyncio.to_thread(self._store.flush, FLUSH_S)
        endings: dict[str, Ending] = {}
        missing: list[Ending] = []
        try:
            since = Millis(self._clock() - BACK_MS)
            endings, missing = await asyncio.to_thread(unrecorded, self._store, self._log, since)
            await self._find_stray()
        except (StoreError, OSError) as error:
            log.warning("the records cannot be compared: %s", error)
        self._loop.after(lambda: self._close(endings, missing))

    async def _find_stray(self) -> None:
        """Calls open on record that are not there: seen twice, they are closed."""
        before = Millis(self._clock() - SETTLED_MS)
        records = self._store.records
        found = await asyncio.to_thread(records.open_call_ids, before)
        open_ = {str(call) for call in found} - self._live()
        twice = self._stray & open_
        if twice:
            stories = await asyncio.to_thread(records.open_stories)
            self._leftovers.remember([story for story in stories if story.row.id in twice])
        self._stray = open_ - twice

    def _close(self, endings: dict[str, Ending], missing: list[Ending]) -> None:
        live = self._live()
        closed = self._leftovers.close(endings, live)
        unseen = [ending for ending in missing if ending.call not in live]
        for ending in unseen:
            self._leftovers.record(ending)
        self.repairs["record"] += closed + len(unseen)
        if closed or unseen:
            log.warning(
                "calls that ended while nobody listened: %d closed on record, %d put on record",
                closed,
                len(unseen),
            )
