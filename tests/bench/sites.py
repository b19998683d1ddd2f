"""The two systems: 1414 as `make run` starts it, and the same Asterisk with app_queue instead.

Same binary, modules, trunk, phones and music. A phone is a fixed address instead of a registered
one, and is not asked whether it lives: that would only blur both alike.
"""

import asyncio
import re
from abc import ABC, abstractmethod
from pathlib import Path

from acd.asterisk_install import ensure_asterisk
from acd.load import Loaded, load
from acd.problems import Problems
from acd.provision import provision
from acd.run import Child, Stopper, start_asterisk, wait_for_asterisk
from acd.secrets import load_secrets
from tests.asterisk.centre import ROOT, Centre, free_ports
from tests.bench.figures import OURS, THEIRS
from tests.bench.observer import Manager

FILES = Path(__file__).parent / "files"
OBSERVER = """
[observer]
secret=@AMI_SECRET@
deny=0.0.0.0/0.0.0.0
permit=127.0.0.0/255.0.0.0
read=call,user,system,agent
"""
"""The login of whoever measures: all events, where the service's own leaves some out."""
FILTER = re.compile(r"^eventfilter\(action\(exclude\),name\((\w+)\)\)", re.MULTILINE)
NUMBER, TUNED_NUMBER = "1414", "1415"
RTP_PORTS = {OURS: "15000-17499", THEIRS: "17500-19999"}

SKILLS = 'schema: 1\ntopics: {general: {queue: general, name: {ru: "Нагрузка"}}}\n'
QUEUES = """\
schema: 1
queues:
  general: {ring: 15s, wrap_up: 0s, ladder: [{at: 30s, do: widen, language: 1, topic: 0}]}
"""
SHIFTS = """\
schema: 1
shifts: {A: {days: [mon, tue, wed, thu, fri, sat, sun], hours: "00:00-23:59"}}
"""


class Site(ABC):
    """One of the two, not started. `phones` is the port at which the operators' sipp answers.

    `pids` are the processes whose time counts, once it runs.
    """

    name = ""

    def __init__(self, folder: Path, operators: list[str]) -> None:
        self.phones = free_ports(1)[0]
        self.pids: dict[str, int] = {}
        dialplans = folder / "dialplans"
        dialplans.mkdir(parents=True)
        (dialplans / "bench.yaml").write_text(_read("menu.yaml"), encoding="utf-8")
        self.centre = Centre(folder, _settings(self.name, operators), dialplans)
        self.override("pjsip.conf", _with_fixed_phones(self.phones))
        self.override("manager.conf", _shipped("manager.conf") + OBSERVER)
        self.loaded = _load(self.centre.config, dialplans)

    def override(self, name: str, text: str) -> None:
        """Put a template of its own in the place of a shipped one."""
        folder = self.centre.config / "asterisk"
        folder.mkdir(exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")

    @abstractmethod
    def start(self) -> None:
        """Until calls can come."""

    @abstractmethod
    def stop(self) -> None:
        """Nothing of it runs afterwards."""

    @abstractmethod
    def log_in(self, operators: list[str]) -> None:
        """Make these operators ready, and nobody else."""

    @property
    def ami(self) -> tuple[int, str]:
        """Port and secret of the manager interface."""
        service = self.loaded.settings.service
        return service.listen.ami.port, load_secrets(service.folder, []).ami

    def hears(self, event: str) -> bool:
        """Whether whoever routes the calls is sent this event; without a filter, all of them."""
        return True

    def hang_up_all(self) -> None:
        """After a load that was too much."""
        self.centre.asterisk("channel request hangup all")


class Ours(Site):
    """1414: Asterisk and the service."""

    name = OURS

    def start(self) -> None:
        """As `make run` does it."""
        self.centre.start()
        self.pids = {
            "asterisk": self.centre.child("asterisk"),
            "service": self.centre.child("serve"),
        }

    def stop(self) -> None:
        """As Ctrl-C does it."""
        self.centre.stop()

    def log_in(self, operators: list[str]) -> None:
        """Over the service's socket, as `acd operator` does it."""
        asyncio.run(self._log_in(operators))

    def hears(self, event: str) -> bool:
        """The service's login leaves out what it does not need."""
        return event not in FILTER.findall(_shipped("manager.conf"))

    async def _log_in(self, operators: list[str]) -> None:
        for row in await self.centre.ask("operators"):
            operator = row["operator"]
            if operator in operators:
                await self.centre.until("operators", "operator", operator, phone="free")
                await self.centre.ask("operator", action="ready", operator=operator)
            elif row["state"] != "offline":
                await self.centre.ask("operator", action="logout", operator=operator)


class Theirs(Site):
    """app_queue: an Asterisk that needs nobody else."""

    name = THEIRS

    def __init__(self, folder: Path, operators: list[str]) -> None:
        super().__init__(folder, operators)
        self.override("extensions.conf", _read("extensions-app_queue.conf"))
        self.override("queues.conf", _read("queues-app_queue.conf"))
        self._asterisk: Child | None = None
        self._logged_in: list[str] = []

    def start(self) -> None:
        """The same Asterisk with the same templates but two."""
        settings = self.loaded.settings
        secrets = load_secrets(settings.service.folder, settings.operators)
        binary = ensure_asterisk()
        folders = provision(settings, secrets, binary, self.loaded.music)
        self._asterisk = start_asterisk(binary, folders)
        wait_for_asterisk(binary, folders, self._asterisk, Stopper())
        self.pids = {"asterisk": self._asterisk.pid}

    def stop(self) -> None:
        """By its process id."""
        if self._asterisk is not None:
            self._asterisk.terminate()
            self._asterisk.wait(20)

    def log_in(self, operators: list[str]) -> None:
        """As dynamic members of the queue."""
        port, secret = self.ami
        manager = Manager(port, "acd", secret, events="off")
        for operator in self._logged_in:
            _queue(manager, "QueueRemove", operator)
        for operator in operators:
            _queue(manager, "QueueAdd", operator)
        self._logged_in = operators
        manager.close()


def _queue(manager: Manager, action: str, operator: str) -> None:
    manager.act({"Action": action, "Queue": "bench", "Interface": f"PJSIP/{operator}"})


def _settings(name: str, operators: list[str]) -> dict[str, str]:
    line = "  {}: {{shift: A, languages: {{ru: 5}}, topics: {{general: 5}}}}\n"
    return {
        "service.yaml": _read("service.yaml").replace("RTP_PORTS", RTP_PORTS[name]),
        "skills.yaml": SKILLS,
        "queues.yaml": QUEUES,
        "shifts.yaml": SHIFTS,
        "operators.yaml": "schema: 1\noperators:\n" + "".join(map(line.format, operators)),
    }


def _with_fixed_phones(port: int) -> str:
    """The shipped template, every phone at one address and not asked whether it lives."""
    text = _shipped("pjsip.conf")
    for old, new in (
        ("max_contacts=1", f"max_contacts=1\ncontact=sip:operator@127.0.0.1:{port}"),
        ("qualify_frequency=15", "qualify_frequency=0"),
    ):
        assert text.count(old) == 1, f"pjsip.conf has no {old} any more"
        text = text.replace(old, new)
    return text


def _shipped(name: str) -> str:
    return (ROOT / "config" / "asterisk" / name).read_text(encoding="utf-8")


def _load(config: Path, dialplans: Path) -> Loaded:
    problems = Problems()
    loaded = load(config, dialplans, problems)
    assert loaded is not None, problems.render()
    return loaded


def _read(name: str) -> str:
    return (FILES / name).read_text(encoding="utf-8")
