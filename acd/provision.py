"""Writes Asterisk's configuration from the templates in `config/asterisk/` and the settings.

A template word `@NAME@` is replaced; an unknown one is an error, so that a slip in a template is
seen at start and not by a caller. Files with secrets are readable by their owner only.
"""

import contextlib
import math
import os
import re
import wave
from array import array
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from acd.asterisk_install import AsteriskBinary
from acd.call_log import FILE as CALLS
from acd.core.names import OperatorId
from acd.messages import LEAST_MS, SOUND_HZ, messages_folder
from acd.recording_files import recordings_folder
from acd.secrets import Secrets, write_private
from acd.settings import IN_CALL, Settings
from acd.settings_files import SHIPPED
from ivr.wav import CLIP_SUFFIX

NODE = "n1"
"""The name of this Asterisk in call ids; each further node gets its own."""

EMPTY = (
    "acl", "ccss", "cel", "cli", "cli_aliases", "cli_permissions", "codecs", "dnsmgr",
    "dsp", "extconfig", "http", "indications", "pjproject", "udptl",
    "enum", "sorcery", "res_parking", "phoneprov", "iax", "taskpool",
)  # fmt: skip
"""Optional files: without them Asterisk logs an error each."""

SOCKET_PATH_MAX = 100
"""Unix socket paths end at 107 bytes; the control socket adds its name."""

PHRASES = (
    *("fallback_wait", "nobody_logged_in", "all_busy_message", "message_taken", "goodbye"),
    *("op_not_now", "callback_greeting", "recording_notice"),
)
"""What Asterisk says by itself, when there is no service to ask for a file."""

CALLS_BYTES_MAX = 20_000_000
"""Some five days of 15,000 calls; a service that was away needs the last hours."""

TRANSFER_RING_S = 30

BEEP_HZ, BEEP_MS, BEEP_LEVEL = 1000, 400, 6000


class ProvisionError(Exception):
    """The configuration cannot be written; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class AsteriskFolders:
    """Where one Asterisk keeps its things, all under the service's own folder."""

    base: Path

    @property
    def etc(self) -> Path:
        """The generated configuration."""
        return self.base / "etc"

    @property
    def run(self) -> Path:
        """The control socket."""
        return self.base / "run"

    @property
    def log(self) -> Path:
        """Asterisk's own log."""
        return self.base / "log"

    @property
    def sounds(self) -> Path:
        """Where Asterisk looks for sounds named without a path, in a folder per language."""
        return self.base / "lib" / "sounds"

    @property
    def config(self) -> Path:
        """What `asterisk -C` is given."""
        return self.etc / "asterisk.conf"


def provision(
    settings: Settings, secrets: Secrets, asterisk: AsteriskBinary, music: Path
) -> AsteriskFolders:
    """Write everything Asterisk needs to start. Raises ProvisionError or OSError."""
    folders = AsteriskFolders(settings.service.folder / "asterisk")
    if len(str(folders.run)) + len("/asterisk.ctl") > SOCKET_PATH_MAX:
        raise ProvisionError(
            f"the path {folders.run} is too long for a control socket; set 'folder' in "
            "service.yaml to a shorter one"
        )
    messages = messages_folder(settings.service.folder)
    needed = [folders.etc, folders.run, folders.log, folders.base / "spool", folders.sounds]
    for folder in (*needed, messages):
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    _link(folders.sounds / "messages", messages.resolve())
    recordings = recordings_folder(settings.service.folder)
    with contextlib.suppress(OSError):  # a disk that refuses it stops recordings, never calls
        recordings.mkdir(parents=True, exist_ok=True, mode=0o700)
    _link(folders.base / "spool" / "monitor", recordings.resolve())
    _link(_lib(folders) / "documentation", asterisk.documentation)
    words = _words(settings, secrets, asterisk, folders, music)
    for template in _templates(settings.folder):
        write_private(folders.etc / template.name, _fill(template, words))
    for name in EMPTY:
        path = folders.etc / f"{name}.conf"
        if not path.exists():
            path.write_text("; nothing is needed here\n", encoding="utf-8")
    return folders


def lay_out_sounds(
    folders: AsteriskFolders,
    languages: Iterable[str],
    find: Callable[[str, str], str | None],
) -> None:
    """Give Asterisk its own copies of what it says by itself; OSError when it cannot be written.

    Copies, since a build of prompts may remove the file that a link would lead to. A file is
    replaced whole, so this may be done again while calls go on: after a reload of the phrases.

    Args:
        folders: where this Asterisk keeps its things.
        languages: those that callers may choose.
        find: (language, phrase) -> the audio's path without its ending, None when there is none.
    """
    for language in languages:
        for phrase in PHRASES:
            path, to = find(language, phrase), folders.sounds / language / "acd" / phrase
            to.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            if path is not None:
                sound = Path(path + CLIP_SUFFIX).read_bytes()
                _replace(to.with_suffix(CLIP_SUFFIX), sound)
                to.with_suffix(".wav").unlink(missing_ok=True)  # of an earlier version
    beep = folders.sounds / "acd" / "beep.wav"
    beep.parent.mkdir(exist_ok=True, mode=0o700)
    if not beep.exists():
        _write_beep(beep)


def set_calls_aside(folders: AsteriskFolders) -> None:
    """Begin a new log of calls when the old one has grown large. Only while Asterisk is down."""
    calls = folders.log / CALLS
    if calls.exists() and calls.stat().st_size > CALLS_BYTES_MAX:
        calls.replace(calls.with_name(f"{CALLS}.1"))


def _replace(path: Path, data: bytes) -> None:
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        unfinished.write_bytes(data)
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


def _write_beep(path: Path) -> None:
    count = SOUND_HZ * BEEP_MS // 1000
    turn = 2 * math.pi * BEEP_HZ / SOUND_HZ
    samples = array("h", (round(BEEP_LEVEL * math.sin(turn * n)) for n in range(count)))
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(SOUND_HZ)
        file.writeframes(samples.tobytes())


def _templates(config: Path) -> list[Path]:
    """The shipped templates, each replaced by the config folder's own when it has one."""
    found = {path.name: path for path in sorted((SHIPPED / "asterisk").glob("*.conf"))}
    found |= {path.name: path for path in sorted((config / "asterisk").glob("*.conf"))}
    if not found:
        raise ProvisionError(f"no templates in {config / 'asterisk'}; restore the shipped files")
    return list(found.values())


def _lib(folders: AsteriskFolders) -> Path:
    return folders.base / "lib"


def _link(link: Path, target: Path) -> None:
    if link.is_symlink() and link.readlink() == target:
        return
    link.unlink(missing_ok=True)
    link.symlink_to(target)


def _words(
    settings: Settings,
    secrets: Secrets,
    asterisk: AsteriskBinary,
    folders: AsteriskFolders,
    music: Path,
) -> Mapping[str, str]:
    service = settings.service
    listen = service.listen
    return {
        "NODE": NODE,
        "NUMBER": service.number,
        "SIP": str(listen.sip),
        "SIP_HOST": listen.sip.host,
        "AMI_HOST": listen.ami.host,
        "AMI_PORT": str(listen.ami.port),
        "AMI_SECRET": secrets.ami,
        "AMI_CALLBACK_SECRET": secrets.ami_callback,
        "AGI": str(listen.agi),
        "RTP_FIRST": str(listen.rtp[0]),
        "RTP_LAST": str(listen.rtp[1]),
        "LEAST_TALK_MS": str(service.least_talk_ms),
        "LEAST_MESSAGE_MS": str(LEAST_MS),
        "LANGUAGE": service.languages[0],
        "TRUNK_MATCHES": "\n".join(f"match={address}" for address in service.trunk),
        "OPERATORS": "\n".join(
            _phone(settings, op, secrets.phones[op]) for op in settings.operators
        ),
        "TIMEZONE": service.timezone,
        "FEATURES": _features(settings),
        "CALL_FEATURES": _call_features(settings),
        "TRANSFERS": _transfers(settings),
        "CALLBACKS": _callbacks(settings),
        "MUSIC": str(music),
        "ETC": str(folders.etc),
        "MODULES": str(asterisk.modules),
        "LIB": str(_lib(folders)),
        "DATA": str(_lib(folders)),
        "SPOOL": str(folders.base / "spool"),
        "RUN": str(folders.run),
        "LOG": str(folders.log),
    }


def _fill(template: Path, words: Mapping[str, str]) -> str:
    text = template.read_text(encoding="utf-8")

    def word(match: re.Match[str]) -> str:
        if match[1] in words:
            return words[match[1]]
        line = text.count("\n", 0, match.start()) + 1
        known = ", ".join(sorted(words))
        raise ProvisionError(f"{template}:{line}: unknown word {match[0]}; known: {known}")

    return re.sub(r"@([A-Z_]+)@", word, text)


def _phone(settings: Settings, operator: OperatorId, password: str) -> str:
    languages = settings.rules.operators[operator].languages
    best = max(languages, key=lambda each: languages[each], default=settings.service.languages[0])
    return (
        f"[{operator}](operator)\nauth={operator}\naors={operator}\nlanguage={best}\n"
        f"callerid={operator} <{operator}>\n"
        f"[{operator}](operator-auth)\nusername={operator}\npassword={password}\n"
        f"[{operator}](operator-aor)\n"
    )


def _features(settings: Settings) -> str:
    """The dialplan of the feature codes; a pause may carry its reason digit at once: `*21`."""
    lines = []
    for feature, code in settings.service.features.items():
        if feature in IN_CALL:
            continue
        patterns = [(code, feature)]
        if feature == "pause":
            patterns.append((f"_{code}[1-9]", f"pause,${{EXTEN:{len(code)}}}"))
        for pattern, argument in patterns:
            lines += [
                f"exten => {pattern},1,Set(AGIEXITONHANGUP=yes)",
                " same => n,Answer(0,i)",
                " same => n,GotoIf($[${EPOCH}-0${ACD_HB}>2]?off)",
                " same => n,Set(TIMEOUT(absolute)=30)",
                f" same => n,AGI(agi://{settings.service.listen.agi}/feature,{argument})",
                ' same => n,GotoIf($["${AGISTATUS}"="SUCCESS"]?bye)',
                " same => n(off),Set(TIMEOUT(absolute)=0)",
                " same => n,Playback(acd/op_not_now)",
                " same => n(bye),Hangup()",
            ]
    return "\n".join(lines)


def _call_features(settings: Settings) -> str:
    """The keys of a recorded conversation, for features.conf."""
    codes = settings.service.features
    return "\n".join(
        f'{name} => {codes[feature]},self,Gosub,"acd-record-key,{exten},1"'
        for feature, (name, exten) in IN_CALL.items()
        if feature in codes
    )


def _transfers(settings: Settings) -> str:
    """The dialplan of the numbers a menu may lead callers to; the caller's number goes along."""
    lines = []
    for number, address in settings.service.transfers.items():
        lines += [
            f"exten => 0{number},1,Dial(PJSIP/trunk/{address},{TRANSFER_RING_S},gm(acd))",
            " same => n,Goto(back,1)",
        ]
    return "\n".join(lines)


def _callbacks(settings: Settings) -> str:
    """The dialplan of the numbers that may be called back, by pattern."""
    callbacks = settings.service.callbacks
    host = callbacks.via or settings.service.trunk[0].partition("/")[0]
    ring = "${CUT(ACD_CB,|,7)}"
    lines = []
    for pattern in callbacks.numbers:
        phone = f"PJSIP/trunk/sip:${{EXTEN:1}}@{host}"
        lines += [
            f"exten => _0{pattern},1,Dial({phone},{ring},G(acd-called^s^1))",
            " same => n,Goto(acd-callback,failed,1)",
        ]
    return "\n".join(lines)
