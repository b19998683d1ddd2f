"""The audio a caller may ever hear: there, playable, of even loudness, saying the right text."""

import json
import math
import shutil
import wave
from array import array
from itertools import pairwise
from pathlib import Path

import pytest

from acd.problems import Problems
from acd.settings_files import load_settings
from ivr.__main__ import main
from ivr.core.menu import Clip, Dialplan, LanguageMenu, Menu, Pause
from ivr.core.pronounce import number_in_words, spoken
from ivr.core.speech import clip_id, normalised, opening_of_menu
from ivr.core.whispers import WHISPER_MS_MAX, all_whispers, whisper
from ivr.dialplan import load_dialplan
from ivr.prompt_build import build, prune, status
from ivr.prompt_library import BadManifest, PromptLibrary, read_manifest, search_folders
from ivr.prompt_texts import Wanted
from ivr.prompts import wanted_from
from ivr.voices import CannotSpeak, Voice, draft, find_voices, kazakh_for_festival
from ivr.wav import RATE, BadWav, measure, read_wav, shaped, tightened, write_wav
from tests.sip.alaw import encode
from tests.sip.listen import analyse

ROOT = Path(__file__).resolve().parents[2]
DIALPLANS, CONFIG = ROOT / "dialplans", ROOT / "config"
SHIPPED = DIALPLANS / "prompts"
MUSIC = DIALPLANS / "music" / "hold.wav"

HELLO = Clip("en", "Hello, this is a test.")
NEEDS_SOX = pytest.mark.skipif(shutil.which("sox") is None, reason="sox is a build tool")


def tone(seconds: float, *, level: float = 0.14, rate: int = RATE) -> array:
    return array(
        "h",
        [
            round(32767 * level * math.sin(2 * math.pi * 330 * n / rate))
            for n in range(int(seconds * rate))
        ],
    )


def put(folder: Path, clip: Clip, samples: array) -> Path:
    file = folder / clip.language / f"{clip_id(clip)}.wav"
    write_wav(file, samples)
    return file


def put_wav(file: Path, *, rate: int = RATE, channels: int = 1, width: int = 2) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(file), "wb") as out:
        out.setnchannels(channels)
        out.setsampwidth(width)
        out.setframerate(rate)
        out.writeframes(b"\x01\x02" * rate * channels)


def pretend_engine(seconds: float) -> Voice:
    """An engine that says everything in the same time, at 16 kHz like Festival."""

    def speak(words: str, target: Path) -> None:
        assert words
        with wave.open(str(target), "wb") as out:
            out.setnchannels(1)
            out.setsampwidth(2)
            out.setframerate(16_000)
            out.writeframes(tone(seconds, rate=16_000).tobytes())

    return Voice("tone", speak)


@pytest.fixture(scope="module")
def wanted() -> tuple[Wanted, ...]:
    return wanted_from(DIALPLANS, CONFIG)


@pytest.fixture(scope="module")
def menu() -> Dialplan:
    problems = Problems()
    dialplan = load_dialplan(DIALPLANS / "1414-main.yaml", problems, None)
    assert dialplan is not None, problems.render()
    return dialplan


# What is shipped


def test_every_shipped_sentence_has_good_audio_without_any_speech_engine(wanted):
    library = PromptLibrary([SHIPPED])
    bad = {(w.clip.language, w.clip.text): library.problem(w.clip) for w in wanted}
    assert {text: why for text, why in bad.items() if why} == {}
    assert len(wanted) > 100
    assert {w.clip.language for w in wanted} == {"kk", "ru", "en"}


def test_shipped_audio_is_level_and_has_short_edges(wanted):
    library = PromptLibrary([SHIPPED])
    for each in wanted:
        levels = measure(read_wav(library.file(each.clip)))
        assert -22 <= levels.rms_db <= -18, each
        assert levels.peak_db <= -2, each
        assert levels.edge_silence_ms <= 150, each


def test_every_whisper_is_over_within_its_limit(wanted):
    library = PromptLibrary([SHIPPED])
    whispers = [each for each in wanted if each.ms_max is not None]
    assert len(whispers) == 3 * 17
    for each in whispers:
        assert measure(read_wav(library.file(each.clip))).ms <= WHISPER_MS_MAX == 1900, each


def test_no_menu_talks_longer_than_25_seconds(menu):
    library = PromptLibrary([SHIPPED])
    for node in menu.nodes.values():
        if not isinstance(node, Menu | LanguageMenu):
            continue
        for language in menu.languages:
            sounds = opening_of_menu(menu, node, language, "intro")
            ms = sum(
                sound.ms if isinstance(sound, Pause) else measure(read_wav(library.file(sound))).ms
                for sound in sounds
            )
            assert ms <= 25_000, (node.name, language)


def test_the_manifest_names_every_shipped_file_and_no_other(wanted):
    entries = read_manifest(SHIPPED)
    files = {str(file.relative_to(SHIPPED).with_suffix("")) for file in SHIPPED.glob("*/*.wav")}
    assert files == set(entries)
    assert files == {f"{each.clip.language}/{clip_id(each.clip)}" for each in wanted}
    assert {line.state for line in status(wanted, PromptLibrary([SHIPPED]))} == {"draft"}
    for name, entry in entries.items():
        assert name == f"{entry.language}/{clip_id(Clip(entry.language, entry.text))}"
        assert entry.text == normalised(entry.text)


def test_shipped_sound_stays_small():
    assert sum(file.stat().st_size for file in DIALPLANS.rglob("*.wav")) < 8_000_000


def test_no_sentence_promises_a_recording_or_names_a_key_twice(wanted):
    for each in wanted:
        assert "записыва" not in each.clip.text.lower()
        assert "жазыла" not in each.clip.text.lower()
        assert "record" not in each.clip.text.lower()


def test_each_pause_reason_of_an_operator_has_its_sentence():
    settings = load_settings(CONFIG, Problems())
    for reason in settings.service.pause_reasons.values():
        assert set(settings.phrases[f"op_paused_{reason}"]) == {"kk", "ru", "en"}


def test_hold_music_is_a_seamless_quiet_loop():
    samples = read_wav(MUSIC)
    levels = measure(samples)
    assert 45_000 <= levels.ms <= 60_000
    assert -25 <= levels.rms_db <= -21
    assert levels.peak_db <= -6
    steps = [abs(a - b) for a, b in pairwise(samples)]
    assert abs(samples[0] - samples[-1]) <= max(steps)
    second = [measure(samples[at : at + RATE]).rms_db for at in range(0, len(samples), RATE)]
    assert max(second) - min(second) < 8


def test_hold_music_is_never_taken_for_a_test_tone():
    alaw = encode(read_wav(MUSIC))
    tones = tuple(range(500, 1501, 100))
    for window in (160, 800):
        for at in range(0, len(alaw) - window, window):
            _, heard = analyse(alaw[at : at + window], tones, 0.4)
            assert not heard, f"{heard} Hz at {at / RATE:.2f} s"


# The library


def test_a_path_is_absolute_without_extension_and_the_first_folder_wins(tmp_path):
    first, second = tmp_path / "first", tmp_path / "second"
    library = PromptLibrary([first, second])
    assert library.path(HELLO) is None
    put(second, HELLO, tone(1.5))
    assert library.path(HELLO) == str(second / "en" / clip_id(HELLO))
    put(first, HELLO, tone(1.5))
    assert library.path(HELLO) == str(first / "en" / clip_id(HELLO))
    assert Path(library.path(HELLO)).is_absolute()


def test_prompts_next_to_the_menus_come_before_the_shipped_ones(tmp_path):
    folders = search_folders(tmp_path / "menus", tmp_path / "settings")
    assert folders == (tmp_path / "menus/prompts", tmp_path / "settings/prompts", SHIPPED)


def test_a_good_file_has_no_problem_whatever_the_spacing_of_its_text(tmp_path):
    put(tmp_path, HELLO, shaped(tone(1.5)))
    library = PromptLibrary([tmp_path])
    assert library.problem(HELLO) is None
    assert library.problem(Clip("en", "  Hello,  this is a test. ")) is None
    assert library.problem(Clip("ru", HELLO.text)) is not None


@pytest.mark.parametrize(
    ("samples", "said"),
    [
        (tone(0.3), "lasts 0.3 s, and its text takes"),
        (tone(9), "lasts 9.0 s, and its text takes"),
        (tone(1.5, level=0.01), "too quiet (RMS -43"),
        (tone(1.5, level=0.4), "too loud (RMS -11"),
        (array("h", [*tone(1.5), 32_767, -32_768]), "peaks clip"),
        (array("h", [*([0] * 4000), *tone(1.2)]), "500 ms of silence at an edge"),
    ],
)
def test_a_file_that_hurts_the_ear_is_refused_in_numbers(tmp_path, samples, said):
    file = put(tmp_path, HELLO, samples)
    problem = PromptLibrary([tmp_path]).problem(HELLO)
    assert said in problem
    assert problem.endswith(f"; replace {file}")


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ({"rate": 16_000}, "it is 16000 Hz, mono, 16-bit instead of 8000 Hz, mono, 16-bit"),
        ({"channels": 2}, "it is 8000 Hz, 2 channels, 16-bit instead"),
        ({"width": 1}, "it is 8000 Hz, mono, 8-bit instead"),
    ],
)
def test_a_file_of_another_format_is_refused_with_both_formats(tmp_path, form, said):
    put_wav(tmp_path / "en" / f"{clip_id(HELLO)}.wav", **form)
    assert said in PromptLibrary([tmp_path]).problem(HELLO)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "the file is empty"),
        (b"ID3\x03 this is an mp3", "not a PCM WAV file"),
        (b"RIFF\x24\x00\x00\x00WAVE", "not a PCM WAV file"),
    ],
)
def test_a_file_that_is_no_sound_is_refused(tmp_path, content, said):
    file = tmp_path / "en" / f"{clip_id(HELLO)}.wav"
    file.parent.mkdir()
    file.write_bytes(content)
    assert said in PromptLibrary([tmp_path]).problem(HELLO)


def test_missing_audio_names_the_remedy(tmp_path):
    assert "run 'ivr prompts build'" in PromptLibrary([tmp_path]).problem(HELLO)


def test_a_manifest_that_cannot_be_read_is_one_clear_line(tmp_path):
    (tmp_path / "prompts.json").write_text('{"clips": [1')
    with pytest.raises(BadManifest, match=r"prompts\.json cannot be used .*; put it back"):
        read_manifest(tmp_path)


# Building


@NEEDS_SOX
def test_a_build_makes_what_is_missing_once_and_never_touches_a_recording(tmp_path):
    want = [Wanted(HELLO, "test"), Wanted(Clip("en", "A second sentence of it."), "test")]
    library = PromptLibrary([tmp_path])
    voices = {"en": pretend_engine(1.6)}

    def run(*, redo_drafts: bool = False) -> int:
        done = build(want, library, voices, redo_drafts=redo_drafts, tell=lambda line: None)
        assert done.failed == []
        return len(done.made)

    assert run() == 2
    assert run() == 0
    assert [line.state for line in status(want, library)] == ["draft", "draft"]

    recording = put(tmp_path, HELLO, shaped(tone(1.8)))
    before = recording.read_bytes()
    assert [line.state for line in status(want, library)] == ["recorded", "draft"]
    assert run(redo_drafts=True) == 1
    assert recording.read_bytes() == before
    assert read_manifest(tmp_path)[f"en/{clip_id(HELLO)}"].status == "recorded"

    assert prune([], tmp_path) == [tmp_path / "en" / f"{clip_id(want[1].clip)}.wav"]
    assert [line.state for line in status([], library)] == ["stale"]
    assert recording.read_bytes() == before


@NEEDS_SOX
def test_a_draft_that_must_be_short_is_said_faster_or_refused():
    assert len(draft(pretend_engine(2.4), "en", "English. Pension.", 1900)) <= 1900 * RATE // 1000
    with pytest.raises(CannotSpeak, match=r"takes 5.* ms and may take 1900; shorten it"):
        draft(pretend_engine(5), "en", "English. Pension.", 1900)


@NEEDS_SOX
def test_an_engine_that_writes_nothing_is_reported_and_leaves_no_file(tmp_path):
    silent = Voice("silent", lambda words, target: target.write_bytes(b""))
    done = build(
        [Wanted(HELLO, "menu x")],
        PromptLibrary([tmp_path]),
        {"en": silent},
        redo_drafts=False,
        tell=lambda line: None,
    )
    assert done.failed == ["'Hello, this is a test.' (en, menu x): the engine wrote an empty file"]
    assert list(tmp_path.glob("*/*")) == []


def test_without_any_engine_each_language_gets_one_line_with_the_remedy(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find_voices(["kk", "ru", "en"], {}) == {}
    want = [Wanted(HELLO, "test"), Wanted(Clip("kk", "Сау болыңыз!"), "test")]
    library = PromptLibrary([tmp_path])
    done = build(want, library, {}, redo_drafts=False, tell=lambda line: None)
    assert done.made == []
    assert [line.split(";")[0] for line in done.failed] == [
        "no speech engine speaks en",
        "no speech engine speaks kk",
    ]
    assert "pip install piper-tts" in done.failed[0]
    assert "apt-get install festival festvox-ru" in done.failed[1]


def test_shaping_trims_dead_air_and_tames_peaks():
    quiet = array("h", [*([0] * 8000), *tone(1, level=0.05), *([0] * 8000)])
    quiet[8500] = 32_000
    levels = measure(shaped(quiet))
    assert 1000 <= levels.ms <= 1300
    assert levels.rms_db == pytest.approx(-20, abs=0.5)
    assert levels.peak_db <= -2
    with pytest.raises(BadWav, match="only silence"):
        shaped(array("h", [0] * 8000))


def test_tightening_shortens_only_the_pauses():
    speech = array("h", [*tone(0.5), *([0] * 4000), *tone(0.5)])
    assert len(tightened(speech)) == 2 * 4000 + 960
    assert tightened(tone(0.5)) == tone(0.5)


# Words


@pytest.mark.parametrize(
    ("language", "text", "said"),
    [
        ("kk", "1414-ке қоңырау", "он төрт он төртке қоңырау"),
        ("ru", "Центр 1414.", "Центр четырнадцать четырнадцать."),
        ("en", "This is 1414!", "This is fourteen fourteen."),
        ("ru", "Регистрация — бесплатно", "Регистрация, бесплатно"),
        ("ru", "Пенсии : нажмите два", "Пенсии, нажмите два"),
        ("ru", "Портал «eGov» , звонок…", "Портал игов, звонок."),
        ("en", "Wrap-up is done", "Wrap-up is done"),
        ("ru", " , ", ""),
    ],
)
def test_a_sentence_is_spelt_out_with_every_sign_attached_to_a_word(language, text, said):
    assert spoken(language, text) == said


@pytest.mark.parametrize(
    ("language", "digits", "said"),
    [
        ("ru", "0", "ноль"),
        ("ru", "112", "сто двенадцать"),
        ("kk", "21", "жиырма бір"),
        ("kk", "200", "екі жүз"),
        ("en", "109", "one hundred nine"),
        ("en", "007", "zero zero seven"),
        ("en", "1005", "one zero zero five"),
        ("ru", "1411", "четырнадцать одиннадцать"),
        ("ru", "1020", "десять двадцать"),
        ("de", "14", "14"),
    ],
)
def test_numbers_are_said_as_on_the_phone(language, digits, said):
    assert number_in_words(language, digits) == said


def test_kazakh_letters_are_mapped_with_no_letter_left_that_russian_lacks():
    mapped = kazakh_for_festival("Әңгіме, ғұмыр, үміт, қыс, өмір, қаһарман")
    assert not set(mapped) & set("әіңғүұқөһ")
    assert mapped.startswith("+энг+им+е,")


def test_a_whisper_is_language_then_topic_in_the_language_of_the_caller():
    assert whisper("ru", "Русский", "пенсия") == Clip("ru", "Русский. Пенсия.")
    assert whisper("en", "English", "eGov application").text == "English. eGov application."
    words = {"kk": "Қазақша", "ru": "Русский"}
    names = {"pension": {"kk": "Зейнетақы", "ru": "Пенсия"}, "land": {"ru": "Земля"}}
    assert {key: clip.text for key, clip in all_whispers(words, names).items()} == {
        ("kk", "pension"): "Қазақша. Зейнетақы.",
        ("ru", "pension"): "Русский. Пенсия.",
        ("ru", "land"): "Русский. Земля.",
    }


# The command


def test_status_counts_each_language_and_succeeds_when_nothing_is_missing(capsys):
    folders = ["--dialplans", str(DIALPLANS), "--config", str(CONFIG)]
    assert main(["prompts", "status", "--json", *folders]) == 0
    document = json.loads(capsys.readouterr().out)
    assert set(document["languages"]) == {"kk", "ru", "en"}
    for counts in document["languages"].values():
        assert set(counts) == {"draft", "recorded", "missing", "stale", "faulty"}
        assert counts["missing"] == counts["faulty"] == 0
    assert {"state", "language", "id", "text", "used_by"} <= set(document["clips"][0])


def test_status_fails_and_names_the_sentence_that_a_changed_menu_lacks(tmp_path, capsys):
    menus = tmp_path / "dialplans"
    menus.mkdir()
    text = (DIALPLANS / "1414-main.yaml").read_text(encoding="utf-8")
    (menus / "1414-main.yaml").write_text(text.replace("Спасибо за звонок.", "Благодарим вас."))
    shutil.copytree(CONFIG, tmp_path / "config")
    folders = ["--dialplans", str(menus), "--config", str(tmp_path / "config")]
    assert main(["prompts", "status", *folders]) == 1
    out = capsys.readouterr().out
    assert "Благодарим вас. До свидания!  (menu 1414-main)" in out
    assert out.count("missing ") == 2  # the head of the table and this sentence


def test_a_broken_menu_is_shown_with_its_place_and_nothing_is_built(tmp_path, capsys):
    (tmp_path / "bad.yaml").write_text("schema: 1\nid: [\n")
    folders = ["--dialplans", str(tmp_path), "--config", str(CONFIG)]
    assert main(["prompts", "build", *folders]) == 1
    assert "bad.yaml:" in capsys.readouterr().err
    assert not (tmp_path / "prompts").exists()
