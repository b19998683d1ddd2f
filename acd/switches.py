"""The requests `broadcast` and `override`: what ops switch on and off by hand, at once."""

import asyncio
from collections.abc import Callable
from typing import Any

from acd.alerts import Notice
from acd.api import Request, RequestError, text_of
from acd.broadcasts import Broadcasts, Overrides, SwitchError, chosen_texts, make_audio
from acd.load import Loaded, own_prompts
from acd.problems import near_miss


class Switches:
    """`loaded` gives the menus and prepared broadcasts in use."""

    def __init__(
        self, loaded: Callable[[], Loaded], broadcasts: Broadcasts, overrides: Overrides
    ) -> None:
        self._loaded = loaded
        self.broadcasts = broadcasts
        self.overrides = overrides
        self._making = asyncio.Lock()

    def notices(self) -> list[Notice]:
        """For the monitor."""
        return [*self.broadcasts.notices(), *self.overrides.notices()]

    async def broadcast(self, request: Request) -> Any:
        """`action` is `on` (with `id` or `texts`, and `until`), `off` (`id`, or all) or `list`."""
        action, id_ = text_of(request, "action", default="list"), text_of(request, "id")
        loaded = self._loaded()
        try:
            match action:
                case "on":
                    await self._switch_on(loaded, id_, request)
                case "off":
                    self.broadcasts.switch_off(id_)
                case "list":
                    pass
                case _:
                    raise RequestError("'action' must be on, off or list")
        except SwitchError as error:
            raise RequestError(str(error)) from error
        return self.broadcasts.rows(loaded.broadcasts)

    async def _switch_on(self, loaded: Loaded, id_: str | None, request: Request) -> None:
        said = request.get("texts") or {}
        if not isinstance(said, dict) or not all(isinstance(each, str) for each in said.values()):
            raise RequestError("'texts' must be an object of texts by language")
        until = text_of(request, "until")
        texts = chosen_texts(id_, said, loaded.broadcasts, loaded.menu.languages)
        name = id_ or self.broadcasts.free_id()
        own = own_prompts(loaded.settings)
        async with self._making:
            await asyncio.to_thread(make_audio, name, texts, loaded.prompts.folders, own)
            self.broadcasts.switch_on(name, texts, until)

    async def override(self, request: Request) -> Any:
        """`schedule` and `state` (`on`, `off`, `auto`), with `until`; without them a listing."""
        schedule, state = text_of(request, "schedule"), text_of(request, "state")
        schedules = self._loaded().menu.schedules
        if schedule is not None and schedule not in schedules:
            remedy = near_miss(schedule, schedules) or f"; known: {', '.join(schedules) or 'none'}"
            raise RequestError(f"the menu has no schedule '{schedule}'{remedy}")
        if schedule is not None and state is not None:
            if state not in ("on", "off", "auto"):
                raise RequestError("'state' must be on, off or auto")
            wanted = None if state == "auto" else state == "on"
            try:
                self.overrides.switch(schedule, wanted, text_of(request, "until"))
            except SwitchError as error:
                raise RequestError(str(error)) from error
        return [{"schedule": name, **self.overrides.row(name)} for name in schedules]
