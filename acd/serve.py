"""`acd serve`: reads the settings, opens the records, runs the service until it is told to stop."""

import asyncio
import gc
import logging
import os
import signal
import sys
from pathlib import Path

import uvloop

from acd.clock import service_clock
from acd.load import Origin, load
from acd.places import LEFT_ON_PURPOSE
from acd.problems import Problems
from acd.secrets import SecretsError, load_secrets
from acd.service import Service
from acd.store import Store, StoreError

log = logging.getLogger(__name__)

SWITCH_S = 0.0005
"""How long the thread that writes records may keep the decision loop waiting; Python's own 5 ms
are a third of the way from the menu to an operator's voice."""


def build(config: Path, dialplans: Path, port_offset: int) -> Service | None:
    """A service ready to run, or None after saying on stderr why not."""
    problems = Problems()
    loaded = load(config, dialplans, problems, port_offset)
    if problems.sorted():
        print(problems.render(), file=sys.stderr)
    if loaded is None:
        print("acd: nothing was started; mend the errors above", file=sys.stderr)
        return None
    os.umask(0o077)  # records and logs hold the numbers of callers
    folder = loaded.settings.service.folder
    clock = service_clock()
    alert = _StoreAlert()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        secrets = load_secrets(folder, loaded.settings.operators)
        store = Store.open(loaded.settings.service.database, alert, journal=folder / "journal")
    except (OSError, SecretsError, StoreError) as error:
        print(f"acd: {error}", file=sys.stderr)
        return None
    origin = Origin(config, dialplans, port_offset)
    return Service(origin, loaded, store, clock, secrets)


class _StoreAlert:
    """Told by the store's thread when the database fails and when it is back."""

    def __call__(self, trouble: str | None) -> None:
        if trouble is None:
            log.warning("the database works again")
        else:
            log.error("database: %s", trouble)


def serve(config: Path, dialplans: Path, port_offset: int) -> int:
    """Run the service until SIGTERM, SIGINT or `acd drain`; SIGHUP reloads.

    Returns 0, 1 when it could not start or broke, LEFT_ON_PURPOSE when it was drained.
    """
    logging.basicConfig(
        level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    service = build(config, dialplans, port_offset)
    if service is None:
        return 1
    sys.setswitchinterval(SWITCH_S)
    gc.collect()
    gc.freeze()
    return uvloop.run(_serve(service))


async def _serve(service: Service) -> int:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    loop.add_signal_handler(signal.SIGHUP, service.reloads.soon)
    try:
        await service.run(stop, lambda: print("acd: the service is up", flush=True))
    except OSError as error:
        listen = service.settings.service.listen
        print(
            f"acd: cannot listen at {listen.agi} or {listen.socket} ({error.strerror or error}); "
            "stop the other copy, or choose other ports in service.yaml",
            file=sys.stderr,
        )
        return 1
    was_drained = service.takeover.drained.is_set() and not service.takeover.wants_restart
    return LEFT_ON_PURPOSE if was_drained else 0
