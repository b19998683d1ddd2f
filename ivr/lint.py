"""What is wrong with a menu although each line is right. E forbids to use it, W is shown.

    W05 unreachable node          E11 the operator is more than one key away
    E06 no end can be reached     E12 missing, same or foreign text
    E07 circle without a key      E14 audio missing or unusable
    E08 keys collide              W15 too many options (an error above nine)
    E09 reserved key used         W16 too deep
    E10 silence ends elsewhere    W18 keys not 1, 2, 3...
                                  W19 text names a key
                                  W20 timing outside what callers manage

E01 to E04 (syntax, quoting, fields, targets) come from the readers.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence

from acd.problems import Severity
from acd.yaml_source import Problems
from ivr import graph, wording
from ivr.core import speech
from ivr.core.menu import (
    Clip,
    HangUp,
    LanguageMenu,
    LanguageOption,
    Menu,
    Option,
    Queue,
    Say,
    Timing,
)
from ivr.reader import Draft
from ivr.scope import Place

HasClip = Callable[[Clip], str | None]

OPTIONS_GOOD, OPTIONS_MAX = 5, 9
DEPTH_MAX = 3
PROMPTS_BEFORE_KEYS_MAX = 3


def lint(draft: Draft, problems: Problems, has_clip: HasClip | None = None) -> None:
    """Record everything that is wrong; the rules about ways need a draft that is sound.

    `has_clip` says what is wrong with the audio of a clip, with the remedy; None when it is good.
    """
    linter = _Linter(draft, problems)
    linter.check_nodes()
    linter.check_phrases()
    if draft.is_sound:
        linter.check_ways()
        linter.check_operator()
        if has_clip is not None:
            linter.check_audio(has_clip)


class _Linter:
    def __init__(self, draft: Draft, problems: Problems) -> None:
        self._draft = draft
        self._plan = draft.dialplan
        self._problems = problems

    def check_nodes(self) -> None:
        """Rules that look at one node at a time."""
        for node in self._plan.nodes.values():
            at: Place = ("nodes", node.name)
            if isinstance(node, Say | HangUp) and node.prompt is not None:
                self._check_texts((*at, "prompt"), node.prompt)
            if isinstance(node, Menu | LanguageMenu):
                if node.intro is not None:
                    self._check_texts((*at, "intro"), node.intro)
                self._check_options(node, at)
                self._check_timing(node.timing, at, len(node.options))
        if not any(isinstance(n, Menu | LanguageMenu) for n in self._plan.nodes.values()):
            return
        label: Place = ("globals", "label")
        if label in self._draft.places:
            self._check_texts(label, self._plan.globals.label)

    def check_phrases(self) -> None:
        """W19: what a key does is said before the key."""
        for language, phrases in self._plan.phrases.items():
            if wording.key_before_function(phrases.option):
                message = "the key is said before what it does; put {label} first"
                self._warn(("phrases", language), "W19", message)

    def check_ways(self) -> None:
        """Rules about ways through the menu: W05, E06, E07, E10, W16."""
        reachable, ending = graph.reachable(self._plan), graph.ending(self._plan)
        depths = graph.depths(self._plan)
        for node in self._plan.nodes.values():
            at: Place = ("nodes", node.name)
            if node.name not in reachable:
                message = f"no caller ever gets to '{node.name}'; lead a key there, or remove it"
                self._warn(at, "W05", message)
                continue
            if isinstance(node, Say) and graph.past_prompts(self._plan, node.name)[0] is None:
                message = f"'{node.name}' repeats for ever without asking for a key; lead it on"
                self._error((*at, "next"), "E07", message)
            elif node.name not in ending:
                message = f"from '{node.name}' no queue and no hang-up can be reached; add a way"
                self._error(at, "E06", message)
            if isinstance(node, Menu | LanguageMenu):
                self._check_silence(node)
            depth = depths.get(node.name, 0)
            if depth > DEPTH_MAX:
                message = f"this is menu number {depth} on the way; keep to {DEPTH_MAX} in a row"
                self._warn(at, "W16", message)

    def check_operator(self) -> None:
        """E11: a person is one key away from every menu, and near from the start."""
        person, _ = graph.past_prompts(self._plan, self._plan.globals.operator)
        if not isinstance(person, Queue):
            message = f"the key 0 leads to '{self._plan.globals.operator}', which is not a queue"
            self._error(("globals", "goto"), "E11", f"{message}; name a queue node")
        _, prompt_count = graph.past_prompts(self._plan, self._plan.entry)
        if prompt_count > PROMPTS_BEFORE_KEYS_MAX:
            message = f"{prompt_count} prompts come before the first choice"
            remedy = f"keep to {PROMPTS_BEFORE_KEYS_MAX}"
            self._error(("entry",), "E11", f"{message}; {remedy}")
        for node in self._plan.nodes.values():
            if not isinstance(node, Menu | LanguageMenu) or node.globals_on:
                continue
            if not any(isinstance(self._behind(o), Queue) for o in node.options):
                message = "no key leads to a person here; remove 'globals: off', or add an option"
                self._error(("nodes", node.name, "globals"), "E11", message)

    def check_audio(self, has_clip: HasClip) -> None:
        """E14: every sentence a caller may hear can be played."""
        seen: set[str] = set()
        for node in self._plan.nodes.values():
            for clip in speech.clips_of(self._plan, node):
                self._check_clip(clip, ("nodes", node.name), has_clip, seen)
        for language in self._plan.languages:
            for sound in speech.to_operator(self._plan, language):
                if isinstance(sound, Clip):
                    self._check_clip(sound, ("phrases", language), has_clip, seen)

    def _check_clip(self, clip: Clip, at: Place, has_clip: HasClip, seen: set[str]) -> None:
        clip_id = speech.clip_id(clip)
        if clip_id in seen:
            return
        seen.add(clip_id)
        trouble = has_clip(clip)
        if trouble is not None:
            sentence = f'"{clip.text}" ({clip.language})'
            self._error(at, "E14", f"{sentence} cannot be played: {trouble}")

    def _behind(self, option: Option | LanguageOption) -> object:
        if isinstance(option, LanguageOption):
            return None
        return graph.past_prompts(self._plan, option.goto)[0]

    def _check_silence(self, node: Menu | LanguageMenu) -> None:
        end = graph.silent_end(self._plan, node.name)
        if isinstance(end, Queue):
            return
        at: Place = ("nodes", node.name, "on_fail")
        if end is None:
            message = f"who presses nothing in '{node.name}' goes round for ever"
        else:
            message = f"who presses nothing in '{node.name}' is hung up on at '{end.name}'"
        self._error(at, "E10", f"{message}; lead 'on_fail' to a queue")

    def _check_options(self, node: Menu | LanguageMenu, at: Place) -> None:
        count = len(node.options)
        if count > OPTIONS_GOOD:
            severity: Severity = "error" if count > OPTIONS_MAX else "warning"
            message = f"{count} options are more than a caller can keep in mind"
            remedy = f"keep to {OPTIONS_GOOD}, or group them"
            self._record((*at, "options"), "W15", severity, f"{message}; {remedy}")
        self._check_keys(node, at)
        options: Sequence[Option | LanguageOption] = node.options
        for index, option in enumerate(options):
            label: Place = (*at, "options", index, "label")
            if isinstance(option, LanguageOption):
                self._check_texts(label, {option.language: option.label})
            else:
                self._check_texts(label, option.label)

    def _check_keys(self, node: Menu | LanguageMenu, at: Place) -> None:
        keys = [option.key for option in node.options]
        first_at: dict[str, int] = {}
        for index, key in enumerate(keys):
            place: Place = (*at, "options", index, "key")
            if not key:
                continue
            if key in first_at:
                line = self._draft.place(*at, "options", first_at[key], "key").line
                message = f"the key {key} is already used on line {line}; choose another"
                self._error(place, "E08", message)
            first_at.setdefault(key, index)
            if node.globals_on and key[0] in "0*#":
                message = f"{key[0]} is taken (0 operator, * back, # repeat); choose 1 to 9"
                self._error(place, "E09", message)
        self._check_prefixes(node, at, list(first_at))
        if keys and all(keys) and keys != [str(n) for n in range(1, len(keys) + 1)]:
            wanted = ", ".join(str(n) for n in range(1, len(keys) + 1))
            message = f"the keys are {', '.join(keys)}; write {wanted} in this order"
            self._warn((*at, "options"), "W18", message)

    def _check_prefixes(self, node: Menu | LanguageMenu, at: Place, keys: list[str]) -> None:
        if node.name in self._draft.may_prefix:
            return
        wait_s = node.timing.inter_digit_ms / 1000
        options: Sequence[Option | LanguageOption] = node.options
        for index, option in enumerate(options):
            longer = next((k for k in keys if k.startswith(option.key) and k != option.key), None)
            if option.key and longer is not None:
                message = f"{option.key} begins {longer} too, so that it waits {wait_s:g} s"
                remedy = "change a key, or add 'allow_prefix: true'"
                self._error((*at, "options", index, "key"), "E08", f"{message}; {remedy}")

    def _check_texts(self, at: Place, texts: Mapping[str, str]) -> None:
        for language, text in texts.items():
            foreign = wording.wrong_language(language, text)
            if foreign is not None:
                self._error(at, "E12", foreign)
            named = wording.names_a_key(language, text)
            if named is not None:
                message = f"'{named}' in the text in {language} speaks of a key"
                self._warn(at, "W19", f"{message}; leave that to the 'option' phrase")
        for one, other in wording.same_text(texts):
            message = f"the text is the same in {one} and {other}; translate it"
            self._error(at, "E12", message)

    def _check_timing(self, timing: Timing, at: Place, option_count: int) -> None:
        for name, message in _timing_faults(timing, option_count):
            place: Place = (*at, name)
            if place not in self._draft.places:
                place = ("defaults", name)
            if place not in self._draft.places:
                place = at
            self._warn(place, "W20", message)

    def _error(self, at: Place, rule: str, message: str) -> None:
        self._record(at, rule, "error", message)

    def _warn(self, at: Place, rule: str, message: str) -> None:
        self._record(at, rule, "warning", message)

    def _record(self, at: Place, rule: str, severity: Severity, message: str) -> None:
        node = self._draft.place(*at)
        record = self._problems.error if severity == "error" else self._problems.warning
        record(node.file, node.line, node.column, rule, message)


def _timing_faults(timing: Timing, option_count: int) -> Iterator[tuple[str, str]]:
    """The field and what to write, for each time that callers do not manage."""
    if not 3000 <= timing.first_digit_ms <= 10_000:
        yield (
            "first_digit_timeout",
            f"{timing.first_digit_ms / 1000:g} s for the first key; write 3s to 10s",
        )
    if not 2000 <= timing.inter_digit_ms <= 5000:
        yield (
            "inter_digit_timeout",
            f"{timing.inter_digit_ms / 1000:g} s between two keys; write 2s to 5s",
        )
    elif timing.inter_digit_ms > timing.first_digit_ms:
        yield "inter_digit_timeout", "longer than the time for the first key; write less"
    if not 2 <= timing.attempts <= 3:
        yield "attempts", f"{timing.attempts} plays before a person comes; write 2 or 3"
    if timing.option_gap_ms < 400 and option_count > 3:
        yield (
            "option_gap",
            f"{timing.option_gap_ms} ms between {option_count} options; write 400ms or more",
        )
