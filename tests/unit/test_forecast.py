"""The method of `acd forecast`: what is found again in made-up histories, and how it does on real
calls that it has not seen.
"""

import csv
import gzip
import math
import os
from datetime import date, datetime, timedelta
from pathlib import Path
from random import Random
from zoneinfo import ZoneInfo

import pytest

from acd.sim.calls import Call
from acd.staffing.backtest import Miss, assumed_spread, backtest, spread_of
from acd.staffing.history import History, Sums, from_calls
from acd.staffing.outlook import Event, When, from_history, made_to_add_up, with_events
from acd.staffing.seasonal import (
    QUARTERS,
    SUNDAY,
    Day,
    Knobs,
    fitted,
    levels_of,
    shapes_of,
    without_outages,
)

BESIDE = Path(__file__).resolve().parents[3] / "shared" / "data" / "bank_1999_q1.csv.gz"
BANK = Path(os.environ.get("BANK_1999") or BESIDE)
"""The bank's public calls; docs/simulation.md says whose they are and what is in them."""
MONDAY = date(2026, 3, 2)
SHAPE = [1 + 9 * math.exp(-(((at - 44) / 14) ** 2)) for at in range(QUARTERS)]
WEEK = [1.2, 1.1, 1.0, 1.0, 0.9, 0.5, 0.3]
USUAL = 6000


def poisson(rng, mean):
    return max(0.0, round(rng.gauss(mean, math.sqrt(mean))))


def made(days, factor=lambda day: 1.0, holidays=(), seed=1, kinds=WEEK):
    rng, found = Random(seed), []
    for n in range(days):
        day = MONDAY + timedelta(days=n)
        total = USUAL * kinds[day.weekday()] * factor(day)
        calls = tuple(poisson(rng, total * part / sum(SHAPE)) for part in SHAPE)
        found.append(Day(day, day in holidays, calls))
    return found


def model_of(days, knobs=None):
    knobs = knobs or Knobs()
    levels = levels_of(days)
    return fitted(levels, days[-1].date, knobs, shapes_of(levels, knobs))


def total(model, day, is_holiday=False):
    return model.day_total(day, is_holiday=is_holiday)


def test_a_known_week_and_shape_are_found_again():
    model = model_of(made(84))
    for n in range(7):
        day = MONDAY + timedelta(days=84 + n)
        wanted = USUAL * WEEK[n]
        assert total(model, day) == pytest.approx(wanted, rel=0.02)
        found = model.expected(day, is_holiday=False)
        assert sum(found) == pytest.approx(total(model, day))
        for at in (0, 30, 44, 60):
            assert found[at] == pytest.approx(wanted * SHAPE[at] / sum(SHAPE), rel=0.06)


def test_a_campaign_of_one_day_changes_nothing_to_speak_of():
    campaign = MONDAY + timedelta(days=77)
    usual = model_of(made(84))
    after = model_of(made(84, lambda day: 3.0 if day == campaign else 1.0))
    ahead = MONDAY + timedelta(days=84)
    assert total(after, ahead) == pytest.approx(total(usual, ahead), rel=0.06)


def test_a_level_that_stays_is_followed():
    since = MONDAY + timedelta(days=63)
    model = model_of(made(84, lambda day: 1.5 if day >= since else 1.0), Knobs(half_life=4))
    assert total(model, MONDAY + timedelta(days=84)) == pytest.approx(1.8 * USUAL, rel=0.08)


def test_a_trend_is_chosen_where_there_is_one_and_only_there():
    growing = made(112, lambda day: 1.015 ** ((day - MONDAY).days))
    assert backtest(growing, 2).knobs.has_trend
    assert not backtest(made(84), 2).knobs.has_trend
    last = total(model_of(growing, Knobs(has_trend=True)), MONDAY + timedelta(days=119))
    assert last == pytest.approx(USUAL * 1.2 * 1.015**119, rel=0.05)


def test_a_holiday_is_like_the_holidays_before_it_and_not_part_of_its_weekday():
    holidays = {MONDAY + timedelta(days=n) for n in (14, 36, 60)}
    days = made(84, lambda day: 0.2 if day in holidays else 1.0, holidays)
    model = model_of(days)
    ahead = MONDAY + timedelta(days=84)
    assert total(model, ahead) == pytest.approx(1.2 * USUAL, rel=0.03)
    kept = [0.2 * WEEK[n % 7] for n in (14, 36, 60)]
    mean = math.exp(sum(map(math.log, [*kept, WEEK[SUNDAY]])) / 4)
    assert total(model, ahead, is_holiday=True) == pytest.approx(mean * USUAL, rel=0.1)


def test_without_any_holiday_known_it_is_like_a_sunday():
    model = model_of(made(84))
    sunday = total(model, MONDAY + timedelta(days=90))
    assert total(model, MONDAY + timedelta(days=86), is_holiday=True) == pytest.approx(sunday)


def test_an_outage_is_unknown_and_does_not_lower_the_forecast():
    days = made(84)
    gone = Day(days[80].date, False, (0,) * QUARTERS)
    morning = Day(days[82].date, False, (*days[82].calls[:36], *(0,) * 20, *days[82].calls[56:]))
    cleaned = without_outages([*days[:80], gone, days[81], morning, days[83]])
    assert set(cleaned[80].calls) == {None}
    assert [at for at, calls in enumerate(cleaned[82].calls) if calls is None] == [*range(36, 56)]
    usual, after = model_of(days), model_of(cleaned)
    for n in range(84, 91):
        day = MONDAY + timedelta(days=n)
        assert total(after, day) == pytest.approx(total(usual, day), rel=0.01)


def test_closing_every_night_and_weekend_is_no_outage():
    def opened(n, day):
        hours = range(32, QUARTERS) if n % 7 < 5 else ()
        calls = tuple(calls if at in hours else 0 for at, calls in enumerate(day.calls))
        return Day(day.date, False, calls)

    days = [opened(n, day) for n, day in enumerate(made(56))]
    assert without_outages(days) == days
    assert total(model_of(days), MONDAY + timedelta(days=61)) < 0.1


def test_bands_hold_what_they_promise_and_widen_with_the_weeks():
    rng = Random(4)
    noise = {MONDAY + timedelta(days=n): rng.lognormvariate(0, 0.15) for n in range(400)}
    days = made(140, noise.__getitem__)
    test = backtest(days[:112], 4)
    model = model_of(days[:112], test.knobs)
    inside = {0.8: 0, 0.95: 0}
    for day in days[112:]:
        for expected, came in zip(
            model.expected(day.date, is_holiday=False), day.calls, strict=True
        ):
            for share in inside:
                low, high = test.quarters.band(expected, 1, share)
                inside[share] += low <= came <= high
    assert 0.7 <= inside[0.8] / (28 * QUARTERS) <= 0.9
    assert inside[0.95] / (28 * QUARTERS) >= 0.9
    widths = [high - low for low, high in (test.quarters.band(100, w, 0.8) for w in (1, 4, 12))]
    assert widths[0] <= widths[1] < widths[2]
    assert widths[0] > 2 * 1.2816 * 10  # wider than chance alone


def test_a_spread_of_pure_chance_is_that_of_chance():
    rng = Random(2)
    spread = spread_of([[Miss(1, 100.0, poisson(rng, 100)) for _ in range(2000)]] * 10)
    low, high = spread.band(100, 1, 0.8)
    assert (low, high) == (pytest.approx(87.2, abs=2), pytest.approx(113, abs=2))
    assert assumed_spread().band(0, 1, 0.8)[0] == 0


def test_too_short_a_history_has_no_backtest():
    assert backtest(made(20), 1).ours is None
    assert backtest(made(21), 1).origins == 1


def test_quarters_are_those_of_the_wall_when_the_clocks_change():
    zone = ZoneInfo("Europe/Berlin")
    history = History(zone, (), date(2026, 1, 1))
    begin = int(datetime(2026, 10, 24, tzinfo=zone).timestamp()) // 900
    for n in range(3 * QUARTERS + 4):
        history.counted(begin + n)
        history.add(begin + n, 8, Sums())
    assert [set(day.calls) for day in history.days()] == [{8.0}] * 3
    when = When(date(2026, 10, 25), 1, zone, ())
    assert len(list(when.quarters())) == QUARTERS + 4
    assert len(list(When(date(2026, 3, 29), 1, zone, ()).quarters())) == QUARTERS - 4
    # A zone that moved for good: 29 February had 25 hours there.
    almaty = When(date(2024, 2, 29), 1, ZoneInfo("Asia/Almaty"), ())
    assert len(list(almaty.quarters())) == QUARTERS + 4


def outlook_of(days, factor=1.0):
    history = History(ZoneInfo("Asia/Almaty"), (), MONDAY)
    history.total.sums[None, None] = Sums(100, 18_000 * factor, 10, 3000)
    when = When(MONDAY + timedelta(days=len(days)), 7, ZoneInfo("Asia/Almaty"), ())
    return from_history(days, (history.total,), backtest(days, 1), when)


def test_an_event_multiplies_the_calls_of_its_topic_on_its_days():
    days = made(56)
    tenth = [Day(d.date, False, tuple((c or 0) / 10 for c in d.calls)) for d in days]
    whole, part = outlook_of(days), outlook_of(tenth, 2.0)
    monday = whole.days[0].day
    found = with_events(whole, [Event(monday, monday, "osms", 2.0)], {"osms": part}, None)
    assert found.days[0].calls == pytest.approx(whole.days[0].calls + part.days[0].calls)
    assert found.days[1:] == whole.days[1:]
    noon = found.quarters[48]
    assert noon.calls == pytest.approx(whole.quarters[48].calls + part.quarters[48].calls)
    assert noon.handle_s == pytest.approx((10 * 180 + 360) / 11, rel=0.02)
    assert noon.band.high > whole.quarters[48].band.high
    assert with_events(part, [Event(monday, monday, None, 0.5)], {}, "osms").days[0].calls == (
        pytest.approx(part.days[0].calls / 2)
    )


def test_parts_are_made_to_add_up():
    whole = outlook_of(made(56))
    parts = made_to_add_up(whole, {"a": outlook_of(made(56, seed=2)), "b": outlook_of(made(56))})
    for n in (0, 48, 600):
        both = sum(part.quarters[n].calls for part in parts.values())
        assert both == pytest.approx(whole.quarters[n].calls)


def test_times_come_from_the_narrowest_pool_that_has_enough():
    zone = ZoneInfo("Asia/Almaty")
    history = History(zone, (), MONDAY)
    start = datetime(2026, 3, 2, 9, tzinfo=zone)
    calls = [Call(str(n), n * 1000, "kk", "general", 100_000, 60_000) for n in range(60)]
    late = [Call("x", 3_600_000, "kk", "general", 400_000, None)]
    from_calls([*calls, *late], history, start)
    assert history.total.handle_s(0, 9) == 100
    assert history.total.handle_s(0, 10) == pytest.approx((6000 + 400) / 61)
    assert history.total.patience_s(0, 9) == 60
    assert list(history.topics) == ["general"]


def bank_days():
    if not BANK.is_file():
        pytest.skip("the bank's calls of 1999 are not here; name the file in BANK_1999")
    counts = {}
    with gzip.open(BANK, "rt") as stream:
        for row in csv.DictReader(stream):
            if row["outcome"] != "PHANTOM" and (row["queue_start"] or row["outcome"] == "AGENT"):
                hour, minute, _ = (row["queue_start"] or row["menu_entry"]).split(":")
                day = date(int(row["date"][:4]), int(row["date"][4:6]), int(row["date"][6:]))
                counts.setdefault(day, [0] * QUARTERS)[int(hour) * 4 + int(minute) // 15] += 1
    first, last = min(counts), max(counts)
    span = [first + timedelta(days=n) for n in range((last - first).days + 1)]
    return [Day(day, False, tuple(counts.get(day, [0] * QUARTERS))) for day in span]


@pytest.mark.parametrize("held_out", [14, 28])
def test_real_calls_it_has_not_seen(held_out):
    """Better than what anybody can do by hand, in days and quarter hours; the band is honest."""
    days = bank_days()
    past = without_outages(days[:-held_out])
    test = backtest(past, held_out // 7)
    model = model_of(past, test.knobs)
    by_date = {day.date: day for day in past}
    # What came is judged knowing the outages of the whole file, for every method alike.
    came = without_outages(days)[-held_out:]
    sums = {"ours": [0.0, 0.0], "naive": [0.0, 0.0], "mean4": [0.0, 0.0]}
    inside = count = 0
    for n, day in enumerate(came):
        weeks = [by_date[day.date - timedelta(days=7 * (n // 7 + back))] for back in range(1, 5)]
        hand = [
            [week.calls[at] for week in weeks if week.calls[at] is not None] for at in range(96)
        ]
        expected = {
            "ours": model.expected(day.date, is_holiday=False),
            "naive": [each[0] if each else 0.0 for each in hand],
            "mean4": [sum(each) / len(each) if each else 0.0 for each in hand],
        }
        known = [at for at in range(QUARTERS) if day.calls[at] is not None]
        for name, likely in expected.items():
            misses = [day.calls[at] - likely[at] for at in known]
            sums[name][0] += abs(sum(misses))
            sums[name][1] += sum(map(abs, misses))
        for at in known:
            if expected["ours"][at] >= 1:
                low, high = test.quarters.band(expected["ours"][at], n // 7 + 1, 0.8)
                inside += low <= day.calls[at] <= high
                count += 1
    for name in ("naive", "mean4"):
        assert sums["ours"][0] < sums[name][0]
        assert sums["ours"][1] < 0.97 * sums[name][1]
    assert 0.7 <= inside / count <= 0.9
