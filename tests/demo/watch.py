"""The demo's eyes: what the service says over its socket, as the monitor on a wall shows it."""

import asyncio
from pathlib import Path
from typing import Any

from acd.client import ServiceError, ask
from tests.demo.ledger import Ledger

Row = dict[str, Any]

LOOK_S = 1.0
ANSWER_S = 2.0
ROWS_MIN = 100
ROWS_MAX = 100_000


class Watch:
    """The latest look; `screen` is None while the service does not answer."""

    def __init__(self, socket: Path, ledger: Ledger) -> None:
        self._socket = socket
        self._ledger = ledger
        self.screen: Row | None = None
        self.looked_at = 0.0
        """When the look was asked for, by the loop's clock."""

    async def ask(self, do: str, **more: object) -> Any:
        """One request; raises ServiceError."""
        return await asyncio.to_thread(ask, self._socket, {"do": do, **more}, ANSWER_S)

    async def run(self) -> None:
        """Look every second until cancelled."""
        while True:
            await self.look()
            await asyncio.sleep(LOOK_S)

    async def look(self, rows: int = 0) -> bool:
        """One look now, records included; whether the service has answered."""
        asked_at = asyncio.get_running_loop().time()
        wanted = max(rows, ROWS_MIN, 4 * len(self._ledger.unfinished))
        try:
            screen = await self.ask("monitor")
            self._ledger.take(await self.ask("calls", limit=min(wanted, ROWS_MAX)))
        except ServiceError:
            self.screen = None
            return False
        self.screen, self.looked_at = screen, asked_at
        return True

    async def look_up(self, call: str) -> None:
        """Read the record of one call: the listing has only today's."""
        try:
            self._ledger.take([await self.ask("call", call=call)])
        except ServiceError:
            return

    def operator(self, id_: str) -> Row | None:
        """How an operator stands; None while the service does not answer."""
        rows = self.screen["operators"] if self.screen is not None else []
        return next((row for row in rows if row["operator"] == id_), None)

    def states(self, state: str) -> int:
        """How many operators are in this state."""
        rows = self.screen["operators"] if self.screen is not None else []
        return sum(row["state"] == state for row in rows)

    def present(self) -> dict[str, int] | None:
        """Who is where just now: `menu`, `waiting`, `talking`."""
        if self.screen is None:
            return None
        return {
            "menu": sum(
                row["queue"] is None and not row["outcome"] for row in self.screen["calls"]
            ),
            "waiting": len(self.screen["callers"]),
            "talking": self.states("talking"),
        }
