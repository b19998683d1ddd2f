"""The audio a caller may ever hear: there, playable, of even loudness, saying the right text."""

import json
import math
import shutil
import time
import wave
from array import array
from itertools import pairwise
from pathlib import Path

import pytest

from acd.problems import Problems
from acd.settings_files import load_settings
from ivr.__main__ import main
from ivr.alaw import decode
from ivr.alaw import encode as encode_clip
from ivr.core import pronounce
from ivr.core.menu import Clip, Dialplan, LanguageMenu, Menu, Pause
from ivr.core.speech import clip_id, normalised, opening_of_menu
from ivr.core.whispers import WHISPER_MS_MAX, all_whispers, whisper
from ivr.dialplan import load_dialplan
from ivr.prompt_build import build, prune
from ivr.prompt_library import BadManifest, PromptLibrary, search_folders
from ivr.prompt_manifest import entry_for, file_of, read_manifest, write_manifest
from ivr.prompt_status import status
from ivr.prompt_texts import Wanted, menu_clips
from ivr.prompts import wanted_from
from ivr.voices import CannotSpeak, Voice, draft, find_voices, kazakh_for_festival
from ivr.wav import (
    RATE,
    BadWav,
    clip_bytes,
    measure,
    read_clip,
    read_wav,
    shaped,
    tightened,
    write_clip,
)
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
    file = folder / clip.language / f"{clip_id(clip)}.al"
    write_clip(file, clip_bytes(samples))
    return file


def pretend_engine(seconds: float, *, mute: str = "") -> Voice:
    """An engine that says everything in the same time, at 16 kHz like Festival.

    It writes nothing for a sentence that holds `mute`.
    """

    def speak(batch):
        for words, target in batch:
            assert words
            if mute and mute in words:
                target.write_bytes(b"")
                continue
            with wave.open(str(target), "wb") as out:
                out.setnchannels(1)
                out.setsampwidth(2)
                out.setframerate(16_000)
                out.writeframes(tone(seconds, rate=16_000).tobytes())

    return Voice("tone", speak)


def built(folder: Path, wanted: list[Wanted]) -> PromptLibrary:
    """A library whose drafts have been made."""
    library = PromptLibrary([folder])
    assert build(wanted, library, {"en": pretend_engine(1.6)}).failed == []
    return PromptLibrary([folder])


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
        levels = measure(read_clip(library.file(each.clip)))
        assert -22 <= levels.rms_db <= -18, each
        assert levels.peak_db <= -2, each
        assert levels.edge_silence_ms <= 150, each


def test_every_whisper_is_over_within_its_limit(wanted):
    library = PromptLibrary([SHIPPED])
    whispers = [each for each in wanted if each.ms_max is not None]
    assert len(whispers) == 3 * len(load_settings(CONFIG, Problems()).topic_names)
    for each in whispers:
        assert library.ms(each.clip) <= WHISPER_MS_MAX == 1900, each


def test_no_menu_talks_longer_than_25_seconds(menu):
    library = PromptLibrary([SHIPPED])
    for node in menu.nodes.values():
        if not isinstance(node, Menu | LanguageMenu):
            continue
        for language in menu.languages:
            sounds = opening_of_menu(menu, node, language, "intro")
            ms = sum(
                sound.ms if isinstance(sound, Pause) else library.ms(sound) for sound in sounds
            )
            assert ms <= 25_000, (node.name, language)


def test_the_manifest_names_every_shipped_file_and_no_other(wanted):
    entries = read_manifest(SHIPPED).entries
    slow = {f"{name}-slow" for name, entry in entries.items() if entry.slow}
    files = {str(file.relative_to(SHIPPED).with_suffix("")) for file in SHIPPED.glob("*/*")}
    assert files == set(entries) | slow
    assert set(entries) == {f"{each.clip.language}/{clip_id(each.clip)}" for each in wanted}
    assert {line.state for line in status(wanted, PromptLibrary([SHIPPED]))} == {"draft"}
    for name, entry in entries.items():
        assert name == f"{entry.language}/{clip_id(Clip(entry.language, entry.text))}"
        assert entry.text == normalised(entry.text)


def test_what_is_written_about_the_shipped_files_is_true(wanted):
    entries = read_manifest(SHIPPED).entries
    for name in list(entries)[::10]:
        assert entries[name].levels == measure(read_clip(file_of(SHIPPED, name))), name


def test_each_sentence_of_the_menu_itself_can_be_played_slowly(wanted, menu):
    library = PromptLibrary([SHIPPED])
    slow = [each for each in wanted if each.is_slow_too]
    assert {each.clip for each in menu_clips(menu) if each.is_slow_too} <= {
        each.clip for each in slow
    }
    services = {row["name"]["ru"] for row in menu.tables["services"].rows.values()}
    assert not services & {each.clip.text for each in slow}, "too many, and rarely heard twice"
    for each in slow:
        normal, slower = (library.path(each.clip, is_slow=is_slow) for is_slow in (False, True))
        assert slower == f"{normal}-slow"
        ratio = Path(f"{slower}.al").stat().st_size / Path(f"{normal}.al").stat().st_size
        assert 1.1 <= ratio <= 1.25, each


def test_shipped_sound_stays_small():
    """A-law, and slow variants only of what can be repeated slowly."""
    assert sum(file.stat().st_size for file in DIALPLANS.rglob("*.al")) < 45_000_000
    assert list(SHIPPED.rglob("*.wav")) == []


def test_no_sentence_but_the_notice_promises_a_recording(wanted):
    """The notice is said where a queue records, and nowhere else."""
    notice = load_settings(CONFIG, Problems()).phrases["recording_notice"]
    for each in wanted:
        if each.clip.text == notice.get(each.clip.language):
            continue
        assert "записыва" not in each.clip.text.lower()
        assert "жазыла" not in each.clip.text.lower()
        assert "recorded" not in each.clip.text.lower()


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
    ("content", "said"),
    [
        (b"", "the file is empty"),
        (b"ID3\x03 this is an mp3", "it is an MP3 file instead of A-law"),
        (b"RIFF\x24\x00\x00\x00WAVE", "it is a WAV file instead of A-law"),
    ],
)
def test_a_file_that_is_no_sound_is_refused(tmp_path, content, said):
    file = tmp_path / "en" / f"{clip_id(HELLO)}.al"
    file.parent.mkdir()
    file.write_bytes(content)
    assert said in PromptLibrary([tmp_path]).problem(HELLO)


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ({"rate": 16_000}, "it is 16000 Hz, mono, 16-bit instead of 8000 Hz, mono, 16-bit"),
        ({"channels": 2}, "it is 8000 Hz, 2 channels, 16-bit instead"),
        ({"width": 1}, "it is 8000 Hz, mono, 8-bit instead"),
    ],
)
def test_a_wav_of_another_format_is_refused_with_both_formats(tmp_path, form, said):
    form = {"rate": RATE, "channels": 1, "width": 2} | form
    file = tmp_path / "other.wav"
    with wave.open(str(file), "wb") as out:
        out.setnchannels(form["channels"])
        out.setsampwidth(form["width"])
        out.setframerate(form["rate"])
        out.writeframes(b"\x01\x02" * form["rate"] * form["channels"])
    with pytest.raises(BadWav, match=said):
        read_wav(file)


def test_a_clip_is_told_by_its_manifest_until_its_file_changes(tmp_path):
    library = built(tmp_path, [Wanted(HELLO, "test")])
    file = library.file(HELLO)
    assert library.entry(HELLO).status == "draft"
    assert library.ms(HELLO) == pytest.approx(1800, abs=30)
    length = file.stat().st_size
    file.write_bytes(bytes(length))
    assert library.entry(HELLO) is None, "other sound of the same length"
    assert "too loud" in PromptLibrary([tmp_path]).problem(HELLO)


def test_a_clip_that_comes_later_is_found_without_a_reload(tmp_path):
    library = PromptLibrary([tmp_path])
    assert library.path(HELLO) is None
    put(tmp_path, HELLO, shaped(tone(1.5)))
    assert library.path(HELLO) is not None
    assert library.problem(HELLO) is None


def test_a_slow_variant_is_played_when_there_is_one(tmp_path):
    put(tmp_path, HELLO, shaped(tone(1.5)))
    library = PromptLibrary([tmp_path])
    normal = library.path(HELLO)
    assert library.path(HELLO, is_slow=True) == normal
    Path(f"{normal}-slow.al").write_bytes(b"x")
    assert library.path(HELLO, is_slow=True) == f"{normal}-slow"
    assert library.path(HELLO) == normal


def test_six_thousand_clips_are_checked_in_a_moment(tmp_path):
    """2,000 rows in three languages, as a reload checks them: no file is opened."""
    clips = [Clip("en", f"The service {n}.") for n in range(6000)]
    data = clip_bytes(shaped(tone(3)))
    entry = entry_for(HELLO, data, engine="tone", status="draft", key="", slow=False)
    (tmp_path / "en").mkdir()
    for clip in clips:
        (tmp_path / "en" / f"{clip_id(clip)}.al").write_bytes(data)
    write_manifest(tmp_path, {f"en/{clip_id(clip)}": entry for clip in clips})
    started = time.perf_counter()
    library = PromptLibrary([tmp_path / "none", tmp_path])
    assert [clip for clip in clips if library.problem(clip)] == []
    assert time.perf_counter() - started < 2


def test_missing_audio_names_the_remedy(tmp_path):
    assert "run 'ivr prompts build'" in PromptLibrary([tmp_path]).problem(HELLO)


def test_a_manifest_that_cannot_be_read_is_one_clear_line(tmp_path):
    (tmp_path / "prompts.json").write_text('{"clips": [1')
    with pytest.raises(BadManifest, match=r"prompts\.json cannot be used .*; put it back"):
        read_manifest(tmp_path)


@pytest.mark.parametrize("content", ['{"clips": [1', '{"schema": 1, "clips": {}}', "[]"])
def test_a_manifest_of_another_kind_names_the_remedy(tmp_path, content):
    (tmp_path / "prompts.json").write_text(content)
    with pytest.raises(BadManifest, match="or remove it and run 'ivr prompts build'"):
        PromptLibrary([tmp_path])


# Building


@NEEDS_SOX
def test_a_build_makes_what_is_missing_once_and_never_touches_a_recording(tmp_path):
    want = [Wanted(HELLO, "test"), Wanted(Clip("en", "A second sentence of it."), "test")]
    voices = {"en": pretend_engine(1.6)}

    def run(*, redo_drafts: bool = False) -> int:
        done = build(want, PromptLibrary([tmp_path]), voices, redo_drafts=redo_drafts)
        assert done.failed == []
        return len(done.made)

    def states() -> list[str]:
        return [line.state for line in status(want, PromptLibrary([tmp_path]))]

    assert run() == 2
    assert run() == 0
    assert states() == ["draft", "draft"]

    recording = put(tmp_path, HELLO, shaped(tone(1.8)))
    before = recording.read_bytes()
    assert states() == ["recorded", "draft"]
    assert run(redo_drafts=True) == 1
    assert recording.read_bytes() == before
    assert read_manifest(tmp_path).entries[f"en/{clip_id(HELLO)}"].status == "recorded"

    assert prune([], tmp_path) == [tmp_path / "en" / f"{clip_id(want[1].clip)}.al"]
    assert [line.state for line in status([], PromptLibrary([tmp_path]))] == ["stale"]
    assert recording.read_bytes() == before


@NEEDS_SOX
def test_a_draft_is_made_anew_when_its_words_are_said_otherwise(tmp_path, monkeypatch):
    want = [Wanted(Clip("en", "Open the eGov portal."), "test"), Wanted(HELLO, "test")]
    built(tmp_path, want)
    monkeypatch.setitem(pronounce._WORDS["en"], "egov", "electronic government")
    done = build(want, PromptLibrary([tmp_path]), {"en": pretend_engine(2)})
    assert [path.stem for path in done.made] == [clip_id(want[0].clip)]


@NEEDS_SOX
def test_a_better_draft_is_not_replaced_by_the_engine_of_another_machine(tmp_path):
    want = [Wanted(HELLO, "test")]
    built(tmp_path, want)
    other = Voice("another", pretend_engine(2).speak)
    assert build(want, PromptLibrary([tmp_path]), {"en": other}).made == []
    redone = build(want, PromptLibrary([tmp_path]), {"en": other}, redo_drafts=True)
    assert len(redone.made) == 1
    assert PromptLibrary([tmp_path]).entry(HELLO).engine == "another"


@NEEDS_SOX
def test_slow_variants_are_made_where_they_are_wanted_and_go_when_they_are_not(tmp_path):
    plain, slow = Wanted(HELLO, "test"), Wanted(HELLO, "test", is_slow_too=True)
    library = built(tmp_path, [plain])
    name = f"en/{clip_id(HELLO)}"
    assert not file_of(tmp_path, f"{name}-slow").exists()

    normal = library.file(HELLO).read_bytes()
    built(tmp_path, [slow])
    assert library.file(HELLO).read_bytes() == normal, "only the slow one was lacking"
    longer = file_of(tmp_path, f"{name}-slow").stat().st_size / len(normal)
    assert longer == pytest.approx(1 / 0.85, abs=0.05)
    levels = measure(read_clip(file_of(tmp_path, f"{name}-slow")))
    assert levels.rms_db == pytest.approx(-20, abs=0.5)
    assert build([slow], PromptLibrary([tmp_path]), {}).made == []

    put(tmp_path, HELLO, shaped(tone(1.7)))  # by hand: the slow variant is of another sound now
    built(tmp_path, [slow])
    longer = file_of(tmp_path, f"{name}-slow").stat().st_size / library.file(HELLO).stat().st_size
    assert longer == pytest.approx(1 / 0.85, abs=0.05)

    assert prune([plain], tmp_path) == [file_of(tmp_path, f"{name}-slow")]
    assert PromptLibrary([tmp_path]).path(HELLO, is_slow=True) == library.path(HELLO)


@NEEDS_SOX
def test_a_draft_that_must_be_short_is_said_faster_or_refused(tmp_path):
    def raw(seconds: float) -> Path:
        pretend_engine(seconds).speak([("English. Pension.", tmp_path / "raw.wav")])
        return tmp_path / "raw.wav"

    voice = pretend_engine(1)
    assert len(draft(voice, raw(2.4), 1900)) <= 1900 * RATE // 1000
    with pytest.raises(CannotSpeak, match=r"takes 5.* ms and may take 1900; shorten it"):
        draft(voice, raw(5), 1900)


@NEEDS_SOX
def test_a_sentence_that_an_engine_cannot_say_is_reported_and_the_others_are_made(tmp_path):
    want = [
        Wanted(HELLO, "menu x"),
        Wanted(Clip("en", "A sentence of no sound at all."), "menu y"),
        Wanted(Clip("en", "…"), "menu z"),
        Wanted(Clip("en", "The last one of them."), "menu z"),
    ]
    told = []
    done = build(
        want,
        PromptLibrary([tmp_path]),
        {"en": pretend_engine(1.6, mute="no sound")},
        tell=lambda *line: told.append(line),
    )
    assert done.failed == [
        "'A sentence of no sound at all.' (en, menu y): the engine wrote an empty file",
        "'…' (en, menu z): '…' holds no word to say; write one",
    ]
    assert sorted(path.stem for path in tmp_path.glob("*/*")) == sorted(
        clip_id(want[n].clip) for n in (0, 3)
    )
    assert [line[:2] for line in told] == [(1, 4), (2, 4), (3, 4), (4, 4)]


@NEEDS_SOX
def test_a_build_that_is_broken_off_keeps_what_is_done(tmp_path):
    want = [Wanted(Clip("en", f"The sentence number {n}."), "test") for n in range(100)]
    stop_after = 30

    def tell(done: int, total: int, line: str) -> None:
        if done == stop_after:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build(want, PromptLibrary([tmp_path]), {"en": pretend_engine(1.6)}, tell=tell)
    kept = read_manifest(tmp_path).entries
    assert len(kept) == stop_after
    assert {f"en/{path.stem}" for path in tmp_path.glob("en/*")} == set(kept)
    done = build(want, PromptLibrary([tmp_path]), {"en": pretend_engine(1.6)})
    assert len(done.made) == 100 - stop_after


def test_an_engine_that_fails_as_a_whole_gives_every_sentence_its_reason(tmp_path):
    def speak(batch):
        raise CannotSpeak("tone cannot be started")

    want = [Wanted(HELLO, "menu x")]
    done = build(want, PromptLibrary([tmp_path]), {"en": Voice("tone", speak)})
    assert done.failed == ["'Hello, this is a test.' (en, menu x): tone cannot be started"]


def test_without_any_engine_each_language_gets_one_line_with_the_remedy(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find_voices(["kk", "ru", "en"], {}) == {}
    want = [Wanted(HELLO, "test"), Wanted(Clip("kk", "Сау болыңыз!"), "test")]
    done = build(want, PromptLibrary([tmp_path]), {})
    assert done.made == []
    assert [line.split(";")[0] for line in done.failed] == [
        "no speech engine speaks en, 1 sentence not made",
        "no speech engine speaks kk, 1 sentence not made",
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


def test_shaping_gives_speech_that_fills_the_file_quiet_edges():
    samples = shaped(tone(1))
    assert len(samples) == RATE + (80 + 110) * RATE // 1000
    assert not any(samples[: 70 * RATE // 1000])


def test_alaw_is_the_telephone_s_own():
    assert decode(bytes(range(256)))[0x55 ^ 0x80] == 8
    assert encode_clip(decode(bytes(range(256)))) == bytes(range(256))
    sound = array("h", range(-32_768, 32_768, 7))
    assert all(
        abs(there - back) <= max(16, abs(there) // 16)
        for there, back in zip(sound, decode(encode_clip(sound)), strict=True)
        if abs(there) <= 32_256
    )


def test_tightening_shortens_only_the_pauses():
    speech = array("h", [*tone(0.5), *([0] * 4000), *tone(0.5)])
    assert len(tightened(speech)) == 2 * 4000 + 960
    assert tightened(tone(0.5)) == tone(0.5)


# Words


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
    shutil.copytree(DIALPLANS / "tables", menus / "tables")
    text = (DIALPLANS / "1414-main.yaml").read_text(encoding="utf-8")
    assert "Спасибо за звонок." in text
    (menus / "1414-main.yaml").write_text(text.replace("Спасибо за звонок.", "Благодарим вас."))
    shutil.copytree(CONFIG, tmp_path / "config")
    folders = ["--dialplans", str(menus), "--config", str(tmp_path / "config")]
    assert main(["prompts", "status", *folders]) == 1
    out = capsys.readouterr().out
    assert "Благодарим вас. До свидания!  (menu 1414-main, end)" in out
    assert out.count("missing ") == 2  # the head of the table and this sentence


def test_the_script_of_the_shipped_menu_is_written_for_each_language(tmp_path, capsys):
    folders = ["--dialplans", str(DIALPLANS), "--config", str(CONFIG)]
    assert main(["prompts", "script", "-o", str(tmp_path / "script"), *folders]) == 0
    out = capsys.readouterr().out
    names = sorted(path.name for path in (tmp_path / "script").iterdir())
    assert names == ["script-en.txt", "script-kk.txt", "script-ru.txt", "script.csv"]
    assert "sentences to record; put the files into" in out
    assert "Спасибо за звонок." in (tmp_path / "script" / "script-ru.txt").read_text()


@NEEDS_SOX
def test_a_wav_put_among_the_finished_prompts_is_told_where_it_belongs(tmp_path, capsys):
    menus = tmp_path / "dialplans"
    shutil.copytree(DIALPLANS, menus, ignore=shutil.ignore_patterns("prompts", "music"))
    (menus / "prompts" / "kk").mkdir(parents=True)
    (menus / "prompts" / "kk" / "my.wav").write_bytes(b"x")
    folders = ["--dialplans", str(menus), "--config", str(CONFIG)]
    assert main(["prompts", "build", *folders]) == 0
    out, err = capsys.readouterr()
    assert out.startswith("0 made, ")
    assert f"move it to {menus.resolve() / 'recordings' / 'kk' / 'my.wav'}" in err


def test_a_broken_menu_is_shown_with_its_place_and_nothing_is_built(tmp_path, capsys):
    (tmp_path / "bad.yaml").write_text("schema: 1\nid: [\n")
    folders = ["--dialplans", str(tmp_path), "--config", str(CONFIG)]
    assert main(["prompts", "build", *folders]) == 1
    assert "bad.yaml:" in capsys.readouterr().err
    assert not (tmp_path / "prompts").exists()
