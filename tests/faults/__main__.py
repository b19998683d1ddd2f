"""`make faults`, or `make faults FAULT=kill`: what citizens notice when something breaks.

A centre of its own in a temporary folder, real calls with sound, one fault after another. Prints a
row per fault; ends with 1 when a call was lost that should not have been.
"""

import asyncio
import contextlib
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from tests import postgres
from tests.asterisk.centre import FILES, SERVICE
from tests.asterisk.chaos.site import Site
from tests.faults.faults import FAULTS, POSTGRES, Result, Row, lasting_server, plain

COLUMNS = ("fault injected", "what the citizens noticed", "calls lost", "seconds to normal")


def main(words: list[str]) -> int:
    """Run all faults, or those named."""
    unknown = [word for word in words if word not in (*FAULTS, POSTGRES)]
    if unknown:
        known = ", ".join((*FAULTS, POSTGRES))
        print(f"faults: there is no fault {unknown[0]!r}; there are: {known}", file=sys.stderr)
        return 2
    began = time.monotonic()
    print("| " + " | ".join(COLUMNS) + " |\n| --- | --- | --- | --- |", flush=True)
    wanted = words or [*FAULTS, POSTGRES]
    good = on_sqlite([FAULTS[word] for word in wanted if word in FAULTS])
    if POSTGRES in wanted:
        good = on_postgres() and good
    print(f"\n{time.monotonic() - began:.0f} s in all", flush=True)
    return 0 if good else 1


def on_sqlite(rows: list[Row]) -> bool:
    """One centre for all, and another one after a fault that did not end well."""
    rows = list(rows)
    good = True
    while rows:
        with site(FILES) as running:
            while rows:
                is_good = tried(rows.pop(0), running)
                good = good and is_good
                if not is_good:
                    break
    return good


def on_postgres() -> bool:
    """The same with records in PostgreSQL, whose server stops for 10 s."""
    why = postgres.missing()
    if why is not None:
        print(f"| PostgreSQL stopped for 10 s | not tried: {why} | - | - |", flush=True)
        return True
    with postgres.server() as server:
        service = SERVICE.replace("sqlite:///var/1414.sqlite", server.url.replace("%", "%%"))
        service = service.replace("{first}-{last}", "12000-15999")
        with site({**FILES, "service.yaml": service}) as running:
            inject = lasting_server(server.stop, server.start)
            return tried(Row("PostgreSQL stopped for 10 s", plain(inject)), running)


@contextlib.contextmanager
def site(files: dict[str, str]) -> Iterator[Site]:
    """A running centre, gone at the end."""
    with tempfile.TemporaryDirectory(prefix="faults-") as folder:
        running = Site(Path(folder) / "s", files)
        running.start()
        try:
            yield running
        finally:
            running.stop()


def tried(row: Row, running: Site) -> bool:
    """One row, measured and printed; whether nobody lost more than the fault itself takes."""
    try:
        result: Result = asyncio.run(row.run(running))
    except (AssertionError, TimeoutError) as error:
        what = str(error).splitlines() or [type(error).__name__]
        print(f"| {row.title} | FAILED: {what[0][:160]} | ? | never |", flush=True)
        print(running.log[-2000:], file=sys.stderr)
        return False
    print(f"| {row.title} | {result.noticed} | {result.lost} | {result.normal_s:.1f} |", flush=True)
    return result.lost <= row.lost_allowed


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
