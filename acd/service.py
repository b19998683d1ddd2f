"""The composition root: builds every part of the service once and wires them together."""

import asyncio
import logging
import os
from collections.abc import Callable
from typing import Any
from zoneinfo import ZoneInfo

from acd import __version__, views
from acd.alerts import Alerts
from acd.api import Api, Request, RequestError, text_of
from acd.archive import StoreArchive, restored_figures
from acd.asterisk_link import AsteriskLink
from acd.broadcasts import Broadcasts, Overrides
from acd.call_requests import CallRequests
from acd.callback_talk import CallbackTalk
from acd.callbacks import Callbacks
from acd.caller_languages import CallerLanguages
from acd.calls import CallBook
from acd.clock import Clock, iso, midnight_after, midnight_before
from acd.core.commands import Command, OfferCallbackTo
from acd.core.contacts import Contact
from acd.core.events import Event, LinkChanged, RulesReplaced
from acd.core.names import ContactId, Millis, QueueId, Topic
from acd.core.router import Router
from acd.core.seats import Seat
from acd.desk import Desk, DeskError
from acd.dialler import Dialler
from acd.fallback import FallbackCalls
from acd.features import FeatureCodes
from acd.fetch import Fetcher
from acd.figures import Figures
from acd.leftovers import Leftovers
from acd.lines import Wish
from acd.load import Loaded, Origin
from acd.loop import Loop
from acd.menus import Menus
from acd.messages import count as count_messages
from acd.messages import messages_folder
from acd.provision import NODE, AsteriskFolders, lay_out_sounds
from acd.pulse import Pulse
from acd.recording_files import recordings_folder
from acd.recording_requests import RecordingRequests
from acd.recording_seal import SealError, load_key
from acd.recordings import Recorder
from acd.recovery import Recovery
from acd.reload import Reloads
from acd.repair import RecordRepair
from acd.repeat_callers import RepeatCallers
from acd.restore import restore
from acd.roster import Roster
from acd.secrets import Secrets
from acd.settings import Settings
from acd.shift_desk import ShiftDesk
from acd.store import Store, StoreError, masked_url
from acd.surroundings import Surroundings
from acd.switchboard import Switchboard
from acd.switches import Switches
from acd.takeover import Takeover
from ivr.fastagi import AgiServer, Handler

log = logging.getLogger(__name__)

SETTLE_S = 1.0
"""How long a stop waits for the last events and records."""


class Service:
    """Everything that runs in one process. Made by `build`."""

    def __init__(
        self, origin: Origin, loaded: Loaded, store: Store, clock: Clock, secrets: Secrets
    ) -> None:
        self.origin = origin
        self.loaded = loaded
        self.store = store
        self.clock = clock
        settings = self.settings
        self.zone = ZoneInfo(settings.service.timezone)
        self.started_at = self.clock()
        self.router = Router(settings.rules)
        self.alerts = Alerts(self.zone)
        archive = StoreArchive(self.store)
        self.figures = self._figures()
        self.leftovers = Leftovers(
            self.store,
            self.figures,
            lambda topic: self.router.rules.queue_of(Topic(topic)),
            NODE,
            settings.service.least_talk_ms,
            lambda call: self.recorder.ended(call),
        )
        self.repeats = RepeatCallers(self.clock)
        self.book = CallBook(
            self.router,
            archive,
            self.figures,
            self.clock,
            NODE,
            self.leftovers.take,
            self.repeats.gave_up,
            lambda call: self.recorder.ended(call),
        )
        self.roster = Roster(archive, self.figures, self.book.wrapped_up, self._seat_changed)
        self.pulse = Pulse(self._stood_still)
        self.loop = Loop(self.router, self._carry_out, self.clock, self.pulse.check)
        self._call_citizens_back(secrets.ami_callback)
        fallback = FallbackCalls(self.book, self.loop, self.clock, settings.service.least_talk_ms)
        self.switches = self._switches()
        self.menus = Menus(
            lambda: self.loaded,
            self.book,
            self.loop,
            self.clock,
            self._surroundings(),
            arrived=lambda *call: self.switchboard.arrived(*call),
            is_gone=lambda call: self.switchboard.is_gone(call),
            first_offer=lambda call: self.switchboard.first_offer(call),
        )
        self.recorder = self._recordings()
        self._join_asterisk(fallback, secrets.ami)
        self.repair = RecordRepair(
            self.store,
            self.leftovers,
            self.loop,
            self.clock,
            settings.service.folder,
            live=lambda: {call.id for call in self.book.live},
        )
        self.desk = Desk(self.loop, self.router, tuple(settings.service.pause_reasons.values()))
        self.agi = AgiServer(self._routes())
        self.takeover = Takeover(self.link, self.router, lambda: self.agi.session_count)
        self.reloads = Reloads(origin, loaded, self.alerts, self.clock, self._adopt)
        self.api = Api(self._requests())

    def _call_citizens_back(self, secret: str) -> None:
        self.callbacks = Callbacks(
            self.router,
            self.book,
            self.loop,
            self.clock,
            Dialler(self.settings.service.listen.ami, secret),
            zone=self.zone,
            allowed=lambda: self.settings.service.callbacks,
            keep=self.store.callback,
            link=lambda: self.switchboard.link,
        )
        self.shifts = ShiftDesk(
            lambda: self.settings, self.clock, self.zone, self.router, self.loop.post
        )

    def _switches(self) -> Switches:
        folder = self.settings.service.folder
        return Switches(
            lambda: self.loaded,
            Broadcasts(folder, self.clock, self.zone),
            Overrides(folder, self.clock, self.zone),
        )

    def _surroundings(self) -> Surroundings:
        """What menus know of the world; nothing in it waits for the database."""
        self.languages = CallerLanguages(self.store.caller_language, self.clock)
        self.fetcher = Fetcher(self.clock)
        return Surroundings(
            broadcasts=self.switches.broadcasts,
            overrides=self.switches.overrides,
            languages=self.languages,
            fetcher=self.fetcher,
            queues=lambda queue: views.queue_row(self.present(), QueueId(queue)),
            keep=self.store.menu_event,
            messages=messages_folder(self.settings.service.folder),
            clock=self.clock,
            call_back=self.callbacks.book,
            head_start=lambda number: self.repeats.head_start(
                number, self.router.rules.routing.repeat_priority_ms
            ),
        )

    def _recordings(self) -> Recorder:
        """A key that cannot be used stops no call; the alert says so."""
        folder = self.settings.service.folder
        key, trouble = None, None
        try:
            key = load_key(folder, os.environ)
        except SealError as error:
            trouble = str(error)
        return Recorder(
            recordings_folder(folder),
            self.zone,
            self.clock,
            self.loop,
            self.router,
            self.book,
            self.alerts,
            rules=lambda: self.settings.recording,
            records=self.store.records,
            key=key,
            key_trouble=trouble,
            line_of=lambda contact: self.switchboard.line_of(contact),
            link=lambda: self.switchboard.link,
        )

    def _join_asterisk(self, fallback: FallbackCalls, ami_secret: str) -> None:
        """The parts that know Asterisk: what is sent, what is heard, what is asked."""
        settings = self.settings
        self.switchboard = Switchboard(
            self.loop.post,
            self.menus,
            fallback,
            believe=lambda seen: self.recovery.believe(seen),
            sound=self.menus.sound,
            told=self.menus.told,
            whisper=self._whisper,
            record=self.recorder.wanted,
            recorded=self.recorder.heard,
        )
        self.switchboard.set_operators(set(settings.operators))
        self.recovery = Recovery(
            self.switchboard,
            self.router,
            fallback,
            self.loop.post,
            self.clock,
            languages=lambda: self.settings.service.languages,
            is_over=self._is_over,
            finish=self._finish_unseen,
        )
        self.link = AsteriskLink(
            settings.service.listen.ami,
            ami_secret,
            self.switchboard,
            self.loop,
            self.router,
            self.recovery,
            self._link_changed,
        )

    def _routes(self) -> dict[str, Handler]:
        """Who answers which line of the dialplan over FastAGI."""
        settings = self.settings
        features = FeatureCodes(
            self.desk, self.router, settings.service.pause_reasons, self._phrase
        )
        talk = CallbackTalk(
            self.callbacks, self.book, lambda: self.switchboard, lambda: self.loaded
        )
        return {
            "ivr": self.menus.begin,
            "after": self.menus.after,
            "overflow": self.menus.overflowed,
            "transferred": self.menus.transferred,
            "feature": features.answer,
            "book": talk.answer,
        }

    @property
    def settings(self) -> Settings:
        """The settings in force."""
        return self.loaded.settings

    # Life

    async def run(self, stop: asyncio.Event, ready: Callable[[], None]) -> None:
        """Listen, work, and leave nothing behind. Raises OSError when a port is taken."""
        listen = self.settings.service.listen
        await self.agi.start(listen.agi.host, listen.agi.port)
        await self.api.start(listen.socket)
        self.roster.look(self.router.seats, self.clock())
        self.loop.post(LinkChanged(is_up=False))
        self.shifts.hours.look()
        await asyncio.to_thread(self._restore)
        loop = asyncio.get_running_loop()
        tasks = [
            loop.create_task(self.loop.run(), name="decisions"),
            loop.create_task(self.link.run(), name="asterisk link"),
            loop.create_task(self.pulse.run(), name="pulse"),
            loop.create_task(self.repair.run(), name="repair of records"),
            loop.create_task(self._midnights(), name="midnights"),
            loop.create_task(self.shifts.hours.run(), name="hours"),
            loop.create_task(self.recorder.run(), name="recordings"),
            loop.create_task(self.takeover.drained.wait(), name="drained"),
            loop.create_task(stop.wait(), name="stop"),
        ]
        self.alerts.prompts_missing(self.loaded.missing, self.clock())
        await self.reloads.keep_first()
        ready()
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            await self._stop(tasks)

    async def _stop(self, tasks: list[asyncio.Task[Any]]) -> None:
        """Within seconds: conversations go on without us, and the next run records them."""
        self.book.service_stops()
        await self.link.stop()
        await self.agi.close(grace_s=SETTLE_S)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self.fetcher.close()
        await self.api.close()
        await asyncio.to_thread(self.store.close)

    def _figures(self) -> Figures:
        """The day's sums; without the database they begin at nothing, and the alert says so."""
        target_ms = self.settings.service.target_ms
        begins = midnight_before(self.started_at, self.zone)
        try:
            return restored_figures(self.store.records, target_ms, begins)
        except StoreError as error:
            log.error("the figures begin at zero: %s", error)
            return Figures(target_ms, begins)

    def _restore(self) -> None:
        restore(
            self.store.records,
            self.clock(),
            self.loop,
            languages=self.languages,
            leftovers=self.leftovers,
            repeats=self.repeats,
            callbacks=self.callbacks,
            book=self.book,
        )

    async def _midnights(self) -> None:
        while True:
            begins = midnight_after(self.clock(), self.zone)
            await asyncio.sleep(max(0.0, (begins - self.clock()) / 1000))
            still_open = [
                (call.queue, call.queued_at)
                for call in self.book.live
                if call.queue is not None and call.queued_at is not None
            ]
            self.figures.roll(begins, still_open)

    # The router's turn

    def _carry_out(
        self, event: Event, now: Millis, commands: list[Command], before: Contact | None
    ) -> None:
        if not self.callbacks.are_possible:
            commands = [each for each in commands if not isinstance(each, OfferCallbackTo)]
        self.book.observe(event, commands, before)
        self.callbacks.observe(event, commands)
        for command in commands:
            if isinstance(command, Wish):
                self.switchboard.carry_out(command)
        self.roster.look(self.router.touched, now)

    def _seat_changed(self, seat: Seat) -> None:
        self.link.mirror(seat)

    def _link_changed(self, trouble: str | None) -> None:
        self.alerts.asterisk(trouble, self.clock())
        if trouble is None:
            self.repair.look_now()

    def _stood_still(self, gap_s: float) -> None:
        """Whatever was believed before may be wrong: nothing is done until Asterisk was asked."""
        why = f"the service stood still for {gap_s:.1f} s"
        log.error("%s; asking Asterisk anew", why)
        self.alerts.happened(f"{why}; callers who left for the fallback stay there", self.clock())
        self.link.distrust(why)

    def _finish_unseen(self, calls: set[str]) -> None:
        """Calls we knew that ended in a gap: Asterisk's own lines say how, and when."""
        try:
            endings = self.repair.latest_endings()
        except OSError as error:
            log.warning("Asterisk's own lines of the calls cannot be read: %s", error)
            return
        for call in calls & endings.keys():
            known = self.book.give_up(call)
            if known is not None:
                self.leftovers.finish_live(known, endings[call])

    def _is_over(self, call: str) -> bool:
        known = self.book.get(call)
        return known is not None and known.outcome is not None

    def _phrase(self, language: str, phrase: str) -> str | None:
        return self.loaded.phrase(language, phrase)

    def _whisper(self, id_: ContactId) -> str | None:
        contact = self.router.contact(id_)
        return None if contact is None else self.menus.whisper(contact.language, contact.topic)

    # Requests

    def _requests(self) -> dict[str, Callable[[Request], Any]]:
        calls = CallRequests(self.router, self.book, self.figures, self.store, self.zone)
        recording = RecordingRequests(self.recorder, self.book, self.store)
        return {
            "status": self._status,
            "queues": self._view(views.queue_rows),
            "operators": self._view(views.operator_rows),
            "callers": self._view(views.caller_rows),
            "monitor": self._monitor,
            "calls": calls.calls,
            "call": calls.call,
            "recording": recording.answer,
            "operator": self._operator,
            "callback": self.callbacks.answer,
            "reload": self.reloads.answer,
            "broadcast": self.switches.broadcast,
            "override": self.switches.override,
            "shift": self.shifts.answer,
            "fallback": self.takeover.fallback,
            "drain": self.takeover.drain,
        }

    def present(self) -> views.Present:
        """This instant, for a view."""
        off = self.shifts.off()
        return views.Present(self.router, self.book, self.figures, self.zone, self.clock(), off)

    def _view(self, rows: Callable[[views.Present], Any]) -> Callable[[Request], Any]:
        async def answer(_: Request) -> Any:
            return rows(self.present())

        return answer

    async def _monitor(self, _: Request) -> Any:
        present = self.present()
        health = self.store.health()
        rows = self.alerts.rows(
            present,
            health.last_error or health.journal_error,
            drill=self.takeover.sentence,
            messages=count_messages(self.settings.service.folder),
            notices=self.switches.notices(),
        )
        return views.monitor(present, rows)

    async def _status(self, _: Request) -> Any:
        service = self.settings.service
        return {
            "sip": str(service.listen.sip),
            "ami": str(service.listen.ami),
            "agi": str(service.listen.agi),
            "database": masked_url(service.database),
            "database_error": self.store.health().last_error,
            "asterisk": self.link.version,
            "ami_up": self.link.is_up,
            "started_at": iso(self.started_at, self.zone),
            "version": __version__,
            "prompts_missing": list(self.loaded.missing),
            "contacts": sum(1 for _ in self.router.contacts),
            "lines": len(self.switchboard.lines),
            "agi_sessions": self.agi.session_count,
            "tasks": len(asyncio.all_tasks()),
            "repairs": {**self.link.repairs, **self.repair.repairs},
            "gaps": self.pulse.gaps,
            "fallback": self.link.is_left_to_fallback,
            "ignored_events": self.router.ignored + self.switchboard.stray_events,
            "failures": self.loop.failures,
        }

    async def _operator(self, request: Request) -> Any:
        operator = text_of(request, "operator") or ""
        action = text_of(request, "action") or ""
        try:
            standing = await self.desk.act(operator, action, text_of(request, "reason"))
        except DeskError as error:
            raise RequestError(str(error)) from error
        return {
            "operator": standing.operator,
            "state": standing.state,
            "reason": standing.reason,
            "later": standing.later,
            "off_shift": standing.operator in self.shifts.off(),
        }

    async def _adopt(self, fresh: Loaded) -> None:
        """New settings and menus: what is asked for from now on is answered by them."""
        spoken = AsteriskFolders(fresh.settings.service.folder / "asterisk")
        languages = fresh.settings.service.languages
        try:
            await asyncio.to_thread(lay_out_sounds, spoken, languages, fresh.phrase)
        except OSError as error:
            log.error("Asterisk's own sounds are those of before: %s", error)
        self.loaded = fresh
        self.alerts.prompts_missing(fresh.missing, self.clock())
        self.switchboard.set_operators(set(fresh.settings.operators))
        await self.loop.settle(RulesReplaced(fresh.settings.rules))
        self.shifts.hours.look()
        self.roster.look(self.router.seats, self.clock())
