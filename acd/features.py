"""Operators' feature codes: a short call from the phone, answered with a spoken confirmation."""

import logging
from collections.abc import Callable, Mapping

from acd.core.names import OperatorId
from acd.core.router import Router
from acd.desk import Desk, DeskError
from ivr.fastagi import AgiSession, CallGone

log = logging.getLogger(__name__)

CHOOSE_S = 6
SPOKEN = {"ready": "op_ready", "wrap_up": "op_wrap_up_done", "logout": "op_logged_out"}
ACTIONS = {"ready": "ready", "wrap_up": "wrap-up", "logout": "logout"}


class FeatureCodes:
    """Answers the `feature` route of FastAGI."""

    def __init__(
        self,
        desk: Desk,
        router: Router,
        reasons: Mapping[str, str],
        sound: Callable[[str, str], str | None],
    ) -> None:
        """`reasons` maps digits to pause reasons; `sound` is (language, phrase) -> file."""
        self._desk = desk
        self._router = router
        self._reasons = reasons
        self._sound = sound

    async def answer(self, agi: AgiSession) -> None:
        """One feature call, from its first line to the confirmation."""
        try:
            operator = await agi.get_variable("CHANNEL(endpoint)") or ""
            feature, digit = [*agi.args, "", ""][:2]
            phrase = await self._act(agi, operator, feature, digit)
            await self._say(agi, operator, phrase)
        except CallGone:
            log.info("an operator hung up during a feature code")

    async def _act(self, agi: AgiSession, operator: str, feature: str, digit: str) -> str:
        """Do what was dialled; gives the phrase that confirms or refuses it."""
        if self._router.seat(OperatorId(operator)) is None:
            return "op_not_known"
        try:
            if feature == "pause":
                return await self._pause(agi, operator, digit)
            action = ACTIONS.get(feature)
            if action is None:
                return "op_refused"
            await self._desk.act(operator, action)
            return SPOKEN[feature]
        except DeskError as error:
            log.warning("feature code %s of %s: %s", feature, operator, error)
            return "op_refused"

    async def _pause(self, agi: AgiSession, operator: str, digit: str) -> str:
        if not digit:
            digit = await self._choose(agi, operator)
        reason = self._reasons.get(digit)
        if reason is None:
            return "op_refused"
        await self._desk.act(operator, "pause", reason)
        return f"op_paused_{reason}"

    async def _choose(self, agi: AgiSession, operator: str) -> str:
        path = self._sound(self._language(operator), "op_paused_choose")
        if path is not None:
            key, _ = await agi.stream_file(path)
            if key is not None:
                return key
        return await agi.wait_for_digit(CHOOSE_S * 1000) or ""

    async def _say(self, agi: AgiSession, operator: str, phrase: str) -> None:
        language = self._language(operator)
        path = self._sound(language, phrase)
        if path is not None:
            await agi.stream_file(path)

    def _language(self, operator: str) -> str:
        """The operator's best language, first listed on a tie."""
        seat = self._router.seat(OperatorId(operator))
        languages = seat.profile.languages if seat else {}
        return max(languages, key=lambda language: languages[language], default="kk")
