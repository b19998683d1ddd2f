"""How much the store keeps, and how long it waits."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """How much is kept and how long is waited.

    `rows_max` rows wait in memory when there is no journal or it fails; with one, rows beyond
    `spill_rows` stay in it alone until their turn comes. A journal that failed is tried again
    after `journal_retry_ms`; a segment of it is full at `segment_bytes`.
    `gather_ms` collects rows for one transaction. A retry comes after `retry_min_ms`, doubled
    each time up to `retry_max_ms`. `busy_ms` is how long SQLite waits for another's lock. An
    attempt that takes `hang_ms` raises the alert, at the latest after twice that time.
    `open_ms` is how long opening waits for one that another program has locked; with a journal
    `start_ms`, for the rows left in the journal as well.
    """

    rows_max: int = 200_000
    spill_rows: int = 20_000
    journal_retry_ms: int = 1000
    segment_bytes: int = 4_194_304
    batch_rows: int = 500
    gather_ms: int = 50
    retry_min_ms: int = 200
    retry_max_ms: int = 5000
    busy_ms: int = 1000
    hang_ms: int = 10_000
    open_ms: int = 10_000
    start_ms: int = 3000
