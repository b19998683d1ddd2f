"""The shipped menu in a running centre, for callers who press keys: no operator is there."""

import asyncio
import shutil
from collections.abc import Iterable
from pathlib import Path

from acd.problems import Problems
from acd.secrets import load_secrets
from acd.settings import Settings
from acd.settings_files import load_settings
from ivr.core.menu import Clip
from ivr.core.speech import clip_id
from ivr.dialplan import load_dialplans
from tests.asterisk.centre import FILES, ROOT, SERVICE, Centre
from tests.bench.observer import Manager

MENU, NOTICE = "1414-main.yaml", "notice"
RTP_PORTS = "15000-19999"
LIMITS = 'limits: {max_steps: 60, max_revisits: 3, max_ivr_time: "300s", max_depth: 4}'
LONG = 'limits: {max_steps: 100, max_revisits: 20, max_ivr_time: "1800s", max_depth: 4}'
"""A caller of the measurement stays longer than any citizen would."""
OBSERVER = """
[observer]
secret=@AMI_SECRET@
deny=0.0.0.0/0.0.0.0
permit=127.0.0.0/255.0.0.0
read=user,agi,dtmf
write=originate
"""
"""What Asterisk does for FastAGI, and the keys it hears, with the moments it stamps on both."""
STAND_IN = """
[stand-in]
exten => s,1,Answer(0,i)
 same => n,Wait(3600)
"""


class MenuSite:
    """A centre with the shipped menu, by day whatever the hour; use it with `with`.

    With `stand_ins` its callers may stay as long as they like, and Asterisk can be given channels
    that stand for callers who have no telephone (`tests.bench.lines`): the service looks every
    few seconds which of its calls Asterisk still has.
    """

    def __init__(self, folder: Path, *, stand_ins: bool = False) -> None:
        self.dialplans = folder / "dialplans"
        shutil.copytree(ROOT / "dialplans", self.dialplans)
        if stand_ins:
            _replace(self.dialplans / MENU, LIMITS, LONG)
        service = SERVICE.replace("{first}-{last}", RTP_PORTS)
        holidays = (ROOT / "config" / "holidays.yaml").read_text(encoding="utf-8")
        files = {**FILES, "service.yaml": service, "holidays.yaml": holidays}
        self.centre = Centre(folder, files, self.dialplans)
        self._add("manager.conf", OBSERVER)
        if stand_ins:
            self._add("extensions.conf", STAND_IN)
            silent = self._add("asterisk.conf", "")  # else it would send silence on each of them
            _replace(silent, "transmit_silence=yes", "transmit_silence=no")

    def __enter__(self) -> "MenuSite":
        self.centre.start()
        for schedule in ("night", "holiday"):
            day = self.centre.ask("override", schedule=schedule, state="off", until=None)
            asyncio.run(day)
        return self

    def __exit__(self, *_: object) -> None:
        self.centre.stop()

    def stand_in(self, calls: Iterable[str]) -> None:
        """Channels with these ids, up and idle until the end."""
        port, secret = self.ami
        manager = Manager(port, "observer", secret, events="off")
        for call in calls:
            manager.act(
                {
                    **{"Action": "Originate", "Channel": "Local/s@stand-in/n", "Async": "true"},
                    **{"Application": "Wait", "Data": "3600", "ChannelId": call},
                    "Variable": f"ACD_CALL={call},ACD_STATE=menu",
                }
            )
        manager.close()

    @property
    def pids(self) -> dict[str, int]:
        """The processes whose time counts."""
        return {
            "asterisk": self.centre.child("asterisk"),
            "service": self.centre.child("serve"),
        }

    @property
    def ami(self) -> tuple[int, str]:
        """Port and secret of the manager interface."""
        service = self._settings.service
        return service.listen.ami.port, load_secrets(service.folder, []).ami

    @property
    def agi(self) -> tuple[str, int]:
        """Where the service waits for Asterisk."""
        agi = self._settings.service.listen.agi
        return agi.host, agi.port

    @property
    def unskippable(self) -> list[str]:
        """The names of the files of the sentence that goes on whatever is pressed."""
        plans = load_dialplans([self.dialplans], Problems(), config=self.centre.config)
        (said,) = next(iter(plans.values())).nodes[NOTICE].prompt
        return [clip_id(Clip(language, text)) for language, text in said.texts.items()]

    def _add(self, name: str, text: str) -> Path:
        """A template of its own: the shipped one with this at its end."""
        file = self.centre.config / "asterisk" / name
        file.parent.mkdir(exist_ok=True)
        shipped = (ROOT / "config" / "asterisk" / name).read_text(encoding="utf-8")
        file.write_text(shipped + text, encoding="utf-8")
        return file

    @property
    def _settings(self) -> Settings:
        settings = load_settings(self.centre.config, Problems())
        assert settings is not None
        return settings


def _replace(file: Path, old: str, new: str) -> None:
    text = file.read_text(encoding="utf-8")
    assert text.count(old) == 1, f"{file.name} has no line {old!r} any more"
    file.write_text(text.replace(old, new), encoding="utf-8")
