"""What the last run of the service left on record, taken up again at a start."""

import logging

from acd.archive import interrupted_call
from acd.call_record import Call
from acd.callbacks import Callbacks
from acd.caller_languages import KEPT_MAX, CallerLanguages
from acd.calls import CallBook
from acd.core.events import OperatorPaused, OperatorReady
from acd.core.names import ContactId, Millis
from acd.leftovers import Leftovers
from acd.loop import Loop
from acd.provision import NODE
from acd.repeat_callers import WITHIN_MS, RepeatCallers
from acd.store import Records, StoreError

log = logging.getLogger(__name__)

RECENT_MS = 2 * 3_600_000
"""Longer than a conversation: a callback may be in one across a restart."""


def restore(
    records: Records,
    now: Millis,
    loop: Loop,
    *,
    languages: CallerLanguages,
    leftovers: Leftovers,
    repeats: RepeatCallers,
    callbacks: Callbacks,
    book: CallBook,
) -> None:
    """Operators stay logged in and paused, calls go on, citizens are still called back.

    Waits for the database. Without it Asterisk's own queue still tells who was logged in, and its
    channels who is there.
    """
    try:
        standings = records.operators_now()
        languages.restored(records.caller_languages(KEPT_MAX))
        leftovers.remember(records.open_stories())
        repeats.restored(records.gave_up_since(Millis(now - WITHIN_MS)))
        _restore_callbacks(records, Millis(now - RECENT_MS), callbacks, book)
    except StoreError as error:
        log.error("the last run is not known: %s", error)
        return
    for operator, standing in standings.items():
        if standing.logged_in:
            loop.post(OperatorReady(operator))
            if standing.pause is not None:
                loop.post(OperatorPaused(operator, standing.pause))


def _restore_callbacks(
    records: Records, since: Millis, callbacks: Callbacks, book: CallBook
) -> None:
    """Those still to be called, and the calls they came from, whose stories go on."""
    rows = records.callbacks_since(since)
    stories = {row.call: records.call(row.call) for row in rows}

    def call_of(id_: ContactId) -> Call:
        story = stories.get(id_)
        known = interrupted_call(story) if story is not None else None
        return book.get(id_) or known or Call(id_, "", since, NODE)

    callbacks.restore(rows, call_of)
