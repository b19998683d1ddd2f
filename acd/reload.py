"""New settings and menus for a service that runs: all of them or none, while calls go on.

Everything is read and checked in a thread; only what is whole is taken over, in one step. A call
keeps the menu it began with. A refused reload changes nothing, and says why to whoever asked, in
the log and in the monitor until the files are good.
"""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable
from dataclasses import fields, replace
from typing import Any

from acd.alerts import Alerts
from acd.api import Request, RequestError
from acd.clock import Clock
from acd.load import Loaded, Origin, load
from acd.problems import Problems
from acd.settings import Callbacks, Service, Settings
from ivr import versions

log = logging.getLogger(__name__)

LIVE = ("menu", "config", "edges")
"""What of service.yaml is used as soon as it is read; the rest needs a restart."""

Adopt = Callable[[Loaded], Awaitable[None]]


class Reloads:
    """One at a time. `adopt` takes over what was read; it is called in the event loop."""

    def __init__(
        self, origin: Origin, first: Loaded, alerts: Alerts, clock: Clock, adopt: Adopt
    ) -> None:
        self._origin = origin
        self._alerts = alerts
        self._clock = clock
        self._adopt = adopt
        self._started_with = first
        self._loaded = first
        self._one_at_a_time = asyncio.Lock()
        self._tasks: set[asyncio.Task[None]] = set()

    async def answer(self, _: Request) -> Any:
        """The request `reload`: what is in use now. RequestError with the list of mistakes."""
        async with self._one_at_a_time:
            return await self._reload()

    def soon(self) -> None:
        """For SIGHUP: the log says how it went."""
        task = asyncio.get_running_loop().create_task(self._by_signal(), name="reload")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def keep_first(self) -> None:
        """Keep the version that the service has begun with."""
        await asyncio.to_thread(self._keep, self._loaded, None)

    async def _by_signal(self) -> None:
        with contextlib.suppress(RequestError):  # said in the log already
            await self.answer({})

    async def _reload(self) -> dict[str, Any]:
        problems = Problems()
        try:
            files, fresh = await asyncio.to_thread(self._read, problems)
        except RequestError as error:
            self._refuse(str(error))
            raise
        except Exception as error:
            log.exception("the files could not be read")
            self._refuse(f"a fault of the program, {type(error).__name__}")
            raise RequestError(
                "nothing was changed: a fault of the program, see its log"
            ) from error
        if fresh is None:
            listed = problems.render()
            log.error("reload refused, nothing was changed:\n%s", listed)
            self._refuse(_first_of(problems))
            raise RequestError(f"nothing was changed:\n{listed}")
        return await self._take_over(files, fresh, problems)

    async def _take_over(
        self, files: versions.Files, fresh: Loaded, problems: Problems
    ) -> dict[str, Any]:
        before, self._loaded = self._loaded, fresh
        await self._adopt(fresh)
        self._alerts.reload_refused(None, self._clock())
        version = await asyncio.to_thread(self._keep, fresh, files)
        restart_for = needs_restart(self._started_with, fresh)
        log.info("reloaded: menu %s version %s", fresh.menu.id, fresh.menu.version)
        return {
            "menu": fresh.menu.id,
            "version": fresh.menu.version,
            "files_version": version,
            "changed": changes(before, fresh),
            "warnings": problems.render(),
            "restart_needed": bool(restart_for),
            "restart_for": restart_for,
        }

    def _read(self, problems: Problems) -> tuple[versions.Files, Loaded | None]:
        """In a thread. The files that are kept are the ones that were read."""
        origin = self._origin
        files = versions.read_files(origin.dialplans)
        fresh = load(origin.config, origin.dialplans, problems, origin.port_offset)
        if fresh is not None and versions.read_files(origin.dialplans) != files:
            raise RequestError(
                "nothing was changed: the dialplans changed while they were read; "
                "run `acd reload` again"
            )
        return files, fresh

    def _refuse(self, why: str) -> None:
        self._alerts.reload_refused(f"the changed files are not in use: {why}", self._clock())

    def _keep(self, loaded: Loaded, files: versions.Files | None) -> str | None:
        """A disk that fails must not keep a good menu from callers."""
        menus = {plan.id: plan.version for plan in loaded.dialplans.values()}
        folder = versions.versions_folder(loaded.settings.service.folder)
        try:
            found = versions.read_files(self._origin.dialplans) if files is None else files
            return versions.keep(folder, found, menus, int(self._clock()))
        except OSError as error:
            log.warning("this version of the dialplans could not be kept: %s", error)
            return None


def _first_of(problems: Problems) -> str:
    first = next((each for each in problems.sorted() if each.severity == "error"), None)
    others = problems.error_count - 1
    more = f", and {others} more" if others else ""
    if first is None:
        return f"{problems.error_count} errors"
    place = f"{first.file}:{first.line}:{first.column}" if first.line else first.file
    return f"{place}: {first.message}{more}"


def _dialplan_of(new: Settings, old: Settings) -> Callbacks:
    """The part that stands in Asterisk's dialplan; quiet hours are used at once."""
    return replace(new.service.callbacks, quiet=old.service.callbacks.quiet)


def needs_restart(first: Loaded, fresh: Loaded) -> list[str]:
    """What was changed since the start and is used only after another one."""
    old, new = first.settings, fresh.settings
    before, after = old.service, replace(new.service, callbacks=_dialplan_of(new, old))
    found = [
        f"service.yaml: {_WORDS.get(field.name, field.name)}"
        for field in fields(Service)
        if field.name not in LIVE and getattr(before, field.name) != getattr(after, field.name)
    ]
    phones = set(new.operators) - set(old.operators)
    if phones:
        found.append(f"operators.yaml: phones of {', '.join(sorted(phones))}")
    return found


def changes(before: Loaded, fresh: Loaded) -> list[str]:
    """What is different from now on, in the words of the files' names."""
    found = []
    for id_ in before.dialplans.keys() | fresh.dialplans.keys():
        old, new = before.dialplans.get(id_), fresh.dialplans.get(id_)
        if old is None or new is None or old.version != new.version:
            found.append(f"menu {id_}")
    found.sort()
    old_settings, new_settings = before.settings, fresh.settings
    pairs = {
        "queues": (old_settings.rules.queues, new_settings.rules.queues),
        "topics": (old_settings.rules.topics, new_settings.rules.topics),
        "topic names": (old_settings.topic_names, new_settings.topic_names),
        "operators": (old_settings.rules.operators, new_settings.rules.operators),
        "shifts": (old_settings.shifts, new_settings.shifts),
        "holidays": (old_settings.holidays, new_settings.holidays),
        "phrases": (old_settings.phrases, new_settings.phrases),
        "broadcasts": (before.broadcasts, fresh.broadcasts),
        "service.yaml": (old_settings.service, new_settings.service),
    }
    return found + [name for name, (old_one, new_one) in pairs.items() if old_one != new_one]


_WORDS = {"target_ms": "target", "least_talk_ms": "least_talk"}
