"""Recordings by people: any sound file, named by id or number, becomes what callers hear."""

import csv
import math
import shutil
import subprocess
import wave
from array import array
from pathlib import Path

import pytest

from ivr.core.menu import Clip
from ivr.core.speech import clip_id
from ivr.prompt_build import build
from ivr.prompt_library import PromptLibrary
from ivr.prompt_recordings import Recordings, find_recordings
from ivr.prompt_script import write_script
from ivr.prompt_status import StatusLine, status
from ivr.prompt_texts import Wanted
from ivr.voices import Voice
from ivr.wav import measure, read_clip

HELLO = Clip("en", "Hello, this is a test.")
BYE = Clip("en", "Goodbye, and thank you for calling.")
HALLO = Clip("ru", "Здравствуйте, это проверка.")
LANGUAGES = ("kk", "ru", "en")

pytestmark = pytest.mark.skipif(shutil.which("sox") is None, reason="sox is a build tool")


def voice_like(seconds: float, rate: int, level: float = 0.3) -> list[float]:
    """Syllables, four a second: a steady tone would pass for an overdriven microphone."""
    return [
        level
        * math.sin(2 * math.pi * 330 * n / rate)
        * (0.02 + math.sin(math.pi * 4 * n / rate) ** 4)
        * (0.6 + 0.4 * math.sin(n / rate * 5))
        for n in range(int(seconds * rate))
    ]


def record(
    path: Path,
    seconds: float = 1.8,
    *,
    rate: int = 8000,
    channels: int = 1,
    silence_s: float = 0,
    level: float = 0.3,
    gain: float = 1,
) -> Path:
    sound = [max(-0.99, min(0.99, gain * each)) for each in voice_like(seconds, rate, level)]
    edge = [0.0] * int(silence_s * rate)
    frames = array("h", (round(32767 * x) for x in [*edge, *sound, *edge] for _ in range(channels)))
    path.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(path), "wb") as out:
        out.setnchannels(channels)
        out.setsampwidth(2)
        out.setframerate(rate)
        out.writeframes(frames.tobytes())
    return path


def tone_engine() -> Voice:
    return Voice("tone", lambda batch: [record(path, 1.6) for _, path in batch] and None)


class Home:
    """A folder of menus with its prompts and its recordings."""

    def __init__(self, folder: Path, *wanted: Wanted) -> None:
        self.prompts, self.recordings = folder / "prompts", folder / "recordings"
        self.wanted = wanted or (Wanted(HELLO, "menu x, a"), Wanted(BYE, "menu x, b"))

    def library(self) -> PromptLibrary:
        return PromptLibrary([self.prompts])

    def found(self) -> Recordings:
        return find_recordings(self.recordings, LANGUAGES)

    def build(self, **more) -> tuple[int, list[str]]:
        voices = {language: tone_engine() for language in LANGUAGES}
        done = build(self.wanted, self.library(), voices, recordings=self.found(), **more)
        return len(done.made), done.failed

    def lines(self) -> list[StatusLine]:
        return status(self.wanted, self.library())

    def states(self) -> list[str]:
        return [line.state for line in self.lines()]


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


def test_a_recording_dropped_into_the_folder_replaces_the_draft_and_stays(home):
    assert home.build() == (2, [])
    assert home.states() == ["draft", "draft"]
    file = record(home.recordings / "en" / f"{clip_id(HELLO)}.wav")
    before = file.read_bytes()
    assert home.build() == (1, [])
    assert home.states() == ["recorded", "draft"]
    assert home.lines()[0].engine == "person"
    assert home.build() == (0, [])
    assert home.build(redo_drafts=True) == (1, [])
    assert file.read_bytes() == before
    file.unlink()
    assert home.build() == (0, [])
    assert home.states() == ["recorded", "draft"], "what was made of it stays"


def test_a_better_take_replaces_the_earlier_one(home):
    file = home.recordings / "en" / f"{clip_id(HELLO)}.wav"
    record(file, 1.6)
    home.build()
    record(file, 2.2)
    assert home.build() == (1, [])
    assert home.library().ms(HELLO) == pytest.approx(2200, abs=200)


@pytest.mark.parametrize(
    "form",
    [
        {"rate": 48_000, "channels": 2},
        {"rate": 44_100, "silence_s": 1.5},
        {"rate": 16_000, "level": 0.03},
        {"rate": 8000, "level": 0.9},
    ],
)
def test_a_recording_of_any_rate_and_level_comes_out_as_callers_need_it(home, form):
    record(home.recordings / "en" / f"{clip_id(HELLO)}.wav", **form)
    assert home.build()[1] == []
    levels = measure(read_clip(home.library().file(HELLO)))
    assert levels.rms_db == pytest.approx(-20, abs=2)
    assert levels.peak_db <= -2
    assert levels.edge_silence_ms <= 400
    assert levels.ms == pytest.approx(1800, abs=200)
    assert home.library().problem(HELLO) is None


def test_other_kinds_of_sound_files_will_do_too(home):
    wav = record(home.recordings / "take.wav", rate=24_000)
    flac = home.recordings / "en" / f"{clip_id(HELLO)}.FLAC"
    flac.parent.mkdir()
    subprocess.run(["sox", wav, "-t", "flac", "-b", "24", flac], check=True)
    wav.unlink()
    assert home.build()[1] == []
    assert home.states()[0] == "recorded"


def test_a_recording_is_found_by_its_number_in_the_script(home):
    write_script(home.lines(), home.recordings)
    record(home.recordings / "en" / "0002.wav")
    assert home.build() == (2, [])
    assert home.states() == ["draft", "recorded"]


def test_a_script_that_a_spreadsheet_has_saved_with_semicolons_is_read(home):
    write_script(home.lines(), home.recordings)
    script = home.recordings / "script.csv"
    with script.open(encoding="utf-8-sig", newline="") as lines:
        rows = list(csv.reader(lines))
    with script.open("w", encoding="utf-8", newline="") as out:
        csv.writer(out, delimiter=";").writerows(rows)
    record(home.recordings / "en" / "1.wav")
    assert home.build() == (2, [])
    assert home.states() == ["recorded", "draft"]


@pytest.mark.parametrize(
    ("name", "form", "why"),
    [
        ("en/{id}.wav", {"seconds": 0.3}, "lasts 0.5 s, and its text takes 0.9 to 4.4 s; does it"),
        ("en/{id}.wav", {"seconds": 9}, "does it speak this sentence: 'Hello, this is a test.'?"),
        ("en/{id}.wav", {"level": 0.003}, "hardly audible (RMS -6"),
        ("en/{id}.wav", {"gain": 20}, "peaks are cut off, it was recorded too loud"),
        ("en/{id}.wav", {"level": 0}, "hardly audible (RMS -100.0 dBFS)"),
        ("en/hello.wav", {}, "neither a sentence's id nor a number of the script; 'ivr prompts"),
        ("en/0007.wav", {}, "script.csv has no number 7; run 'ivr prompts script'"),
        ("ru/1.wav", {}, "number 1 is a sentence in en; move it there"),
        ("fr/{id}.wav", {}, "not in a language's folder; put it into "),
        ("{id}.wav", {}, "not in a language's folder; put it into "),
        ("en/{id}.docx", {}, "no sound file of a known kind (.wav, "),
    ],
)
def test_an_unusable_file_is_named_with_its_reason_and_callers_hear_the_draft(
    home, name, form, why
):
    write_script(home.lines(), home.recordings)
    file = record(home.recordings / name.format(id=clip_id(HELLO)), **{"seconds": 1.8} | form)
    made, failed = home.build()
    assert made == 2
    assert len(failed) == 1
    assert failed[0].startswith(f"{file}: ")
    assert why in failed[0]
    assert home.states() == ["draft", "draft"]
    assert home.library().problem(HELLO) is None


def test_a_file_that_is_no_sound_is_named_and_callers_hear_the_draft(home):
    file = home.recordings / "en" / f"{clip_id(HELLO)}.wav"
    file.parent.mkdir(parents=True)
    file.write_text("my notes")
    _, failed = home.build()
    assert len(failed) == 1
    assert failed[0].startswith(f"{file}: sox failed: ")
    assert home.states() == ["draft", "draft"]


def test_two_takes_of_one_sentence_are_not_chosen_between_in_silence(home):
    write_script(home.lines(), home.recordings)
    record(home.recordings / "en" / "1.wav")
    second = record(home.recordings / "en" / f"{clip_id(HELLO)}.wav")
    assert home.build()[1] == [
        f"{second}: 1.wav speaks the same sentence; keep one of the two",
    ]


def test_a_whisper_that_is_spoken_too_slowly_is_refused(tmp_path):
    home = Home(tmp_path, Wanted(Clip("en", "English. Pension."), "whisper", 1900))
    file = record(home.recordings / "en" / f"{clip_id(home.wanted[0].clip)}.wav", 2.8)
    _, failed = home.build()
    assert failed[0].startswith(f"{file}: it takes ")
    assert "and may take 1900" in failed[0]


def test_a_changed_sentence_says_that_its_recording_has_other_words(home):
    record(home.recordings / "en" / f"{clip_id(BYE)}.wav", 2.2)
    home.build()
    changed = Clip("en", "Goodbye, and thank you for calling us.")
    home.wanted = (Wanted(HELLO, "menu x, a"), Wanted(changed, "menu x, b"))
    assert home.states() == ["draft", "missing", "stale"], "no audio at all is worse"
    home.build()
    _, line = home.lines()
    assert (line.state, line.text) == ("stale", changed.text)
    assert line.detail == f"recorded with other words: '{BYE.text}'; record it anew"
    assert home.library().problem(changed) is None, "callers hear the draft meanwhile"
    record(home.recordings / "en" / f"{clip_id(changed)}.wav", 2.2)
    assert home.build()[0] == 1
    assert home.states() == ["draft", "recorded", "stale"]
    assert "no sentence needs it" in home.lines()[2].detail


# The script


def test_the_script_lists_everything_and_the_text_only_what_is_to_be_recorded(tmp_path):
    home = Home(tmp_path, Wanted(HELLO, "menu x, a"), Wanted(BYE, "b"), Wanted(HALLO, "b"))
    record(home.recordings / "en" / f"{clip_id(HELLO)}.wav")
    home.build()
    written = write_script(home.lines(), home.recordings)
    assert [path.name for path in written] == ["script.csv", "script-en.txt", "script-ru.txt"]
    with written[0].open(encoding="utf-8-sig", newline="") as lines:
        rows = list(csv.DictReader(lines))
    assert [(row["number"], row["id"], row["language"], row["state"]) for row in rows] == [
        ("1", clip_id(HELLO), "en", "recorded"),
        ("2", clip_id(BYE), "en", "draft"),
        ("3", clip_id(HALLO), "ru", "draft"),
    ]
    assert rows[0]["text"] == HELLO.text
    assert float(rows[0]["seconds"]) == pytest.approx(1.8, abs=0.3)
    assert rows[0]["used_by"] == "menu x, a"
    english, russian = (path.read_text(encoding="utf-8") for path in written[1:])
    assert BYE.text in english
    assert "0002   (" in english
    assert HELLO.text not in english
    assert "recordings/ru/0003.wav" in russian
    assert home.build() == (0, []), "the script itself is no recording"


def test_a_number_stays_with_its_sentence_and_is_never_given_out_again(home):
    write_script(home.lines(), home.recordings)
    third = Clip("en", "Please hold the line.")
    home.wanted = (Wanted(third, "c"), Wanted(BYE, "b"))
    write_script(home.lines(), home.recordings)
    fourth = Clip("en", "One moment, please.")
    home.wanted = (Wanted(fourth, "d"), Wanted(third, "c"), Wanted(HELLO, "a"))
    script, *_ = write_script(home.lines(), home.recordings)
    with script.open(encoding="utf-8-sig", newline="") as lines:
        numbers = {row["id"]: int(row["number"]) for row in csv.DictReader(lines)}
    clips = (HELLO, BYE, third, fourth)
    assert numbers == {clip_id(clip): n for n, clip in enumerate(clips, 1)}
