"""Records of every call, in SQLite or PostgreSQL.

`Store` writes and reads for the service; `Records` reads alone, service or no service. A slow or
dead database never delays a call: rows wait, in order, in memory or in a journal on disk, until it
takes them.
"""

from acd.store.database import StoreError, masked_url
from acd.store.limits import Limits
from acd.store.menu_records import FirstKeys, Steps, Visits
from acd.store.records import CallStory, OpenCall, OperatorTally, QueueTally, Records
from acd.store.rows import (
    CallbackRow,
    CallerLanguageRow,
    CallRow,
    Data,
    DecisionRow,
    EventRow,
    IntervalRow,
    MenuEventRow,
    OperatorNowRow,
    Outcome,
)
from acd.store.store import Store
from acd.store.writer import Health, SayAlert

__all__ = [
    "CallRow",
    "CallStory",
    "CallbackRow",
    "CallerLanguageRow",
    "Data",
    "DecisionRow",
    "EventRow",
    "FirstKeys",
    "Health",
    "IntervalRow",
    "Limits",
    "MenuEventRow",
    "OpenCall",
    "OperatorNowRow",
    "OperatorTally",
    "Outcome",
    "QueueTally",
    "Records",
    "SayAlert",
    "Steps",
    "Store",
    "StoreError",
    "Visits",
    "masked_url",
]
