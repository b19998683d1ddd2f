"""Nodes that take keys: menu, language, collect, confirm, survey, callback.

A play of such a node ends in silence, in a key that decides, or in one more key to wait for. Those
that take one key out of several (`_choices`) share the trie; `collect`, and the other number of a
`callback`, take digits. Functions that take a key give the milliseconds to wait for the next one,
or None when the node has decided.
"""

from dataclasses import dataclass
from typing import assert_never

from ivr.core import menu, speech
from ivr.core.checks import passes
from ivr.core.expressions import Value
from ivr.core.rendering import prompt_sounds
from ivr.core.steps import BookCallback, Rated, Remember, Result, Via
from ivr.core.walk import MISSING, Walk

Asking = menu.Menu | menu.LanguageMenu | menu.Collect | menu.Confirm | menu.Survey | menu.Callback
ASKING = (*(menu.Menu, menu.LanguageMenu, menu.Collect, menu.Confirm, menu.Survey, menu.Callback),)

NUMBER_DIGITS_MIN, NUMBER_DIGITS_MAX = 5, 15  # E.164 has no more

# Stages of a callback
_CONFIRMING = "confirming"
_NUMBER = "number"
_BOOKING = "booking"


@dataclass(frozen=True, slots=True)
class _Digits:
    """What an entry of digits may be."""

    minimum: int
    maximum: int
    empty_key: str | None
    is_private: bool


def enter(walk: Walk, node: Asking) -> None:
    """Ask, or take the keys that came early instead of asking."""
    if isinstance(node, menu.Callback) and not _begin_callback(walk, node):
        return
    if _refuses_early_keys(walk, node) and walk.drop_keys() and _globals_on(node):
        walk.to_person("early")
    elif walk.keys and node.input.timing.bargein:
        take(walk, node, walk.keys.popleft(), "early")
    else:
        _play(walk, node, "intro", is_again=False)


def played(walk: Walk, node: Asking) -> None:
    """The prompt is over."""
    walk.prompt_end_ms = walk.now
    if _refuses_early_keys(walk, node) and walk.drop_keys() and _globals_on(node):
        walk.to_person("early")
    elif walk.keys:
        take(walk, node, walk.keys.popleft(), "early")
    else:
        walk.listen(_first_digit_ms(walk, node))


def take(walk: Walk, node: Asking, key: str, via: Via) -> None:
    """One key, and while nothing is decided those that were pressed early."""
    wait_ms = _take_one(walk, node, key, via)
    while wait_ms is not None and walk.keys:
        wait_ms = _take_one(walk, node, walk.keys.popleft(), "early")
    if wait_ms is not None:
        walk.listen(wait_ms)


def timed_out(walk: Walk, node: Asking) -> None:
    """No key in time: the end of what was dialled, or silence."""
    if walk.entry:
        _finish(walk, node)
    else:
        walk.silences += 1
        _failed(walk, node, None, "noinput")


def answered(walk: Walk, node: menu.Callback, *, is_booked: bool) -> None:
    """Whether the number will be called."""
    target = node.next if is_booked else node.on_withheld
    walk.note(None, None, reason="booked" if is_booked else "refused", to=target)
    walk.go(target)


def _take_one(walk: Walk, node: Asking, key: str, via: Via) -> int | None:
    walk.came(key, via)
    if not walk.entry:
        walk.entry_via = via
    digits = _digits_of(walk, node)
    if digits is not None:
        return _take_digit(walk, node, digits, key, via)
    return _take_choice(walk, node, key, via)


def _take_choice(walk: Walk, node: Asking, key: str, via: Via) -> int | None:
    keys, entry = _choices(node), walk.entry + key
    goes_on = bool(walk.entry) and any(known.startswith(entry) for known in keys)
    if _globals_on(node) and key in "0*#" and not goes_on:
        return _global_key(walk, node, key, via)
    walk.entry = entry
    if any(known.startswith(entry) and known != entry for known in keys):
        return _inter_digit_ms(walk, node)
    _finish(walk, node)
    return None


def _take_digit(walk: Walk, node: Asking, digits: _Digits, key: str, via: Via) -> int | None:
    """A digit of an entry. `0` is one only after another digit, where it else means a person."""
    if not walk.entry:
        is_zero = key == speech.OPERATOR_KEY and _globals_on(node)
        if key == digits.empty_key and not is_zero:
            _leave_empty(walk, node, key, via)
            return None
        if key in "*#" or is_zero:
            return _sign_before_digits(walk, node, key, via)
    elif key == "*":
        walk.entry = ""
        return _first_digit_ms(walk, node)
    elif key == "#":
        _finish(walk, node)
        return None
    walk.entry += key
    if len(walk.entry) < digits.maximum:
        return _inter_digit_ms(walk, node)
    _finish(walk, node)
    return None


def _sign_before_digits(walk: Walk, node: Asking, key: str, via: Via) -> int | None:
    if _globals_on(node):
        return _global_key(walk, node, key, via)
    if key == "*":  # nothing to clear
        return _first_digit_ms(walk, node)
    walk.errors += 1
    _failed(walk, node, key, "nomatch")
    return None


def _leave_empty(walk: Walk, node: Asking, key: str, via: Via) -> None:
    way = node.on_empty if isinstance(node, menu.Collect) else None
    way = way or node.input.on_fail
    walk.note(key, "match", via, to=way.goto)
    walk.jump(way)


def _global_key(walk: Walk, node: Asking, key: str, via: Via) -> int | None:
    """`0`, `*` or `#`; within a longer key `*` clears what was dialled and `#` ends it."""
    if key == speech.OPERATOR_KEY:
        walk.to_person(via)
    elif walk.entry and key == "#":
        _finish(walk, node)
    elif walk.entry:
        walk.entry = ""
        return _first_digit_ms(walk, node)
    elif key == "*" and walk.back:
        walk.go_back(via)
    elif key == "*" and node.input.back_to is not None:
        walk.note(key, "global", via, to=node.input.back_to)
        walk.go(node.input.back_to)
    else:
        walk.note(key, "global", via)
        return _repeat(walk, node)
    return None


def _repeat(walk: Walk, node: Asking) -> int | None:
    """Play the node again; not an attempt, but a step."""
    walk.heard = ()
    if walk.keys and node.input.timing.bargein:
        return _first_digit_ms(walk, node)
    _play(walk, node, "intro")
    return None


def _finish(walk: Walk, node: Asking) -> None:
    """What was dialled is whole."""
    entry, walk.entry = walk.entry, ""
    digits = _digits_of(walk, node)
    if digits is not None:
        _finish_digits(walk, node, digits, entry)
    elif entry in _choices(node):
        _chosen(walk, node, entry)
    else:
        walk.errors += 1
        _failed(walk, node, entry, "nomatch")


def _finish_digits(walk: Walk, node: Asking, digits: _Digits, entry: str) -> None:
    shown = "*" * len(entry) if digits.is_private else entry
    check = node.check if isinstance(node, menu.Collect) else None
    if len(entry) < digits.minimum or not passes(check, entry):
        walk.errors += 1
        _failed(walk, node, shown, "nomatch")
    elif isinstance(node, menu.Collect):
        _stored(walk, node, entry, shown)
    elif isinstance(node, menu.Callback):
        walk.number, walk.stage = entry, _CONFIRMING
        walk.note(shown, "match", walk.entry_via)
        walk.attempt, walk.silences, walk.errors = 1, 0, 0
        _play(walk, node, "intro")


def _stored(walk: Walk, node: menu.Collect, entry: str, shown: str) -> None:
    walk.known.store(node.store, entry, is_private=node.is_sensitive)
    way, reason = node.next, None
    if node.find is not None and walk.known.find(node.find):
        way = node.on_found
    elif node.find is not None:
        way, reason = node.on_missing, MISSING
    way = way or node.input.on_fail
    walk.note(shown, "match", walk.entry_via, reason=reason, to=way.goto)
    walk.jump(way)


def _chosen(walk: Walk, node: Asking, key: str) -> None:
    via = walk.entry_via
    match node:
        case menu.Menu():
            way = next(option.to for option in node.options if option.key == key)
            walk.note(key, "match", via, to=way.goto)
            walk.back.append((node.name, walk.known.frames))
            walk.jump(way)
        case menu.LanguageMenu():
            option = next(option for option in node.options if option.key == key)
            walk.known.language = option.language
            walk.note(key, "match", via, to=node.next)
            if node.remember:
                walk.out.append(Remember(option.language))
            walk.go(node.next)
        case menu.Confirm():
            way = node.on_yes if key == speech.YES_KEY else node.on_no
            walk.note(key, "match", via, to=way.goto)
            walk.jump(way)
        case menu.Survey():
            score = int(key) if key.isdecimal() else 0
            is_low = node.low is not None and score <= node.low
            walk.note(key, "match", via, to=node.next)
            walk.out.append(Rated(node.key, score, node.low_tag if is_low else ""))
            walk.go(node.next)
        case menu.Callback():
            walk.note(key, "match", via)
            if key == speech.YES_KEY:
                _book(walk, node)
            else:
                walk.stage = _NUMBER
                walk.attempt, walk.silences, walk.errors = 1, 0, 0
                _play(walk, node, "intro")
        case menu.Collect():
            raise AssertionError(f"{node.name} takes digits")
        case _:
            assert_never(node)


def _failed(walk: Walk, node: Asking, key: str | None, result: Result) -> None:
    """Silence or a wrong key: say so and ask again, or give up and bring a person."""
    wants_person = walk.drop_keys() and _globals_on(node)
    walk.note(key, result, walk.entry_via if key else None)
    attempts = _attempts(walk, node)
    if wants_person:
        walk.to_person("early")
    elif attempts is not None and walk.attempt >= attempts:
        _give_up(walk, node)
    else:
        walk.attempt += 1
        _play(walk, node, "noinput" if result == "noinput" else "nomatch")


def _give_up(walk: Walk, node: Asking) -> None:
    way = menu.Jump(node.next) if isinstance(node, menu.Survey) else node.input.on_fail
    walk.note(None, "fail", to=way.goto)
    if walk.is_person(way.goto):
        walk.known.assign(way.set)
        walk.promise(way.goto)
    else:
        walk.jump(way)


def _play(walk: Walk, node: Asking, opening: speech.Opening, *, is_again: bool = True) -> None:
    """Ask; to ask again is a step of its own."""
    if is_again and walk.is_limit_reached():
        return
    is_slow = walk.silences > 0 and node.input.timing.slow_after_noinput
    sounds = _sounds(walk, node, opening, with_signs=is_slow)
    if not walk.play(sounds, interruptible=node.input.timing.bargein, is_slow=is_slow):
        played(walk, node)


def _sounds(
    walk: Walk, node: Asking, opening: speech.Opening, *, with_signs: bool
) -> tuple[menu.Sound, ...]:
    plan, language = walk.plan, walk.known.language
    lead: tuple[menu.Sound, ...] = ()
    if opening != "intro":
        count = walk.silences if opening == "noinput" else walk.errors
        own = speech.reprompt_of(node, opening, count)
        if own is not None:
            lead = prompt_sounds(plan, own, walk.known)
        else:
            lead = speech.failure_sounds(plan, language, opening)
    match node:
        case menu.Menu() | menu.LanguageMenu():
            if opening == "intro" and isinstance(node, menu.LanguageMenu):
                lead = speech.language_intro(plan, node)
            elif opening == "intro" and isinstance(node, menu.Menu):
                lead = prompt_sounds(plan, node.intro or (), walk.known)
            return speech.opening_of_menu(
                plan, node, language, opening, lead=lead, with_signs=with_signs
            )
        case menu.Collect() | menu.Survey():
            return (*lead, *prompt_sounds(plan, node.prompt, walk.known))
        case menu.Confirm():
            asked = prompt_sounds(plan, node.prompt, walk.known)
            return (*lead, *asked, speech.confirm_clip(plan, language))
        case menu.Callback():
            return (*lead, *_callback_sounds(walk))
        case _:
            assert_never(node)


def _callback_sounds(walk: Walk) -> tuple[menu.Sound, ...]:
    plan, language = walk.plan, walk.known.language
    if walk.stage == _NUMBER:
        return (speech.enter_number_clip(plan, language),)
    return (
        speech.callback_clip(plan, language),
        *speech.digit_sounds(language, walk.number, is_private=True),
        speech.confirm_clip(plan, language),
    )


def _begin_callback(walk: Walk, node: menu.Callback) -> bool:
    """Whether there is a number to ask about; without one, or a question, the call goes on."""
    walk.number = _number(walk.known.value(node.number))
    if not walk.number:
        walk.note(None, None, reason="withheld", to=node.on_withheld)
        walk.go(node.on_withheld)
        return False
    walk.stage = _CONFIRMING
    if not node.confirm_number:
        if walk.drop_keys() and _globals_on(node):
            walk.to_person("early")
        else:
            _book(walk, node)
        return False
    return True


def _number(value: Value) -> str:
    """A telephone number as it is dialled; empty for anything else, such as `anonymous`."""
    written = str(value) if isinstance(value, str | int) and value is not True else ""
    digits = "".join(each for each in written if each in "0123456789")
    if set(written) - set("0123456789+-.() ") or len(digits) > NUMBER_DIGITS_MAX:
        return ""
    return f"+{digits}" if digits and written.lstrip().startswith("+") else digits


def _book(walk: Walk, node: menu.Callback) -> None:
    walk.stage = _BOOKING
    topic = walk.topic
    for name in ("topic", "skill"):
        value = walk.known.call.get(name)
        if not topic and isinstance(value, str):
            topic = value
    walk.wait(BookCallback(node.name, walk.number, walk.known.language, topic, node.max_age_ms))


def _choices(node: Asking) -> tuple[str, ...]:
    match node:
        case menu.Menu() | menu.LanguageMenu():
            return tuple(option.key for option in node.options)
        case menu.Survey():
            return node.scale
        case _:
            return (speech.YES_KEY, speech.NO_KEY)


def _digits_of(walk: Walk, node: Asking) -> _Digits | None:
    """What is dialled here when it is digits and not a choice."""
    if isinstance(node, menu.Collect):
        return _Digits(node.digits_min, node.digits_max, node.empty_key, node.is_sensitive)
    if isinstance(node, menu.Callback) and walk.stage == _NUMBER:
        return _Digits(NUMBER_DIGITS_MIN, NUMBER_DIGITS_MAX, None, is_private=True)
    return None


def _refuses_early_keys(walk: Walk, node: Asking) -> bool:
    """Whether the question has to be heard before it can be answered."""
    is_about_number = isinstance(node, menu.Callback) and walk.stage == _CONFIRMING
    is_question = isinstance(node, menu.Confirm | menu.Survey) or is_about_number
    return is_question or not node.input.timing.type_ahead


def _globals_on(node: Asking) -> bool:
    """A survey has none: there 0 must not mean a person."""
    return node.input.globals_on and not isinstance(node, menu.Survey)


def _attempts(walk: Walk, node: Asking) -> int | None:
    if isinstance(node, menu.Survey):
        return 1
    return walk.profile.attempts if walk.profile is not None else node.input.timing.attempts


def _first_digit_ms(walk: Walk, node: Asking) -> int:
    factor = walk.profile.timeout_factor if walk.profile is not None else 1
    return node.input.timing.first_digit_ms * factor * (2 if walk.silences else 1)


def _inter_digit_ms(walk: Walk, node: Asking) -> int:
    factor = walk.profile.timeout_factor if walk.profile is not None else 1
    return node.input.timing.inter_digit_ms * factor
