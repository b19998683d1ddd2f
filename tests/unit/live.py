"""The real service without an Asterisk: its menus by FastAGI, its socket, its records.

The other end of FastAGI is held by the test, command by command, so that a call stands still
wherever the test wants it to.
"""

import asyncio
import json
import os
from contextlib import asynccontextmanager
from pathlib import Path

from acd.problems import Problems
from acd.serve import build
from ivr.core.menu import Clip
from ivr.core.speech import all_clips, clip_id
from ivr.dialplan import load_dialplans
from tests.asterisk.centre import free_ports
from tests.unit.service_peer import lay_out_config
from tests.unit.sounds import speak

MENU = """\
schema: 1
id: main
languages: [kk, ru]
entry: start
schedules: {night: {daily: ["22:00-08:00"]}}
phrases:
  kk:
    option: "{label} үшін {digit_acc} басыңыз"
    noinput: "Үнсіз."
    nomatch: "Жоқ."
    to_operator: "Қосамын."
  ru:
    option: "{label}: нажмите {digit}"
    noinput: "Тишина."
    nomatch: "Не то."
    to_operator: "Соединяю."
globals:
  "0": {goto: operator, label: {kk: "Оператор", ru: "Оператор"}}
  "*": back
  "#": repeat
nodes:
  start:
    type: branch
    when:
      - {if: "caller.language != none", goto: known, set: {language: caller.language}}
    else: language
  language:
    type: language
    options:
      - {key: "1", language: kk, label: "Қазақ тілі"}
      - {key: "2", language: ru, label: "Русский язык"}
    remember: caller.language
    next: known
    on_fail: {set: {language: kk}, goto: known}
  known:
    type: branch
    when:
      - {if: "config.broadcast.active", goto: news}
      - {if: "schedule.night", goto: night}
    else: main
  news: {type: say, prompt: "@broadcast", next: main}
  night: {type: say, prompt: {kk: "Түн.", ru: "Ночь."}, next: main}
  main:
    type: menu
    intro: {kk: "Бас мәзір.", ru: "Главное меню."}
    options:
      - {key: "1", label: {kk: "Хабар", ru: "Сообщение"}, goto: message}
      - {key: "2", label: {kk: "Құтқару", ru: "Спасатели"}, goto: rescue}
      - {key: "3", label: {kk: "Соңы", ru: "Конец"}, goto: bye}
      - {key: "4", label: {kk: "Маман", ru: "Специалист"}, goto: eager}
      - {key: "5", label: {kk: "Қоңырау", ru: "Звонок"}, goto: back}
  back:
    type: callback
    number: caller.number
    confirm_number: false
    next: bye
    on_withheld: message
  message: {type: voicemail, prompt: {kk: "Айтыңыз.", ru: "Говорите."}, max: "60s", next: bye}
  rescue:
    type: transfer
    number: "112"
    prompt: {kk: "Құтқару қызметі.", ru: "Служба спасения."}
    next: bye
    on_busy: busy
    on_noanswer: operator
  busy: {type: say, prompt: {kk: "Бос емес.", ru: "Занято."}, next: operator}
  operator: {type: queue, topic: general, next: bye}
  eager: {type: queue, topic: general, next: bye, on_overflow: sorry}
  sorry: {type: say, prompt: {kk: "Кешіріңіз.", ru: "Извините."}, next: message}
  bye: {type: hangup, prompt: {kk: "Сау болыңыз!", ru: "До свидания!"}}
"""

BROADCASTS = """\
schema: 1
broadcasts:
  storm: {kk: "Дауыл болады.", ru: "Будет шторм."}
"""


class Running:
    """A service with its files in `folder`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.dialplans = folder / "dialplans"
        (self.dialplans / "tables").mkdir(parents=True)
        ami, agi = free_ports(2)
        self.agi = agi
        self.config = lay_out_config(folder, ami=ami, agi=agi)
        service = self.config / "service.yaml"
        text = service.read_text() + 'menu: main\ntransfers: {"112": "sip:112@127.0.0.9"}\n'
        service.write_text(text)
        (self.dialplans / "tables" / "broadcasts.yaml").write_text(BROADCASTS)
        self.clips: set[Clip] = set()
        self.write(MENU)
        self.speak(Clip("kk", "Дауыл болады."), Clip("ru", "Будет шторм."))
        self.service = None
        self.calls = 0

    @property
    def var(self) -> Path:
        return self.service.settings.service.folder

    def write(self, text: str) -> None:
        """The menu's file, and audio for all it says."""
        (self.dialplans / "main.yaml").write_text(text, encoding="utf-8")
        plans = load_dialplans([self.dialplans], Problems())
        for plan in plans.values():
            self.speak(*all_clips(plan))

    def speak(self, *clips: Clip) -> None:
        """Audio for sentences."""
        speak(self.dialplans / "prompts", set(clips) - self.clips)
        self.clips |= set(clips)

    async def ask(self, do: str, **more):
        """The answer to a request, as it is."""
        path = str(self.service.settings.service.listen.socket)
        reader, writer = await asyncio.open_unix_connection(path, limit=1 << 24)
        writer.write(json.dumps({"do": do, **more}).encode() + b"\n")
        answer = json.loads(await reader.readline())
        writer.close()
        return answer

    async def fine(self, do: str, **more):
        """The data of a request that is served."""
        answer = await self.ask(do, **more)
        assert answer["ok"], answer
        return answer["data"]

    async def alerts(self) -> list[str]:
        """What the monitor shows."""
        return [row["what"] for row in (await self.fine("monitor"))["alerts"]]

    async def call(self, number: str = "77010001122") -> "Line":
        """A citizen's call, in the menu."""
        self.calls += 1
        line = Line(self, f"n1-1795376382.{self.calls}", number)
        await line.connect("ivr", number)
        return line

    def texts(self) -> dict[str, str]:
        """Every sentence by the name of its file."""
        return {clip_id(clip): clip.text for clip in self.clips}


class Line:
    """One call; the test answers the commands that take time."""

    def __init__(self, running: Running, id_: str, number: str) -> None:
        self.running, self.id, self.number = running, id_, number
        self.variables: dict[str, str] = {}
        self._reader = self._writer = None

    async def connect(self, route: str, *arguments: str) -> None:
        """Asterisk's dialplan comes to an AGI() line."""
        self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self.running.agi)
        lines = [f"agi_network_script: {route}", "agi_channel: PJSIP/trunk-1"]
        lines += [f"agi_uniqueid: {self.id}"]
        lines += [f"agi_arg_{number}: {each}" for number, each in enumerate(arguments, 1)]
        self._writer.write("".join(f"{line}\n" for line in lines).encode() + b"\n")

    async def next(self) -> str | None:
        """The next command that takes time; None when the service gives the call back."""
        async with asyncio.timeout(10):
            while raw := await self._reader.readline():
                command = raw.decode().rstrip("\n")
                if command.startswith("SET VARIABLE"):
                    _, _, name, value = command.split(" ", 3)
                    self.variables[name] = value.strip('"')
                    self.reply("200 result=1")
                elif command.startswith("EXEC MSet"):
                    pairs = command.split(" ", 2)[2].strip('"').split(",")
                    self.variables |= dict(pair.split("=", 1) for pair in pairs)
                    self.reply("200 result=0")
                elif command.startswith("GET VARIABLE"):
                    value = self.variables.get(command.split()[2])
                    self.reply(f"200 result=1 ({value})" if value else "200 result=0")
                else:
                    return command
        self._writer.close()
        return None

    def reply(self, line: str) -> None:
        self._writer.write(line.encode() + b"\n")

    async def plays(self, *texts: str, key: str | None = None) -> None:
        """The service plays these sentences and silences between; `key` stops the last."""
        for number, text in enumerate(texts):
            command = await self.next()
            while command is not None and command.startswith("WAIT FOR DIGIT"):
                self.reply("200 result=0")
                command = await self.next()
            assert command is not None, f"the call was given back before {text!r}"
            assert text_of(self.running, command) == text, command
            is_last = number == len(texts) - 1
            code = ord(key) if is_last and key else 0
            self.reply(f"200 result={code} endpos=8000")

    async def press(self, key: str) -> None:
        """In answer to whatever takes time now."""
        command = await self.next()
        assert command is not None
        self.reply(f"200 result={ord(key)} endpos=800")

    async def is_given_back(self, done: str) -> None:
        """The menu is over."""
        assert await self.next() is None
        assert self.variables["IVR_DONE"] == done

    async def hang_up(self) -> None:
        """In the middle of a command."""
        self._writer.write(b"HANGUP\n")
        self._writer.close()
        await self._writer.wait_closed()

    async def story(self) -> list[dict]:
        return (await self.running.fine("call", call=self.id))["timeline"]


def text_of(running: Running, command: str) -> str:
    """The sentence of a STREAM FILE command, from its file's name."""
    assert command.startswith("STREAM FILE"), command
    stem = Path(command.split(" ")[2].strip('"')).name
    return running.texts()[stem] if stem != "beep" else "beep"


def built(config: Path, dialplans: Path):
    """The service, not begun; the umask it sets for its files is taken back."""
    umask = os.umask(0o022)
    try:
        return build(config, dialplans, 0)
    finally:
        os.umask(umask)


@asynccontextmanager
async def running_service(folder: Path):
    """The service, up."""
    running = Running(folder)
    made = built(running.config, running.dialplans)
    assert made is not None
    running.service = made
    stop, up = asyncio.Event(), asyncio.Event()
    task = asyncio.get_running_loop().create_task(made.run(stop, up.set), name="service")
    try:
        async with asyncio.timeout(20):
            waiting = asyncio.get_running_loop().create_task(up.wait(), name="up")
            await asyncio.wait([task, waiting], return_when=asyncio.FIRST_COMPLETED)
        yield running
    finally:
        stop.set()
        await task
