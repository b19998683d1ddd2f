"""The plan of a week: coverage, the best shifts and heads, who works when, what is simulated."""

import itertools
import math
from dataclasses import replace
from datetime import datetime
from functools import cache
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from acd.core.events import OperatorLoggedOut, OperatorPaused, OperatorReady
from acd.problems import Problems
from acd.settings import Break, Shift
from acd.settings_files import load_settings
from acd.sim.duty import Calendar
from acd.sim.from_forecast import Expected, calls_of
from acd.sim.scenario import SHIPPED, load_scenario
from acd.staffing import plan_solver
from acd.staffing.plan import (
    DAY_M,
    SLOT_M,
    SLOTS,
    WEEK_M,
    Need,
    Row,
    added,
    missing_weight,
    need_of,
    paid_hours,
    present,
    present_by_minute,
)
from acd.staffing.plan_check import Count, estimate, gain, with_plan, without_absent
from acd.staffing.plan_crew import crew_of, groups_of, languages_of
from acd.staffing.plan_shifts import Choice, candidates, lettered, neighbours
from acd.staffing.plan_solver import MISSING_H, SLOT_H, People, choose_shifts, staff_shifts
from acd.staffing.training import lessons, taught

CONFIG = Path(__file__).resolve().parents[2] / "config"
BOTH = frozenset({"kk", "ru"})
MONDAY = datetime(2026, 11, 30, tzinfo=ZoneInfo("Asia/Almaty"))


@pytest.fixture(scope="module")
def shipped():
    found = load_settings(CONFIG, Problems())
    assert found is not None
    return found


@pytest.fixture(scope="module")
def scenario(shipped):
    topics = list(shipped.rules.topics)
    found = load_scenario(SHIPPED, Problems(), shipped.service.languages, topics)
    assert found is not None
    return found


# Coverage


@st.composite
def working_shifts(draw):
    """Up to 12 hours, maybe overnight, with a break whose waves may run past the end."""
    long = draw(st.integers(4, 12)) * 60
    begins = draw(st.integers(0, 95)) * 15
    days = tuple(sorted(draw(st.sets(st.integers(0, 6), min_size=1))))
    at = (begins + draw(st.integers(0, long // 15 - 1)) * 15) % DAY_M
    pause = Break(
        at,
        draw(st.sampled_from([15, 30, 60])) * 60_000,
        draw(st.sampled_from([0.25, 0.5, 1.0, 0.3])),
    )
    return Shift("A", days, begins, (begins + long) % DAY_M, draw(st.sampled_from([(), (pause,)])))


@given(working_shifts(), st.integers(1, 9))
@settings(max_examples=60, deadline=None)
def test_coverage_is_what_the_simulators_calendar_does(shipped, shift, heads):
    like = next(iter(shipped.rules.operators.values()))
    people = [replace(like, id=f"op{number}", shift="A") for number in range(heads)]
    ready: set[str] = set()
    seen = []
    duties = Calendar(with_plan(shipped, [shift], people), MONDAY).events()
    duty = next(duties)
    # The second week: in the first those of Sunday night are there already, as they are later.
    for minute in range(2 * WEEK_M):
        while duty.at <= minute * 60_000:
            for event in duty.events:
                if isinstance(event, OperatorReady):
                    ready.add(event.operator)
                elif isinstance(event, OperatorPaused | OperatorLoggedOut):
                    ready.discard(event.operator)
            duty = next(duties)
        seen.append(len(ready))
    assert seen[WEEK_M:] == present_by_minute(shift, heads)


def test_an_overnight_shift_of_sunday_goes_on_into_monday():
    night = Shift("G", (6,), 20 * 60, 8 * 60, (Break(2 * 60, 3_600_000, 0.5),))
    slots = present(night, 5)
    per_hour = [slots[2 * hour] for hour in range(168)]
    assert per_hour[:9] == [5, 5, 2, 3, 5, 5, 5, 5, 0]
    assert per_hour[163:] == [0, 5, 5, 5, 5]


def test_a_row_shorter_or_longer_than_a_slot_needs_its_most():
    at = MONDAY
    rows = [
        Row(at, 0, 15, 1.0, 1.0, 1.0, 2, 2, {"kk": 1}),
        Row(at, 15, 15, 1.0, 1.0, 1.0, 5, 5, {"kk": 3}),
        Row(at, 60, 60, 1.0, 1.0, 1.0, 7, 7, {"kk": 1}),
    ]
    need = need_of(rows)
    assert need.total[:5] == (5, 0, 7, 7, 0)
    assert need.languages["kk"][:5] == (3, 0, 1, 1, 0)


def test_a_shortage_weighs_more_the_greater_its_part():
    assert missing_weight(10, 10) == missing_weight(10, 12) == 0
    assert missing_weight(10, 9) == 1
    assert missing_weight(10, 8) == 3
    assert missing_weight(10, 0) == 1 + 2 + 8 * 4


# Candidates


def test_all_candidates_give_a_sane_week_and_a_break_within_the_shift():
    found = candidates(Choice())
    assert {33.0, 40.0, 44.0} == {paid_hours(shift) for shift in found}
    assert max(len(shift.days) for shift in found) == 5
    for shift in found[::7]:
        slots = present(shift, 4)
        assert (min(slots), max(slots)) == (0, 4)
        # Every wave comes back before the end.
        assert sum(slots) * SLOT_M == 4 * paid_hours(shift) * 60


def test_a_week_is_bounded_by_the_hours_asked_for():
    short = candidates(Choice(lengths_h=(6,), week_h=(20, 40)))
    assert {paid_hours(shift) for shift in short} == {22.0, 27.5, 33.0, 38.5}
    assert candidates(Choice(week_h=(61, 62))) == []


# The best plan


def tiny_need(draw):
    total = [0] * SLOTS
    for day, hour, long, needed in draw:
        for slot in range(2 * (24 * day + hour), 2 * (24 * day + hour + long)):
            total[slot % SLOTS] += needed
    return Need(tuple(total), {})


def tiny_shifts():
    """Six shifts of four hours, without breaks, which in parts would be another matter."""
    return [
        Shift("", days, begins * 60, (begins + 4) * 60)
        for days in ((0, 1), (1, 2))
        for begins in (8, 10, 12)
    ]


present_of = cache(present)


def cost_of(shifts, heads, need):
    have = added(present_of(shift, count) for shift, count in zip(shifts, heads, strict=True))
    missing = sum(missing_weight(n, h) for n, h in zip(need.total, have, strict=True))
    paid = sum(paid_hours(shift) * count for shift, count in zip(shifts, heads, strict=True))
    return paid + MISSING_H * SLOT_H * missing


NEEDS = st.lists(
    st.tuples(st.integers(0, 2), st.integers(8, 14), st.integers(1, 3), st.integers(1, 2)),
    min_size=1,
    max_size=3,
)


@given(NEEDS, st.integers(1, 3), st.sampled_from([None, 2]))
@settings(max_examples=8, deadline=None)
@example([(0, 8, 2, 2), (0, 12, 2, 2), (2, 8, 2, 1)], 2, 2)  # in parts another set is better
def test_the_choice_of_shifts_is_the_best_of_all(parts, most_shifts, crew):
    need, shifts = tiny_need(parts), tiny_shifts()
    near = neighbours(shifts, 120)
    chosen = choose_shifts(shifts, near, need, most_shifts, crew, lambda: 20.0)
    top = crew or max(need.total)

    def best_of(some):
        return min(
            cost_of([shifts[i] for i in some], heads, need)
            for heads in itertools.product(range(top + 1), repeat=len(some))
            if crew is None or sum(heads) <= crew
        )

    sets = itertools.combinations(range(len(shifts)), most_shifts)
    # The set is chosen with heads in parts, which can be cheaper than whole ones, never dearer.
    assert chosen.cost <= min(best_of(some) for some in sets) + 1e-6
    assert chosen.bound <= chosen.cost + 1e-6
    some = [shifts[i] for i in chosen.shifts]
    staffed = staff_shifts(some, need, People({BOTH: 99}, crew), 20.0)
    assert staffed.cost == pytest.approx(best_of(chosen.shifts))


@given(st.integers(3, 9), st.integers(1, 4), st.sampled_from([None, 5, 8]))
@settings(max_examples=8, deadline=None)
def test_whole_heads_with_breaks_wave_by_wave_are_the_best_of_all(noon, evening, crew):
    pause = (Break(12 * 60, 3_600_000, 0.25),)
    shifts = [
        Shift("A", (0,), 8 * 60, 17 * 60, pause),
        Shift("B", (0,), 10 * 60, 19 * 60, (Break(14 * 60, 3_600_000, 0.5),)),
    ]
    need = tiny_need([(0, 8, 9, noon), (0, 17, 2, evening)])
    staffed = staff_shifts(shifts, need, People({BOTH: 99}, crew), 20.0)
    best = min(
        cost_of(shifts, heads, need)
        for heads in itertools.product(range(15), repeat=2)
        if crew is None or sum(heads) <= crew
    )
    assert staffed.is_best
    assert staffed.cost == pytest.approx(best)
    assert cost_of(shifts, [staffed.count(0), staffed.count(1)], need) == pytest.approx(best)


def test_a_language_is_there_at_every_hour_and_hired_where_nobody_is_left():
    night, day = Shift("A", (0,), 0, 8 * 60), Shift("B", (0,), 8 * 60, 16 * 60)
    total = tuple(3 if slot < 32 else 0 for slot in range(SLOTS))
    english = tuple(1 if slot < 32 else 0 for slot in range(SLOTS))
    three = BOTH | {"en"}
    need = Need(total, {"en": english})
    staffed = staff_shifts([night, day], need, People({BOTH: 5, three: 1}, None), 20.0)
    assert [staffed.count(0), staffed.count(1)] == [3, 3]
    assert [each[three] for each in staffed.heads] == [1, 1]
    assert staffed.hires == {BOTH: 0, three: 1}
    limited = staff_shifts([night, day], need, People({BOTH: 5, three: 1}, 4), 20.0)
    assert limited.count(0) + limited.count(1) == 4


def test_the_same_need_gives_the_same_plan(monkeypatch):
    monkeypatch.setattr(plan_solver, "PROGRAMMES_MAX", 60)
    monkeypatch.setattr(plan_solver, "NODES_MAX", 2)
    need = tiny_need([(day, 8, 12, 6) for day in range(7)] + [(day, 20, 12, 2) for day in range(7)])
    shifts = candidates(Choice(lengths_h=(9,), step_m=120))
    near = neighbours(shifts, 120)
    runs = [choose_shifts(shifts, near, need, 4, None, lambda: 60.0) for _ in range(2)]
    assert runs[0] == runs[1]
    assert len(runs[0].shifts) <= 4


# People


def test_everybody_has_one_place_and_keeps_their_skills(shipped):
    shifts = lettered([Shift("", (0, 1, 2, 3, 4), b * 60, (b + 9) * 60) for b in (8, 10)])
    operators = list(shipped.rules.operators.values())
    groups = groups_of(operators, 2)
    need = tiny_need([(day, 8, 11, 20) for day in range(5)])
    staffed = staff_shifts(shifts, need, People(groups, None), 20.0)
    crew = crew_of(shifts, staffed, operators, 2)
    counted = [each for each in crew.operators if not each.reserve]
    assert len(counted) == staffed.count(0) + staffed.count(1)
    named = [each.id for each in crew.operators]
    assert len(set(named)) == len(named)
    assert {*named, *crew.surplus} == {each.id for each in operators}
    assert crew.hires == ()
    for each in crew.operators:
        assert each.topics == shipped.rules.operators[each.id].topics
    for index, shift in enumerate(shifts):
        for group, count in staffed.heads[index].items():
            here = [o for o in counted if o.shift == shift.id and languages_of(o, 2) == group]
            assert len(here) == count


def test_lessons_go_to_the_topic_with_the_fewest_helpers_for_the_root_of_its_load(shipped):
    operators = list(shipped.rules.operators.values())
    loads = dict.fromkeys(map(str, shipped.rules.topics), 0.0) | {"osms": 9.0, "taxes": 1.0}
    queues = shipped.rules.topics
    learned = lessons(operators, loads, queues, 12)
    assert len({each.operator for each in learned}) == len(learned) == 12
    assert {each.add for each in learned} <= {"osms", "taxes"}
    by_id = {each.id: each for each in taught(operators, learned)}
    for each in learned:
        assert each.add not in shipped.rules.operators[each.operator].topics
        assert by_id[each.operator].own_topic == each.now
        assert each.add in by_id[each.operator].topics
    assert lessons(operators, loads, queues, 0) == []


# Calls and figures


def hours(count, calls, factors=None):
    return [
        Expected(hour * 3_600_000, 3_600_000, calls, 160.0, None, factors or {})
        for hour in range(count)
    ]


def test_calls_come_in_order_as_often_as_forecast_and_the_same_for_a_seed(scenario):
    calls = calls_of(hours(24, 200.0), scenario, 1)
    assert (
        calls == calls_of(hours(24, 200.0), scenario, 1) != calls_of(hours(24, 200.0), scenario, 2)
    )
    assert [call.id for call in calls] == [str(n) for n in range(1, len(calls) + 1)]
    assert [c.arrival_ms for c in calls] == sorted(c.arrival_ms for c in calls)
    # Within four standard deviations of a Poisson count.
    assert abs(len(calls) - 4800) < 4 * math.sqrt(4800)
    assert sum(call.language == "kk" for call in calls) / len(calls) == pytest.approx(
        0.55, abs=0.03
    )


def test_a_surge_adds_calls_of_its_topic_and_leaves_the_others_as_they_are(scenario):
    usual = calls_of(hours(24, 200.0), scenario, 1)
    doubled = calls_of(hours(24, 200.0, {"osms": 2.0}), scenario, 1)
    without = calls_of(hours(24, 200.0, {"osms": 0.0}), scenario, 1)

    def rest(calls):
        return [call._replace(id="") for call in calls if call.topic != "osms"]

    assert rest(usual) == rest(doubled)
    count = [sum(call.topic == "osms" for call in calls) for calls in (usual, doubled, without)]
    assert count[1] == pytest.approx(2 * count[0], rel=0.25)
    assert count[2] == 0


def test_the_handle_time_of_the_forecast_is_the_mean_and_patience_may_be_endless(scenario):
    expected = [Expected(0, 3_600_000, 20_000.0, 300.0, math.inf, {})]
    calls = calls_of(expected, scenario, 1)
    assert sum(call.handle_ms for call in calls) / len(calls) == pytest.approx(300_000, rel=0.05)
    assert {call.patience_ms for call in calls} == {None}


def test_the_absent_are_missing_all_week_in_every_shift(shipped):
    there = without_absent(shipped, 0.25, 1).rules.operators.values()
    assert len(there) == pytest.approx(128 * 0.75, abs=len(shipped.shifts))
    assert {each.shift for each in there} == set(shipped.shifts)
    assert without_absent(shipped, 0.0, 1) is shipped


def test_means_of_runs_have_the_margin_of_students_t():
    runs = [Count((10, 0), (9, 0)), Count((10, 0), (8, 0)), Count((10, 0), (10, 0))]
    found = estimate(runs, [0, 1])
    assert found.value == pytest.approx(0.9)
    assert found.margin == pytest.approx(4.303 * 0.1 / math.sqrt(3))
    assert estimate(runs, [1]) == (None, None)
    assert estimate(runs[:1], [0]) == (0.9, None)
    assert gain(runs, runs) == (0, 0)


def test_weeks_wrap_at_sunday_midnight():
    row = Row(MONDAY, WEEK_M - 60, 120, 1.0, 1.0, 1.0, 4, 4, {})
    need = need_of([row])
    assert [slot for slot, n in enumerate(need.total) if n] == [0, 1, SLOTS - 2, SLOTS - 1]
