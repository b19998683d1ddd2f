"""Looks at everything the system stands on, and says of each trouble what to do about it.

Every check is made on its own: what is missing for one does not hide the others. Nothing is
changed on the machine, and no check takes longer than a few seconds.
"""

import os
import re
import shutil
import socket
import sqlite3
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from acd.ami import Ami, AmiError
from acd.asterisk_fetch import AsteriskUnavailableError
from acd.asterisk_install import find_asterisk
from acd.client import NotRunningError, ServiceError, ask, shown
from acd.clock import wall_seconds
from acd.core.names import QueueId
from acd.dialler import USER as CALLBACK_USER
from acd.messages import BYTES_PER_MS
from acd.problems import Problems
from acd.recording_files import recordings_folder, trouble_with
from acd.recording_seal import SealError, load_key
from acd.secrets import FILE as SECRETS_FILE
from acd.secrets import SecretsError, load_secrets
from acd.settings import Address, Recording, Settings
from acd.settings_files import load_settings

FREE_BYTES_MIN = 500_000_000
RECORDED_HOURS_MIN = 100
"""Conversations of twenty operators for a shift."""
HOST_NAME_S = 1.0
PORT_S = 3.0
ALMATY = ("Asia/Almaty", timedelta(hours=5))
"""Kazakhstan has had one time, UTC+5, since 1 March 2024; older zone data is an hour off."""


@dataclass(frozen=True, slots=True)
class Check:
    """One thing looked at. `remedy` is None when it is fine."""

    name: str
    ok: bool
    detail: str
    remedy: str | None = None

    def as_json(self) -> dict[str, Any]:
        """The keys that `acd doctor --json` promises."""
        return {"name": self.name, "ok": self.ok, "detail": self.detail, "remedy": self.remedy}


@dataclass(slots=True)
class Report:
    """All that was looked at. Addresses are None when the settings cannot be read."""

    checks: list[Check] = field(default_factory=list)
    number: str | None = None
    sip: str | None = None
    ami: str | None = None
    agi: str | None = None
    database: str | None = None
    asterisk: str | None = None

    @property
    def is_fine(self) -> bool:
        """Whether every check passed."""
        return all(check.ok for check in self.checks)

    def as_json(self) -> dict[str, Any]:
        """The document of `acd doctor --json`."""
        return {
            "ok": self.is_fine,
            "checks": [check.as_json() for check in self.checks],
            "sip": self.sip,
            "ami": self.ami,
            "agi": self.agi,
            "database": self.database,
            "asterisk": self.asterisk,
        }


def examine(config: Path, dialplans: Path, port_offset: int) -> Report:
    """Look at everything once."""
    problems = Problems()
    settings = load_settings(config, problems, port_offset=port_offset)
    report = Report()
    report.checks.append(_settings(config, problems, settings))
    report.checks.append(_asterisk_program(report))
    if settings is not None:
        service = settings.service
        report.number = service.number
        report.database = without_password(service.database)
        report.checks += _running_system(settings, report)
        report.checks.append(_menus(config, dialplans, port_offset))
        report.checks += [_database(service.database), _disk(service.folder)]
        report.checks.append(_secrets(service.folder))
        if settings.recording:
            report.checks.append(_recordings(service.folder, settings.recording))
    report.checks += [_time_zone(settings), _host_name(socket.gethostname())]
    return report


def without_password(url: str) -> str:
    """A database URL fit to be shown."""
    return re.sub(r"(://[^/:@]+):[^@]*@", r"\1:***@", url)


def version_in(text: str | None) -> str | None:
    """`22.10.1` out of what Asterisk says of itself."""
    match = re.search(r"\d+(?:\.\d+)+", text or "")
    return match[0] if match else None


# What is on the disk


def _settings(config: Path, problems: Problems, settings: Settings | None) -> Check:
    if settings is None:
        first = problems.sorted()[0].message if problems.error_count else "unknown"
        detail = f"{shown(config)}: errors: {problems.error_count}, the first: {first}"
        return Check("settings", False, detail, f"run `acd check {shown(config)}` and mend each")
    return Check("settings", True, f"{shown(config)}: {len(settings.operators)} operators")


def _asterisk_program(report: Report) -> Check:
    remedy = "run `make setup`, which fetches one for this user"
    try:
        asterisk = find_asterisk()
    except AsteriskUnavailableError as error:
        return Check("asterisk", False, str(error), remedy)
    if asterisk is None:
        return Check("asterisk", False, "no Asterisk of version 20 or newer is here", remedy)
    report.asterisk = version_in(asterisk.version_text)
    return Check("asterisk", True, f"{report.asterisk} in {asterisk.root or asterisk.argv[0]}")


def _menus(config: Path, dialplans: Path, port_offset: int) -> Check:
    from acd.load import load

    name = "menus, prompts"
    problems = Problems()
    loaded = load(config, dialplans, problems, port_offset)
    if loaded is None:
        first = problems.sorted()[0].message if problems.error_count else "unknown"
        return Check(
            name,
            False,
            f"{shown(dialplans)}: errors: {problems.error_count}, the first: {first}",
            f"run `ivr check --prompts {shown(dialplans)}` and mend each; lacking audio is made "
            "by `ivr prompts build`",
        )
    if loaded.missing:
        detail = f"{len(loaded.missing)} prompts are missing, the first: {loaded.missing[0]}"
        return Check(name, False, detail, "run `ivr prompts build`, then `acd reload`")
    return Check(name, True, f"menu {loaded.menu.id}, its audio is complete")


def _database(url: str) -> Check:
    from acd.store import Records, StoreError

    path = Path(url.removeprefix("sqlite:///")) if url.startswith("sqlite:///") else None
    if path is not None and not path.exists():
        folder = next(parent for parent in path.parents if parent.exists())
        if not os.access(folder, os.W_OK):
            detail = f"{shown(folder)} cannot be written by this user"
            return Check("database", False, detail, f"make {shown(folder)} yours")
        return Check("database", True, f"{shown(path)} is made at the first start")
    try:
        if path is not None:
            _take_write_lock(path)
        Records.open(url).close()
    except (StoreError, sqlite3.Error) as error:
        problem, semicolon, remedy = without_password(str(error)).rpartition("; ")
        if not semicolon:
            problem, remedy = f"{shown(path) if path else url}: {error}", ""
        fallback = "make the file writable for this user, or restore it from a copy"
        return Check("database", False, problem, remedy or fallback)
    return Check("database", True, f"{shown(path) if path else without_password(url)} can be used")


def _take_write_lock(path: Path) -> None:
    """Prove that the file can be written, without writing."""
    connection = sqlite3.connect(f"{path.resolve().as_uri()}?mode=rw", uri=True, timeout=2.0)
    try:
        connection.execute("BEGIN IMMEDIATE")
        connection.rollback()
    finally:
        connection.close()


def _disk(folder: Path) -> Check:
    there = next(path for path in (folder, *folder.parents) if path.exists())
    free = shutil.disk_usage(there).free
    detail = f"{free // 1_000_000} MB free for {shown(folder)}"
    if free < FREE_BYTES_MIN:
        remedy = f"free at least {FREE_BYTES_MIN // 1_000_000} MB, or set 'folder' in service.yaml"
        return Check("disk", False, detail, remedy)
    return Check("disk", True, detail)


def _secrets(folder: Path) -> Check:
    path = folder / SECRETS_FILE
    if not path.exists():
        return Check("secrets", True, f"{shown(path)} is made at the first start")
    if folder.stat().st_mode & 0o002:
        detail = f"{shown(folder)} can be written by everybody"
        return Check("secrets", False, detail, f"run: chmod o-w {shown(folder)}")
    try:
        load_secrets(folder, ())
    except SecretsError as error:
        problem, _, remedy = str(error).partition("; ")
        return Check("secrets", False, problem, remedy or "make the file yours, with mode 0600")
    return Check("secrets", True, f"{shown(path)} is readable by its owner only")


def _recordings(folder: Path, rules: Mapping[QueueId, Recording]) -> Check:
    """The folder of recorded conversations, its room, and the key they are encrypted with."""
    name, recordings = "recordings", recordings_folder(folder)
    trouble = trouble_with(recordings)
    if trouble is not None:
        remedy = "make it a folder that the service's user can write; calls go on unrecorded"
        return Check(name, False, trouble, remedy)
    try:
        key = load_key(folder, os.environ)
    except SealError as error:
        problem, _, remedy = str(error).partition("; ")
        return Check(name, False, f"recordings stay unencrypted: {problem}", remedy)
    there = next(path for path in (recordings, *recordings.parents) if path.exists())
    free = shutil.disk_usage(there).free
    hours = free // (BYTES_PER_MS * 3_600_000)
    told = f"{len(rules)} queues record; room for {hours} hours in {shown(recordings)}"
    if hours < RECORDED_HOURS_MIN:
        remedy = "free some room, or shorten 'keep:' in queues.yaml"
        return Check(name, False, told, remedy)
    return Check(name, True, f"{told}, {'encrypted' if key else 'not encrypted: there is no key'}")


# What runs


def _running_system(settings: Settings, report: Report) -> list[Check]:
    """A running service tells its own addresses: it may have been started with a port offset."""
    listen = settings.service.listen
    status: dict[str, Any] | None = None
    try:
        answer = ask(listen.socket, {"do": "status"})
        if not isinstance(answer, dict):
            raise ServiceError("the service's status is not understood; restart the service")
        status, service = answer, _service(answer)
    except ServiceError as error:
        problem, _, remedy = str(error).rpartition("; ")
        is_away = isinstance(error, NotRunningError)
        remedy = "start it with `make run`" if is_away else remedy
        service = Check("service", False, problem or str(error), remedy)
    sip, ami_at, agi = (
        _told(status, name, address)
        for name, address in (("sip", listen.sip), ("ami", listen.ami), ("agi", listen.agi))
    )
    report.sip, report.ami, report.agi = str(sip), str(ami_at), str(agi)
    ami = _ami(settings.service.folder, ami_at, report)
    checks = [service, ami, _agi(agi, is_running=status is not None)]
    if ami.ok and settings.service.callbacks.numbers:
        checks.append(_callbacks(settings.service.folder, ami_at))
    if status is not None and status.get("database_error"):
        detail = f"the service cannot write its records: {status['database_error']}"
        checks.append(Check("records", False, detail, "mend the database; calls go on meanwhile"))
    checks.append(_sip_port(sip, is_ours=ami.ok))
    return checks


def _told(status: dict[str, Any] | None, name: str, configured: Address) -> Address:
    """The address in the service's status, else the one in the settings."""
    host, _, port = str((status or {}).get(name)).rpartition(":")
    return Address(host, int(port)) if host and port.isdecimal() else configured


def _service(status: dict[str, Any]) -> Check:
    started = status.get("started_at")
    since = f" since {started}" if isinstance(started, str) else ""
    if not status.get("ami_up"):
        detail = f"running{since}, without a link to Asterisk"
        return Check("service", False, detail, "see 'ami' below; Asterisk itself takes the calls")
    return Check("service", True, f"running{since}")


def _ami(folder: Path, address: Address, report: Report) -> Check:
    import asyncio

    if not (folder / SECRETS_FILE).exists():
        remedy = "start the system with `make run`"
        return Check("ami", False, f"nothing has been started from {shown(folder)} yet", remedy)
    try:
        secret = load_secrets(folder, ()).ami
        version = asyncio.run(_asterisk_version(address, secret))
    except SecretsError as error:
        return Check("ami", False, str(error), "see 'secrets' below")
    except AmiError as error:
        refused = "refused the login" in str(error)
        remedy = (
            f"another Asterisk or an older start answers at {address}; stop it, or choose another "
            "port in service.yaml"
            if refused
            else "start Asterisk and the service with `make run`"
        )
        return Check("ami", False, str(error), remedy)
    report.asterisk = version or report.asterisk
    return Check("ami", True, f"Asterisk {version} at {address} accepts our login")


def _callbacks(folder: Path, address: Address) -> Check:
    """The login that calls citizens back; a refused one would be noticed by them alone."""
    import asyncio

    async def log_in() -> None:
        secret = load_secrets(folder, ()).ami_callback
        ami = await Ami.connect(address.host, address.port, CALLBACK_USER, secret, lambda _: None)
        await ami.close()

    try:
        asyncio.run(log_in())
    except (AmiError, SecretsError) as error:
        remedy = "stop everything and start it again with `make run`: it writes the login anew"
        return Check("callbacks", False, f"citizens cannot be called back: {error}", remedy)
    return Check("callbacks", True, "Asterisk accepts the login that calls citizens back")


async def _asterisk_version(address: Address, secret: str) -> str | None:
    ami = await Ami.connect(address.host, address.port, "acd", secret, lambda _: None)
    try:
        return version_in((await ami.action("CoreSettings")).get("AsteriskVersion"))
    finally:
        await ami.close()


def _agi(address: Address, *, is_running: bool) -> Check:
    try:
        socket.create_connection((address.host, address.port), timeout=PORT_S).close()
    except OSError as error:
        detail = f"nothing answers at {address} ({error.strerror or error})"
        remedy = "restart the service" if is_running else "start the service with `make run`"
        return Check("agi", False, detail, remedy)
    if not is_running:
        remedy = f"stop what listens at {address}, or choose another port in service.yaml"
        return Check("agi", False, f"another program listens at {address}", remedy)
    return Check("agi", True, f"{address} answers")


def _sip_port(address: Address, *, is_ours: bool) -> Check:
    """Whether the port is there for us. Our own Asterisk holds it while its AMI knows us."""
    probe = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        probe.bind((address.host, address.port))
    except PermissionError:
        remedy = "choose a port of 1024 or more in service.yaml"
        return Check("sip port", False, f"this user may not listen at {address}", remedy)
    except OSError as error:
        if is_ours:
            return Check("sip port", True, f"our Asterisk listens at {address}")
        detail = f"{address} cannot be had ({error.strerror or error})"
        remedy = (
            "stop the program that has it (`ss -lunp` names it), or choose another in service.yaml"
        )
        return Check("sip port", False, detail, remedy)
    finally:
        probe.close()
    if is_ours:
        remedy = "read Asterisk's log in the service's folder, then restart with `make run`"
        return Check("sip port", False, f"Asterisk runs but does not listen at {address}", remedy)
    return Check("sip port", True, f"{address} is free")


# What the machine gives


def _time_zone(settings: Settings | None) -> Check:
    name, expected = ALMATY
    try:
        offset = datetime.fromtimestamp(wall_seconds(), UTC).astimezone(ZoneInfo(name)).utcoffset()
    except ZoneInfoNotFoundError:
        return Check("time zone", False, f"{name} is unknown here", "install the package tzdata")
    used = settings.service.timezone if settings is not None else name
    if offset != expected:
        detail = f"{name} is {offset} off UTC here and should be {expected}"
        return Check("time zone", False, detail, "update the package tzdata, then restart")
    return Check("time zone", True, f"{name} is UTC+5; the service works in {used}")


def _host_name(name: str) -> Check:
    """Asterisk looks its own name up at every call; a slow answer holds the call up."""
    answer: list[str | None] = []

    def look_up() -> None:
        try:
            socket.getaddrinfo(name, None)
            answer.append(None)
        except OSError as error:
            answer.append(error.strerror or str(error))

    thread = threading.Thread(target=look_up, name="host name", daemon=True)
    thread.start()
    thread.join(HOST_NAME_S)
    if answer == [None]:
        return Check("host name", True, f"{name} resolves at once")
    why = answer[0] if answer else f"no answer within {HOST_NAME_S:g} s"
    remedy = f"add the line '127.0.1.1 {name}' to /etc/hosts; until then calls are slow to set up"
    return Check("host name", False, f"{name} does not resolve ({why})", remedy)
