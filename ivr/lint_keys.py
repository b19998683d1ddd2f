"""Rules about keys and times: E08, E09, W15, W18, W20."""

from collections.abc import Iterator, Sequence

from acd.problems import Severity
from ivr.core import menu
from ivr.core.menu import LanguageMenu, LanguageOption, Menu, Option, Timing
from ivr.lint_report import Report
from ivr.scope import Place

OPTIONS_GOOD, OPTIONS_MAX = 5, 9
PLACES_MAX = 2  # how far an option may stand from where its callers would put it
CALLS_MIN = 100  # fewer say nothing about an order
GAP_OPTIONS = 3  # up to so many options nobody needs time between them
GLOBAL_KEYS = "0*#"

Choice = Menu | LanguageMenu


def check_keys(report: Report) -> None:
    """Every rule of this module, for all nodes."""
    for node in report.plan.nodes.values():
        if isinstance(node, Menu | LanguageMenu):
            _check_count(report, node)
            _check_collisions(report, node)
            _check_order(report, node)
            _check_usage(report, node)
        if isinstance(node, menu.InputNode | menu.Callback):
            _check_timing(report, node)


def _check_count(report: Report, node: Choice) -> None:
    count = len(node.options)
    if count > OPTIONS_GOOD:
        severity: Severity = "error" if count > OPTIONS_MAX else "warning"
        message = f"{count} options are more than a caller can keep in mind"
        remedy = f"keep to {OPTIONS_GOOD}, or group them"
        report.record(_options_at(report, node), "W15", severity, f"{message}; {remedy}")


def _check_collisions(report: Report, node: Choice) -> None:
    options: Sequence[Option | LanguageOption] = node.options
    first_at: dict[str, int] = {}
    for index, option in enumerate(options):
        key, at = option.key, (*_options_at(report, node), index, "key")
        if not key:
            continue
        if key in first_at:
            before = report.draft.place(*_options_at(report, node), first_at[key], "key")
            message = f"the key {key} is already used on line {before.line}; choose another"
            report.error(at, "E08", message)
        first_at.setdefault(key, index)
        if _is_taken(node, key):
            message = f"{key[0]} is taken (0 operator, * back, # repeat); choose 1 to 9"
            report.error(at, "E09", message)
    if node.name in report.draft.may_prefix:
        return
    wait_s = node.input.timing.inter_digit_ms / 1000
    for key, index in first_at.items():
        longer = next((k for k in first_at if k.startswith(key) and k != key), None)
        if longer is not None:
            message = f"{key} begins {longer} too, so that it waits {wait_s:g} s"
            remedy = "change a key, or add 'allow_prefix: true'"
            at = (*_options_at(report, node), index, "key")
            report.error(at, "E08", f"{message}; {remedy}")


def _is_taken(node: Choice, key: str) -> bool:
    return node.input.globals_on and key[:1] in GLOBAL_KEYS


def _check_order(report: Report, node: Choice) -> None:
    keys = [option.key for option in node.options]
    if len(set(keys)) < len(keys) or any(_is_taken(node, key) for key in keys):
        return  # that is told already
    if keys and all(keys) and keys != [str(n) for n in range(1, len(keys) + 1)]:
        wanted = ", ".join(str(n) for n in range(1, len(keys) + 1))
        message = f"the keys are {', '.join(keys)}; write {wanted} in this order"
        report.warn(_options_at(report, node), "W18", message)


def _check_usage(report: Report, node: Choice) -> None:
    """Options that many callers want stand late: the last 28 days say so."""
    counts = report.chosen(node.name)
    if isinstance(node, LanguageMenu) or counts is None:
        return
    chosen = [counts.get(option.key, 0) for option in node.options]
    if sum(chosen) < CALLS_MIN:
        return
    ranks = sorted(range(len(chosen)), key=lambda index: (-chosen[index], index))
    for wanted, index in enumerate(ranks):
        if abs(wanted - index) > PLACES_MAX:
            share = chosen[index] / sum(chosen)
            message = f"{share:.0%} of the callers choose {node.options[index].key} here"
            remedy = f"by that it is number {wanted + 1}, not {index + 1}; move it"
            at = (*_options_at(report, node), index, "key")
            report.warn(at, "W18", f"{message}; {remedy}")


def _options_at(report: Report, node: Choice) -> Place:
    return (*report.at(node.name), "options")


def _check_timing(report: Report, node: menu.InputNode | menu.Callback) -> None:
    count = len(node.options) if isinstance(node, Menu | LanguageMenu) else 0
    for name, message in _timing_faults(node.input.timing, count):
        if name == "attempts" and isinstance(node, menu.Survey):
            continue  # asked once, and nobody is lost by it
        place: Place = (*report.at(node.name), name)
        if place not in report.draft.places:
            place = ("defaults", name)
        if place not in report.draft.places:
            place = report.at(node.name)
        report.warn(place, "W20", message)


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
    if timing.attempts is not None and not 2 <= timing.attempts <= 3:
        plays = "1 play" if timing.attempts == 1 else f"{timing.attempts} plays"
        yield "attempts", f"{plays} before a person comes; write 2 or 3"
    if timing.option_gap_ms < 400 and option_count > GAP_OPTIONS:
        yield (
            "option_gap",
            f"{timing.option_gap_ms} ms between {option_count} options; write 400ms or more",
        )
