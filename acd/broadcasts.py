"""News that every caller hears, switched on and off at once; and schedules overruled by hand.

What is on is kept in a file each, so that it survives a restart. What has an end goes off by
itself. A call that has passed the place of the broadcast is not told.
"""

import logging
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from acd.alerts import Notice
from acd.broadcast_texts import TEXT_MAX, wanted_for
from acd.clock import Clock, iso
from acd.core.names import Millis
from acd.problems import near_miss
from acd.state_file import read_state, write_state
from ivr.core.menu import Texts
from ivr.core.schedules import Override
from ivr.prompt_build import build
from ivr.prompt_library import PromptLibrary
from ivr.voices import find_voices

log = logging.getLogger(__name__)

FILE = "broadcasts.json"
OVERRIDES = "overrides.json"
ON_MAX = 5
"""So many broadcasts at once are more than anybody listens to."""
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
_TIME = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)")

Row = dict[str, Any]


class SwitchError(Exception):
    """It was not switched; one sentence says why and what to do."""


@dataclass(frozen=True, slots=True)
class Broadcast:
    """One that is on. `until` is None for one that lasts until it is switched off."""

    id: str
    texts: Texts
    since: Millis
    until: Millis | None


def next_time(text: str, now: Millis, zone: ZoneInfo) -> Millis:
    """The next moment at which the local clock shows `HH:MM`. Raises SwitchError."""
    match = _TIME.fullmatch(text)
    if match is None:
        raise SwitchError(f"'{text}' is not a time of day; write it as in 18:30")
    local = datetime.fromtimestamp(now / 1000, zone)
    then = local.replace(hour=int(match[1]), minute=int(match[2]), second=0, microsecond=0)
    if then <= local:
        then = (then.replace(tzinfo=None) + timedelta(days=1)).replace(tzinfo=zone)
    return Millis(int(then.timestamp() * 1000))


class Broadcasts:
    """Those that are on; `folder` is where the running system keeps its things."""

    def __init__(self, folder: Path, clock: Clock, zone: ZoneInfo) -> None:
        self._path = folder / FILE
        self._clock = clock
        self._zone = zone
        self._on: dict[str, Broadcast] = {}
        for row in read_state(self._path):
            found = _from_row(row)
            if found is not None:
                self._on[found.id] = found

    @property
    def active(self) -> list[Broadcast]:
        """Those that are on at this moment, in the order they were switched on."""
        now = self._clock()
        return [each for each in self._on.values() if each.until is None or now < each.until]

    def texts(self) -> list[Texts]:
        """What callers hear at this moment."""
        return [each.texts for each in self.active]

    def switch_on(self, id_: str, texts: Texts, until: str | None) -> Broadcast:
        """From now on callers hear it. Its audio has to be there. Raises SwitchError."""
        now = self._clock()
        ends = None if until is None else next_time(until, now, self._zone)
        active = {each.id: each for each in self.active}
        if id_ not in active and len(active) >= ON_MAX:
            raise SwitchError(f"{ON_MAX} broadcasts are on already; switch one off")
        new = Broadcast(id_, dict(texts), now, ends)
        self._keep({**active, id_: new})
        log.warning("broadcast %s is on%s", id_, f" until {until}" if until else "")
        return new

    def switch_off(self, id_: str | None) -> list[str]:
        """One of them, or all; returns which. Raises SwitchError when that one is not on."""
        active = {each.id: each for each in self.active}
        if id_ is not None and id_ not in active:
            known = ", ".join(active) or "none"
            raise SwitchError(f"the broadcast '{id_}' is not on (on: {known})")
        off = list(active) if id_ is None else [id_]
        self._keep({name: each for name, each in active.items() if name not in off})
        for name in off:
            log.warning("broadcast %s is off", name)
        return off

    def free_id(self) -> str:
        """An id for one that was not prepared."""
        number = 1
        while f"said-{number}" in self._on:
            number += 1
        return f"said-{number}"

    def notices(self) -> list[Notice]:
        """What ops should not forget."""
        return [
            Notice(
                "warning",
                f"broadcast {each.id} is on{_until(each.until, self._zone)}: {_some(each.texts)}",
                f"`acd broadcast off {each.id}` ends it",
                each.since,
            )
            for each in self.active
        ]

    def rows(self, prepared: Mapping[str, Texts]) -> list[Row]:
        """Those that are on, then the prepared ones that are not."""
        active = self.active
        on = {each.id for each in active}
        rows = [
            _row(each.id, each.texts, id_is_prepared=each.id in prepared)
            | {"on": True, "since": iso(each.since, self._zone)}
            | {"until": iso(each.until, self._zone) if each.until is not None else None}
            for each in active
        ]
        return rows + [
            _row(id_, texts, id_is_prepared=True) | {"on": False, "since": None, "until": None}
            for id_, texts in prepared.items()
            if id_ not in on
        ]

    def _keep(self, on: dict[str, Broadcast]) -> None:
        rows = [
            {"id": each.id, "texts": dict(each.texts), "since": each.since, "until": each.until}
            for each in on.values()
        ]
        try:
            write_state(self._path, rows)
        except OSError as error:
            raise SwitchError(
                f"nothing was switched: {self._path} cannot be written ({error.strerror}); "
                "a restart would forget it"
            ) from error
        self._on = on


class Overrides:
    """Schedules that ops have overruled by hand."""

    def __init__(self, folder: Path, clock: Clock, zone: ZoneInfo) -> None:
        self._path = folder / OVERRIDES
        self._clock = clock
        self._zone = zone
        self._set: dict[str, tuple[bool, Millis, Millis | None]] = {}
        for row in read_state(self._path):
            match row:
                case {"schedule": str(name), "on": bool(on), "since": int(since), "until": until}:
                    end = Millis(until) if isinstance(until, int) else None
                    self._set[name] = (on, Millis(since), end)
                case _:
                    log.error("%s: a row is not understood: %r", self._path, row)

    @property
    def _active(self) -> dict[str, tuple[bool, Millis, Millis | None]]:
        now = self._clock()
        return {name: one for name, one in self._set.items() if one[2] is None or now < one[2]}

    def of(self, schedule: str) -> Override | None:
        """What counts in place of a schedule's own hours, if anything."""
        found = self._active.get(schedule)
        return None if found is None else Override(found[0])

    def switch(self, schedule: str, on: bool | None, until: str | None) -> None:
        """Overrule a schedule; None gives it back to its hours. Raises SwitchError."""
        now, wanted = self._clock(), self._active
        wanted.pop(schedule, None)
        if on is not None:
            ends = None if until is None else next_time(until, now, self._zone)
            wanted[schedule] = (on, now, ends)
        rows = [
            {"schedule": name, "on": on, "since": since, "until": until}
            for name, (on, since, until) in wanted.items()
        ]
        try:
            write_state(self._path, rows)
        except OSError as error:
            raise SwitchError(
                f"nothing was switched: {self._path} cannot be written ({error.strerror})"
            ) from error
        self._set = wanted
        state = "by its hours" if on is None else f"{'on' if on else 'off'} by hand"
        log.warning("schedule %s: %s", schedule, state)

    def notices(self) -> list[Notice]:
        """What ops should not forget."""
        return [
            Notice(
                "warning",
                f"schedule {name} is switched {'on' if on else 'off'} by hand"
                + _until(until, self._zone),
                f"`acd override {name} auto` gives it back to its hours",
                since,
            )
            for name, (on, since, until) in self._active.items()
        ]

    def row(self, schedule: str) -> Row:
        """How a schedule stands."""
        found = self._active.get(schedule)
        if found is None:
            return {"override": None, "since": None, "until": None}
        on, since, until = found
        return {
            "override": "on" if on else "off",
            "since": iso(since, self._zone),
            "until": iso(until, self._zone) if until is not None else None,
        }


def chosen_texts(
    id_: str | None, said: Texts, prepared: Mapping[str, Texts], languages: tuple[str, ...]
) -> Texts:
    """The texts meant by an id, or those given with the request. Raises SwitchError."""
    if id_ is not None and not _ID.fullmatch(id_):
        raise SwitchError(f"'{id_}' is no id; write letters, digits, - and _")
    if not said:
        if id_ is None:
            raise SwitchError("name a prepared broadcast, or give its text in every language")
        if id_ not in prepared:
            remedy = near_miss(id_, prepared) or f"; prepared: {', '.join(prepared) or 'none'}"
            raise SwitchError(f"no broadcast '{id_}' is prepared{remedy}")
        return prepared[id_]
    if id_ in prepared:
        raise SwitchError(f"'{id_}' is a prepared broadcast; give the new text another id")
    return _spoken_texts(said, languages)


def _spoken_texts(said: Texts, languages: tuple[str, ...]) -> Texts:
    for language in languages:
        if not said.get(language, "").strip():
            raise SwitchError(f"the text is missing in {language}; add --{language} TEXT")
    for language, text in said.items():
        if language not in languages:
            raise SwitchError(f"'{language}' is not spoken here; spoken: {', '.join(languages)}")
        if len(text) > TEXT_MAX or not text.isprintable():
            raise SwitchError(f"the text in {language} has to be one line of {TEXT_MAX} letters")
    return {language: said[language].strip() for language in languages}


def make_audio(id_: str, texts: Texts, folders: tuple[Path, ...], own: Path) -> None:
    """Make what is missing of a broadcast's audio, in `own`. Takes seconds: call it in a thread.

    Raises SwitchError when some of it cannot be made or heard.
    """
    library = PromptLibrary((own, *folders))
    wanted = tuple(wanted_for({id_: texts}))
    try:
        done = build(wanted, library, find_voices(tuple(texts), os.environ))
    except OSError as error:
        raise SwitchError(f"the audio cannot be written to {own}: {error.strerror}") from error
    if done.failed:
        raise SwitchError(f"it is not on, since its audio cannot be made: {'; '.join(done.failed)}")
    heard = PromptLibrary((own, *folders))
    for each in wanted:
        problem = heard.problem(each.clip)
        if problem is not None:
            where = f"{each.clip.text!r} ({each.clip.language})"
            raise SwitchError(f"it is not on: {where} cannot be played: {problem}")


def _row(id_: str, texts: Texts, *, id_is_prepared: bool) -> Row:
    return {"id": id_, "prepared": id_is_prepared, "texts": dict(texts)}


def _from_row(row: Row) -> Broadcast | None:
    match row:
        case {"id": str(id_), "texts": dict(texts), "since": int(since), "until": until} if all(
            isinstance(text, str) for text in texts.values()
        ):
            end = Millis(until) if isinstance(until, int) else None
            return Broadcast(id_, texts, Millis(since), end)
    log.error("a broadcast that was on is not understood, and off: %r", row)
    return None


def _until(until: Millis | None, zone: ZoneInfo) -> str:
    return "" if until is None else f" until {iso(until, zone)[11:16]}"


def _some(texts: Texts) -> str:
    text = texts.get("ru") or next(iter(texts.values()), "")
    return text if len(text) <= 60 else f"{text[:59]}…"
