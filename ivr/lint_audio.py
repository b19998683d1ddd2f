"""Rules about what is heard: W13 (a person's recording), E14 (audio that can be played), W17
(nothing longer than people listen to).
"""

from collections.abc import Iterable, Mapping, Sequence

from ivr import graph
from ivr.core import menu, speech
from ivr.core.menu import Clip, LanguageMenu, LanguageOption, Menu, Option, Pause, Sound
from ivr.lint_report import Report, listed
from ivr.lint_ways import Ways
from ivr.player import estimated_ms
from ivr.scope import Place

MENU_MS_MAX = 25_000
INFO_MS_MAX = 20_000
FORCED_MS_MAX = 10_000
FIRST_OPTION_MS_MAX = 10_000
LABEL_MS_MAX = 4000
LABEL_LENGTH_MAX = 45


def check_audio(report: Report) -> None:
    """E14: every sentence a caller may hear can be played. W13: and by whom."""
    if report.world.has_clip is None and report.world.standings is None:
        return
    plan, seen = report.plan, set[str]()
    spoken_at: dict[Place, list[Clip]] = {}
    for node in plan.nodes.values():
        for clip in speech.clips_of(plan, node):
            _collect(clip, report.at(node.name), spoken_at, seen)
    for language in plan.languages:
        for sound in speech.to_operator(plan, language):
            if isinstance(sound, Clip):
                _collect(sound, ("phrases", language), spoken_at, seen)
    has_clip = report.world.has_clip
    for at, clips in spoken_at.items() if has_clip is not None else ():
        for clip in clips:
            trouble = has_clip(clip) if has_clip is not None else None
            if trouble is not None:
                sentence = f'"{clip.text}" ({clip.language})'
                report.error(at, "E14", f"{sentence} cannot be played: {trouble}")
    _check_recorded(report, spoken_at)


def check_lengths(report: Report, ways: Ways) -> None:
    """W17: menus, labels, answers and what cannot be skipped; the way to the first option."""
    for node in report.plan.nodes.values():
        at = report.at(node.name)
        match node:
            case Menu() | LanguageMenu():
                _check_menu(report, node, at)
            case menu.Say() | menu.Voicemail() | menu.Transfer() | menu.HangUp():
                _check_info(report, node, at)
            case _:
                pass
    _check_rows(report)
    _check_first_option(report, ways)


def _collect(clip: Clip, at: Place, found: dict[Place, list[Clip]], seen: set[str]) -> None:
    clip_id = speech.clip_id(clip)
    if clip_id not in seen:
        seen.add(clip_id)
        found.setdefault(at, []).append(clip)


def _check_recorded(report: Report, spoken_at: Mapping[Place, Sequence[Clip]]) -> None:
    """W13: one line for each language of the file; in production one for each node."""
    if report.world.standings is None:
        return
    standings = report.world.standings([clip for clips in spoken_at.values() for clip in clips])
    waiting: dict[str, list[str]] = {}
    for at, clips in spoken_at.items():
        here: dict[str, int] = {}
        for clip in clips:
            state = standings.get(speech.clip_id(clip), "missing")
            if state in ("draft", "stale"):
                here[f"{state} in {clip.language}"] = here.get(f"{state} in {clip.language}", 0) + 1
                waiting.setdefault(clip.language, []).append(state)
        if here and report.world.is_production:
            counts = ", ".join(f"{count} {word}" for word, count in here.items())
            remedy = "record them; 'ivr prompts script' writes the list"
            report.error(at, "W13", f"sentences here are no recordings ({counts}); {remedy}")
    for language, states in waiting.items() if not report.world.is_production else ():
        drafts, stale = states.count("draft"), states.count("stale")
        counts = listed([f"{n} {word}" for n, word in ((drafts, "drafts"), (stale, "stale")) if n])
        remedy = "record them before callers hear them; 'ivr prompts script' writes the list"
        message = f"sentences in {language} are not recorded by a person ({counts}); {remedy}"
        report.warn(("languages",), "W13", message)


def _check_menu(report: Report, node: Menu | LanguageMenu, at: Place) -> None:
    plan = report.plan
    lengths = {
        language: _ms(report, speech.opening_of_menu(plan, node, language, "intro"))
        for language in plan.languages
    }
    language, ms = max(lengths.items(), key=lambda item: item[1])
    if ms > MENU_MS_MAX:
        message = f"the menu takes {_s(ms)} in {language}; keep to {_s(MENU_MS_MAX)}"
        report.warn(at, "W17", f"{message}: shorter labels, or fewer options")
    options: Sequence[Option | LanguageOption] = node.options
    for index, option in enumerate(options):
        for language, label in _labels(option).items():
            ms = estimated_ms(Clip(language, label))
            if len(label) > LABEL_LENGTH_MAX or ms > LABEL_MS_MAX:
                message = f"the label has {len(label)} letters in {language} and takes {_s(ms)}"
                remedy = f"keep to {LABEL_LENGTH_MAX} letters and {_s(LABEL_MS_MAX)}"
                report.warn((*at, "options", index, "label"), "W17", f"{message}; {remedy}")


def _labels(option: Option | LanguageOption) -> Mapping[str, str]:
    return {option.language: option.label} if isinstance(option, LanguageOption) else option.label


def _check_info(
    report: Report, node: menu.Say | menu.Voicemail | menu.Transfer | menu.HangUp, at: Place
) -> None:
    ms, language = _longest(report, node.prompt or ())
    if ms > INFO_MS_MAX:
        message = f"the prompt takes {_s(ms)} in {language}; keep to {_s(INFO_MS_MAX)}"
        report.warn((*at, "prompt"), "W17", message)
    elif isinstance(node, menu.Say) and not node.bargein and ms > FORCED_MS_MAX:
        message = f"nobody can skip these {_s(ms)} in {language}; keep to {_s(FORCED_MS_MAX)}"
        report.warn((*at, "prompt"), "W17", f"{message}, or allow 'bargein: true'")


def _check_rows(report: Report) -> None:
    """Texts that prompts take from tables, at the row that is too long."""
    said = {
        (part.table, part.column)
        for node in report.plan.nodes.values()
        for part in getattr(node, "prompt", None) or ()
        if isinstance(part, menu.RowText)
    }
    for table, column in said:
        for key, row in report.plan.tables[table].rows.items():
            cell = row.get(column)
            if not isinstance(cell, Mapping):
                continue
            for language, text in cell.items():
                ms = _clip_ms(report, Clip(language, text))
                if ms > INFO_MS_MAX:
                    message = f"the text takes {_s(ms)} in {language}; keep to {_s(INFO_MS_MAX)}"
                    report.warn(("tables", table, key, column), "W17", message)


def _check_first_option(report: Report, ways: Ways) -> None:
    """How long until the first option of the first menu, the language menu left out."""
    nodes = ways.nodes
    lengths: dict[str, int] = {}

    def cost(name: str) -> int | None:
        node = nodes[name]
        if isinstance(node, LanguageMenu):
            return 0
        if not isinstance(node, menu.Say):
            return None if isinstance(node, menu.InputNode | _ENDS) else 0
        if name not in lengths:
            lengths[name] = _longest(report, node.prompt)[0]
        return lengths[name]

    for name, before_ms in graph.longest(report.plan.entry, ways.steps, cost).items():
        node = nodes[name]
        if isinstance(node, Menu):
            ms = before_ms + _longest(report, node.intro or ())[0]
            if ms > FIRST_OPTION_MS_MAX:
                message = f"the first option comes {_s(ms)} after the answer, at the latest"
                remedy = f"shorten what comes before it to {_s(FIRST_OPTION_MS_MAX)}"
                report.warn(report.at(name), "W17", f"{message}; {remedy}")


_ENDS = menu.Queue | menu.HangUp | menu.Voicemail | menu.Transfer | menu.Callback


def _longest(report: Report, prompt: menu.Prompt) -> tuple[int, str]:
    """The length of a prompt in the language in which it takes longest."""
    lengths = []
    for language in report.plan.languages:
        texts = (part.texts for part in prompt if isinstance(part, menu.Said))
        clips = (Clip(language, each[language]) for each in texts if language in each)
        lengths.append((_ms(report, clips), language))
    return max(lengths)


def _ms(report: Report, sounds: Iterable[Sound]) -> int:
    return sum(
        sound.ms if isinstance(sound, Pause) else _clip_ms(report, sound) for sound in sounds
    )


def _clip_ms(report: Report, clip: Clip) -> int:
    measured = report.world.clip_ms(clip) if report.world.clip_ms is not None else None
    return measured or estimated_ms(clip)


def _s(ms: int) -> str:
    return f"{ms / 1000:.1f} s".replace(".0 s", " s")
