"""What is wrong with a menu although each line is right. E forbids to use it, W is shown.

    W05 unreachable node          E14 audio missing or unusable
    E06 no end can be reached     W15 too many options (an error above nine)
    E07 circle without a key      W16 too deep
    E08 keys collide              W17 too long to listen to
    E09 reserved key used         W18 keys not 1, 2, 3, or not in the order of use
    E10 silence is hung up on     W19 text names a key, or reads like a letter
    E11 the operator is far       W20 timing outside what callers manage
    E12 same or foreign text      E21 expressions and variables
    W13 not recorded              E22 schedules
    W25 operators, usage, tests   E23 other houses, E24 flows

E01 to E04 (syntax, quoting, fields, targets) and texts that are missing come from the readers.
What needs more than the files (audio, the day, the roster, usage) is asked of a `World`.
"""

from acd.problems import Problems
from ivr.lint_audio import check_audio, check_lengths
from ivr.lint_expressions import check_expressions
from ivr.lint_keys import check_keys
from ivr.lint_operations import check_operations
from ivr.lint_report import HasClip as HasClip
from ivr.lint_report import Report
from ivr.lint_report import World as World
from ivr.lint_schedules import check_schedules
from ivr.lint_services import are_flows_small, check_flows, check_services
from ivr.lint_texts import check_texts
from ivr.lint_variables import check_variables
from ivr.lint_ways import Ways, check_ways
from ivr.reader import Draft


def lint(draft: Draft, problems: Problems, world: World | None = None) -> None:
    """Record everything that is wrong; the rules about ways need a draft that is sound."""
    report = Report(draft, problems, world or World())
    check_keys(report)
    check_texts(report)
    check_schedules(report)
    check_services(report)
    check_expressions(report)
    if not draft.is_sound or not are_flows_small(report):
        return
    ways = Ways(report)
    check_ways(report, ways)
    check_flows(report, ways)
    check_variables(report, ways)
    check_lengths(report, ways)
    check_operations(report, ways)
    check_audio(report)
