"""One call told in plain words: what happened when, and why the router did what it did. Pure."""

from collections.abc import Mapping
from typing import Any

from acd.screens import Row, clean, duration, plain

Data = Mapping[str, Any]

EVENTS = {
    "arrived": "the call arrived",
    "queued": "left the menu for the queue {queue} (topic {topic})",
    "offered": "offered to {operator}",
    "ringing": "the phone of {operator} rings",
    "operator_answered": "{operator} picked up and hears what is coming",
    "connected": "connected with {operator}",
    "offer_failed": "{operator} did not take it: {reason}",
    "operator_lost": "the phone of {operator} died in the conversation",
    "operator_hung_up": "{operator} hung up",
    "returned_to_queue": "back at the head of the queue",
    "message": "the caller hears the phrase {phrase}",
    "left_queue": "the ladder leads the caller out of the queue, to {target}",
    "queued_again": "the caller came back into the queue {queue} (topic {topic})",
    "key": "the caller pressed {key} in the music",
    "told": "the caller is told how it stands",
    "callback_offered": "the caller is offered a callback",
    "callback_accepted": "the caller took the callback and confirmed the number",
    "callback_dialled": "the citizen is called back for {operator}",
    "callback_answered": "the citizen picked up and wants to talk",
    "callback_failed": "the citizen was not reached: {reason}",
    "callback_given_up": "nobody was reached in {tries} calls; given up",
    "callback_cancelled": "the callback was cancelled",
    "step": "step of the ladder: {step}",
    "caller_hung_up": "the caller hung up ({stage})",
    "fallback": "Asterisk's own queue has the caller: the service is away",
    "menu": "menu {node}",
    "resumed": "the service is back and goes on with the call",
    "service_stopped": "the service was stopped",
    "service_restarted": "the service was restarted; what became of the call was not seen",
    "ended": "the call ended: {outcome}",
    "ended_unseen": "the call had ended while the service was away: {outcome}",
    "cut_off": "Asterisk was restarted, and the call was lost with it",
    "recording_notice": "the caller is told that the call is recorded",
    "recording": "the conversation is recorded in {file}",
    "recording_paused": "the recording is paused",
    "recording_resumed": "the recording goes on",
    "bookmark": "bookmark at {offset_ms} of the recording",
    "recorded": "the recording is complete: {length_ms}",
    "recording_failed": "the conversation was not recorded: {reason}",
    "recording_exported": "the recording was read out by {by}",
    "message_left": "nobody was logged in: the caller left the message {file}",
}
REASONS = {
    "rona": "rang out unanswered",
    "phone_busy": "the phone was busy",
    "phone_unreachable": "the phone is not reachable",
    "phone_in_use": "the phone is in use",
    "hung_up_at_once": "hung up at once",
    "no_result": "no result within the time limit",
    "not_free": "the phone was in use after all",
    "no_answer": "no answer",
    "busy": "busy",
    "refused": "nothing was pressed, or the call was refused",
    "reserve": "kept in reserve",
    "not_on_roster": "not on the roster any more",
    "language": "does not speak the language",
    "language_level": "not good enough in the language yet",
    "topic": "does not know the topic",
    "topic_level": "not good enough in the topic yet",
    "callback_no_answer": "no answer",
    "offline": "logged out",
    "logged_out": "logged out",
    "taken": "was taken",
    "wrap_up": "in wrap-up",
    "shift_ends": "about to go home",
}
OUTCOMES = {
    "answered": "answered",
    "abandoned": "abandoned: the caller hung up before an operator was connected",
    "callback": "the caller accepted a callback",
    "overflowed": "left a message, or for another overflow target",
    "left_menu": "the caller hung up in the menu",
    "finished_in_menu": "the menu answered it",
    "fallback": "handled by Asterisk's own fallback",
}
RULES = {
    "reserve": "the ladder calls in the reserve",
    "raise": "the ladder gives a head start",
    "offer_callback": "the ladder offers a callback",
    "announce": "the caller is told how it stands",
    "callback_no_answer": "the citizen did not answer",
    "callback_busy": "the citizen's phone was busy",
    "callback_failed": "the citizen's phone could not be called",
    "callback_refused": "the citizen, or a machine, pressed nothing",
    "callback_no_result": "nothing was heard of the call to the citizen in time",
    "callback_given_up": "the callback is given up",
}
_HIDDEN = frozenset({"at", "event", "seq"})


def story(call: Data, why: str | None = None) -> list[str]:
    """The whole story; `why` is the operator whose absence is explained at each decision."""
    start = _moment(call.get("arrived_at")) or _first_moment(call)
    lines = _head(call)
    timeline = _rows(call, "timeline")
    lines += ["", "what happened:"] if timeline else ["", "nothing is on record of what happened"]
    lines += [f"  {_since(start, entry):>9}  {_event(entry)}" for entry in timeline]
    decisions = _rows(call, "decisions")
    if decisions:
        lines += ["", "why:"]
    for decision in decisions:
        lines += _decision(decision, start, why)
    return lines


def _head(call: Data) -> list[str]:
    arrived = str(call.get("arrived_at") or "")[:19].replace("T", " ")
    outcome = call.get("outcome")
    parts = [f"call {plain(call.get('call'))}"]
    parts += [f"from {plain(call['number'])}"] if call.get("number") else []
    parts += [f"arrived {clean(arrived)}"] if arrived else []
    lines = [", ".join(parts)]
    about = [
        f"{word} {plain(call[key])}"
        for key, word in (("language", "language"), ("topic", "topic"), ("queue", "queue"))
        if call.get(key)
    ]
    lines += ["  " + ", ".join(about)] if about else []
    told = OUTCOMES.get(str(outcome), plain(outcome)) if outcome else "still going on"
    if call.get("operator"):
        told += f" by {plain(call['operator'])}" if outcome == "answered" else ""
    if call.get("wait_s") is not None:
        told += f", after a wait of {_exact(call['wait_s'])}"
    if call.get("estimated_never"):
        told += " (nobody on duty could take it)"
    elif isinstance(call.get("estimated_wait_s"), int | float):
        told += f" (expected: {_exact(call['estimated_wait_s'])})"
    if call.get("handle_s") is not None:
        told += f", handled for {duration(call['handle_s'])} (conversation and wrap-up)"
    lines.append(f"  {told}")
    if call.get("recording"):
        lines.append(f"  recorded: {plain(call['recording'])} (`acd recording export`)")
    return lines


def _event(entry: Row) -> str:
    event = str(entry.get("event"))
    known = EVENTS.get(event)
    values = {key: _word(key, value) for key, value in entry.items() if key not in _HIDDEN}
    text = known.format_map(_Gaps(values)) if known else clean(event.replace("_", " "))
    rest = [
        f"{key.removesuffix('_ms')} {text_}"
        for key, text_ in values.items()
        if f"{{{key}}}" not in (known or "")
    ]
    rest = [part for part in rest if not part.endswith(" -")]
    return text + (f" ({', '.join(rest)})" if rest else "")


class _Gaps(dict[str, str]):
    """What an entry does not say stands as `?`."""

    def __missing__(self, key: str) -> str:
        return "?"


def _word(key: str, value: object) -> str:
    if key == "reason":
        return REASONS.get(str(value), plain(value))
    if key == "outcome":
        return OUTCOMES.get(str(value), plain(value))
    if key.endswith("_ms") and isinstance(value, int):
        return _exact(value / 1000)
    return plain(value)


def _decision(decision: Row, start: float | None, why: str | None) -> list[str]:
    candidates = decision.get("candidates") or []
    taken, rule = decision.get("taken"), str(decision.get("rule"))
    could = len(candidates) if isinstance(candidates, list) else 0
    could = max(could, int(decision.get("candidate_count") or 0))
    if taken:
        of = f"of {could} who could take it" if could > 1 else "the only one who could take it"
        text = f"{plain(taken)} was rung: {_rule(rule)}, {of}"
    elif rule == "nobody_ready":
        text = "nobody could take it yet, so the caller waits"
    else:
        free = f"{could} could take it then" if could else "nobody could take it then"
        text = f"{_rule(rule)}: {free}"
    lines = [f"  {_since(start, decision):>9}  {text}"]
    if could > 1:
        others = [plain(one) for one in candidates if one != taken]
        more = could - len(others) - (1 if taken else 0)
        ending = f" and {more} more" if more > 0 else ""
        lines.append(_under(f"next in order: {', '.join(others)}{ending}"))
    refused = decision.get("refused")
    if isinstance(refused, Mapping) and refused:
        lines.append(_under(f"not possible: {_refused(refused)}"))
    if decision.get("estimated_never"):
        lines.append(_under("expected wait: nobody is there who could come"))
    elif isinstance(decision.get("estimated_wait_s"), int | float):
        lines.append(_under(f"expected wait: {duration(decision['estimated_wait_s'])}"))
    if why is not None:
        reason = str(decision.get("why") or "logged_out")
        lines.append(_under(f"{clean(why)}: {REASONS.get(reason, plain(reason))}"))
    return lines


def _rule(rule: str) -> str:
    if rule == "order_of_choice":
        return "first in the order of choice"
    if rule in RULES:
        return RULES[rule]
    if rule.startswith("leave to "):
        return f"the ladder leads the caller to {clean(rule.removeprefix('leave to '))}"
    if rule == "widen":
        return "the ladder accepts lower levels from here"
    if rule.startswith("overflow to "):
        return f"the ladder lets the operators of {clean(rule.removeprefix('overflow to '))} help"
    return "the ladder speaks to the caller" if rule == "message" else clean(rule.replace("_", " "))


def _refused(refused: Mapping[str, Any]) -> str:
    counts = {reason: len(n) if isinstance(n, list) else n for reason, n in refused.items()}
    return ", ".join(
        f"{plain(count)} {REASONS.get(reason, clean(reason.replace('_', ' ')))}"
        for reason, count in counts.items()
    )


def _under(text: str) -> str:
    return " " * 13 + text


def _since(start: float | None, row: Row) -> str:
    at = _moment(row.get("at"))
    return "?" if at is None or start is None else f"+{_exact(at - start)}"


def _exact(seconds: object) -> str:
    """Tenths of seconds below an hour: 12.3s, 2m05.0s."""
    if not isinstance(seconds, int | float):
        return plain(seconds)
    tenths = int(seconds * 10 + 0.5) if seconds >= 0 else 0
    if tenths < 600:
        return f"{tenths / 10:.1f}s"
    if tenths < 36_000:
        return f"{tenths // 600}m{tenths % 600 / 10:04.1f}s"
    return duration(seconds)


def _first_moment(call: Data) -> float | None:
    return next((_moment(entry.get("at")) for entry in _rows(call, "timeline")), None)


def _moment(text: object) -> float | None:
    from datetime import datetime

    try:
        return datetime.fromisoformat(str(text)).timestamp()
    except ValueError:
        return None


def _rows(call: Data, key: str) -> list[dict[str, Any]]:
    rows = call.get(key)
    return [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []
