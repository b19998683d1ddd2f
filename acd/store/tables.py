"""The tables as this version of the program writes and reads them.

`acd/migrations` makes them; a test keeps the two equal. There are no foreign keys: a line of a
timeline is worth keeping even when the row of its call could not be written.
"""

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, MetaData, Table, Text, false

metadata = MetaData()

calls = Table(
    "calls",
    metadata,
    Column("id", Text, primary_key=True),
    Column("node", Text, nullable=False),
    Column("arrived_at", BigInteger, nullable=False),
    Column("number", Text),
    Column("language", Text),
    Column("topic", Text),
    Column("queue", Text),
    Column("queued_at", BigInteger),
    Column("connected_at", BigInteger),
    Column("talk_ended_at", BigInteger),
    Column("ended_at", BigInteger),
    Column("outcome", Text),
    Column("wait_ms", BigInteger),
    Column("operator", Text),
    Column("skill_level", Integer),
    Column("step", Integer, nullable=False),
    Column("handle_ms", BigInteger),
    Column("priority_ms", BigInteger, nullable=False),
    Column("menu", Text),
    Column("menu_version", Text),
    Column("fallback", Boolean, nullable=False, server_default=false()),
    Column("estimated_wait_ms", BigInteger),
    Column("recording", Text),
)
Index("calls_by_arrival", calls.c.arrived_at)
Index("calls_by_queueing", calls.c.queued_at)
Index("calls_by_queue", calls.c.queue, calls.c.queued_at)
Index(
    "calls_open",
    calls.c.arrived_at,
    sqlite_where=calls.c.ended_at.is_(None),
    postgresql_where=calls.c.ended_at.is_(None),
)

call_events = Table(
    "call_events",
    metadata,
    Column("call", Text, primary_key=True),
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("at", BigInteger, nullable=False),
    Column("event", Text, nullable=False),
    Column("data", Text, nullable=False),
)

decisions = Table(
    "decisions",
    metadata,
    Column("call", Text, primary_key=True),
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("at", BigInteger, nullable=False),
    Column("rule", Text, nullable=False),
    Column("taken", Text),
    Column("candidates", Text, nullable=False),
    Column("refused", Text, nullable=False),
    Column("waited_ms", BigInteger, nullable=False),
    Column("step", Integer, nullable=False),
    Column("estimated_wait_ms", BigInteger),
    Column("candidate_count", Integer, nullable=False, server_default="0"),
    Column("inputs", Text),
)

operator_intervals = Table(
    "operator_intervals",
    metadata,
    Column("operator", Text, primary_key=True),
    Column("began_at", BigInteger, primary_key=True, autoincrement=False),
    Column("ended_at", BigInteger, primary_key=True, autoincrement=False),
    Column("state", Text, primary_key=True),
    Column("reason", Text),
    Column("call", Text),
)
Index("intervals_by_beginning", operator_intervals.c.began_at)
Index("intervals_by_end", operator_intervals.c.ended_at)

operator_now = Table(
    "operator_now",
    metadata,
    Column("operator", Text, primary_key=True),
    Column("logged_in", Boolean, nullable=False),
    Column("pause", Text),
    Column("since", BigInteger, nullable=False),
)

menu_events = Table(
    "menu_events",
    metadata,
    Column("call", Text, primary_key=True),
    Column("at", BigInteger, primary_key=True, autoincrement=False),
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("menu", Text, nullable=False),
    Column("version", Text, nullable=False),
    Column("node", Text, nullable=False),
    Column("visit", Integer, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("language", Text, nullable=False),
    Column("entered_at", BigInteger),
    Column("first_key_ms", BigInteger),
    Column("key", Text),
    Column("via", Text),
    Column("result", Text),
    Column("reason", Text),
    Column("goes_to", Text),
    Column("moved_to", Text),
)
Index("menu_events_by_time", menu_events.c.at)

caller_languages = Table(
    "caller_languages",
    metadata,
    Column("number", Text, primary_key=True),
    Column("language", Text, nullable=False),
    Column("at", BigInteger, nullable=False),
)
Index("caller_languages_by_time", caller_languages.c.at)

callbacks = Table(
    "callbacks",
    metadata,
    Column("contact", Text, primary_key=True),
    Column("call", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("number", Text, nullable=False),
    Column("queue", Text, nullable=False),
    Column("topic", Text, nullable=False),
    Column("language", Text, nullable=False),
    Column("queued_at", BigInteger, nullable=False),
    Column("priority_ms", BigInteger, nullable=False),
    Column("accepted_at", BigInteger, nullable=False),
    Column("tries", Integer, nullable=False),
    Column("not_before", BigInteger, nullable=False),
    Column("last", Text),
    Column("closed", Text),
    Column("closed_at", BigInteger),
)
Index("callbacks_by_acceptance", callbacks.c.accepted_at)
Index(
    "callbacks_open",
    callbacks.c.accepted_at,
    sqlite_where=callbacks.c.closed.is_(None),
    postgresql_where=callbacks.c.closed.is_(None),
)

journals = Table(
    "journals",
    metadata,
    Column("id", Text, primary_key=True),
    Column("position", BigInteger, nullable=False),
)
"""How far the rows of each journal are in this database: written together with the rows."""
