"""Judges a ladder as a whole: steps that can never fire, or do what was done already."""

from collections.abc import Sequence

from acd.core.queues import (
    LeastLevel,
    Leave,
    Message,
    OfferCallback,
    OverflowTo,
    Reserve,
    Step,
    Widen,
)
from acd.settings_conditions import HOUR_MAX, bounds
from acd.settings_ladder import Placed


def acts_by(step: Step, target_ms: int) -> bool:
    """Whether the step surely does something for a caller who has waited that long.

    A condition may stay false for ever, and a message alone brings nobody an operator.
    """
    if isinstance(step, Message):
        return False
    sure = [] if step.at_ms is None else [int(step.at_ms)]
    if step.when and all(each.figure == "waited" for each in step.when):
        lo, hi = bounds(step.when)["waited"]
        sure += [lo] if hi is None else []
    return bool(sure) and min(sure) <= target_ms


def by_time(ladder: Sequence[Placed]) -> list[Placed]:
    """The steps that have a time, in order of it; then those that wait for a condition alone."""
    return sorted(ladder, key=lambda each: (each.step.at_ms is None, each.step.at_ms or 0))


def check_ladder(ladder: Sequence[Placed], least: LeastLevel) -> None:
    """Records every step that can never fire or never does anything."""
    for index, placed in enumerate(ladder):
        same = next((each for each in ladder[:index] if each.step == placed.step), None)
        if same is not None:
            placed.node.error(f"the same step stands on line {same.node.line}; remove one of them")
        _check_condition(placed)
    _check_after_leaving(by_time(ladder))
    _check_for_nothing(by_time(ladder), least)


def _check_condition(placed: Placed) -> None:
    """A condition that always holds, or only after the time of the step, decides nothing."""
    step = placed.step
    if not step.when:
        return
    found = bounds(step.when)
    waited = found.get("waited", (0, None))[0]
    if step.at_ms is not None and waited >= step.at_ms:
        placed.node.warning(
            f"'at: {step.at_ms / 1000:g}s' always comes before 'waited' of the condition; remove "
            "one of the two",
            "W25",
        )
    first = {"waiting": 1, "hour": 0, "ready": 0, "waited": 0, "longest_wait": 0}
    if all(
        figure in first
        and lo <= first[figure]
        and hi in (None, HOUR_MAX if figure == "hour" else None)
        for figure, (lo, hi) in found.items()
    ):
        placed.node.warning("the condition always holds; write 'at: 0s' instead", "W25")


def _check_after_leaving(ladder: Sequence[Placed]) -> None:
    """Whoever was led out of the line takes no further step."""
    left: Placed | None = None
    for placed in ladder:
        step = placed.step
        if left is not None and left.step.at_ms is not None:
            if _earliest(step) >= left.step.at_ms:
                where = left.step.target if isinstance(left.step, Leave) else ""
                placed.node.error(
                    f"the step can never fire: by then line {left.node.line} has led the caller to "
                    f"'{where}'; give it an earlier time, or remove it"
                )
        elif isinstance(step, Leave) and step.at_ms is not None:
            left = placed


def _earliest(step: Step) -> int:
    """The shortest wait after which a step can fire."""
    times = [] if step.at_ms is None else [int(step.at_ms)]
    if step.when:
        times.append(bounds(step.when).get("waited", (0, None))[0])
    return min(times)


def _check_for_nothing(ladder: Sequence[Placed], least: LeastLevel) -> None:
    """Steps whose work is done when their turn comes."""
    language, topic = least.language, least.topic
    done: dict[Step, Placed] = {}
    for placed in ladder:
        step = placed.step
        if isinstance(step, Widen):
            now = (least.language, least.topic) if step.when else (language, topic)
            if _is_no_wider(step, now):
                placed.node.warning(
                    f"the step accepts nobody new: language {now[0]} and topic {now[1]} are "
                    "accepted by then; write a lower level, or remove it",
                    "W25",
                )
            if step.at_ms is not None:
                language = min(language, step.language or language)
                topic = min(topic, topic if step.topic is None else step.topic)
        elif isinstance(step, Reserve | OfferCallback | OverflowTo) and not step.when:
            before = next((each for one, each in done.items() if _is_same_work(one, step)), None)
            if before is not None:
                placed.node.warning(
                    f"line {before.node.line} has done this by then; remove one of the two", "W25"
                )
        if step.at_ms is not None:
            done.setdefault(step, placed)


def _is_no_wider(step: Widen, levels: tuple[int, int]) -> bool:
    language, topic = levels
    return (step.language is None or step.language >= language) and (
        step.topic is None or step.topic >= topic
    )


def _is_same_work(one: Step, other: Step) -> bool:
    if isinstance(one, OverflowTo) and isinstance(other, OverflowTo):
        return one.queue == other.queue
    return type(one) is type(other)
