"""What an operator, or a supervisor for them, can do: the same whether by phone or by command."""

from dataclasses import dataclass

from acd.core.events import (
    Event,
    OperatorLoggedOut,
    OperatorPaused,
    OperatorReady,
    OperatorWrappedUp,
)
from acd.core.names import OperatorId
from acd.core.router import Router
from acd.core.seats import Work
from acd.loop import Loop

ACTIONS = ("ready", "pause", "wrap-up", "logout")


class DeskError(Exception):
    """The action cannot be carried out; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Standing:
    """How the operator stands after an action; `later` when it waits for the conversation."""

    operator: OperatorId
    state: str
    reason: str | None
    later: str | None


class Desk:
    """Checks an action, hands it to the router, and says how things stand then."""

    def __init__(self, loop: Loop, router: Router, reasons: tuple[str, ...]) -> None:
        self._loop = loop
        self._router = router
        self.reasons = reasons

    async def act(self, operator: str, action: str, reason: str | None = None) -> Standing:
        """Carry out one of ACTIONS. Raises DeskError for an unknown operator, action or reason."""
        id_ = OperatorId(operator)
        if self._router.seat(id_) is None:
            raise DeskError(f"there is no operator '{operator}'; `acd operators` lists them")
        await self._loop.settle(self._event(id_, action, reason))
        seat = self._router.seat(id_)
        if seat is None:
            return Standing(id_, "offline", None, None)
        state, why = seat.state()
        later = None
        if seat.work is Work.TALKING:
            later = "logout" if seat.logout_next else seat.pause_next
        return Standing(id_, state.value, why, later)

    def _event(self, operator: OperatorId, action: str, reason: str | None) -> Event:
        match action:
            case "ready":
                return OperatorReady(operator)
            case "pause":
                return OperatorPaused(operator, self._reason(reason))
            case "wrap-up":
                return OperatorWrappedUp(operator)
            case "logout":
                return OperatorLoggedOut(operator)
            case _:
                known = ", ".join(ACTIONS)
                raise DeskError(f"'{action}' is not something an operator does; known: {known}")

    def _reason(self, reason: str | None) -> str:
        if reason is None:
            return self.reasons[-1]
        if reason not in self.reasons:
            known = ", ".join(self.reasons)
            raise DeskError(f"'{reason}' is not a reason for a pause; known: {known}")
        return reason
