"""The edge of a shift: nobody is rung so close to the end, work at hand is finished, then home."""

import json
from dataclasses import replace

import pytest

from acd.__main__ import main
from acd.core.commands import CancelOffer, Offer
from acd.core.events import (
    CallbackAccepted,
    Connected,
    OfferFailed,
    OfferFailure,
    OperatorHungUp,
    OperatorPaused,
    OperatorReady,
    OperatorWrappedUp,
    RulesReplaced,
    ShiftEnds,
)
from acd.core.names import Millis
from acd.core.queues import CallbackRules
from tests.unit.routing import (
    AIGUL,
    BOLAT,
    CHEN,
    PENSION,
    RU,
    WRAP_UP,
    A,
    B,
    Play,
    operator,
    queued,
)
from tests.unit.routing import rules as centre
from tests.unit.settings_sample import EXAMPLE, load, write

END, LAST = 100_000, 30_000
EDGE = END - LAST


def play(*ids, auto_logout=True, last=LAST, ends=(A,)):
    crew = [operator(id_, {RU: 5}, {PENSION: 5}) for id_ in ids]
    with_edge = replace(centre(*crew, ladder=()), last_offer_ms=last, auto_logout=auto_logout)
    found = Play(with_edge, *ids)
    for id_ in ends:
        found.at(0, ShiftEnds(id_, Millis(END)))
    return found


def offers(commands):
    return [(each.contact, each.operator) for each in commands if isinstance(each, Offer)]


@pytest.mark.parametrize(("at", "rung"), [(EDGE - 1, True), (EDGE, False), (END - 1, False)])
def test_nobody_is_rung_in_the_last_seconds_of_the_shift(at, rung):
    day = play(A)
    day.until(at)
    assert offers(day.at(at, queued(AIGUL, at))) == ([(AIGUL, A)] if rung else [])
    assert day.state(A) == ("ringing" if rung else "ready")


def test_the_record_says_so_and_the_call_goes_to_a_colleague():
    day = play(A, B)
    day.until(EDGE)
    assert offers(day.at(EDGE, queued(AIGUL, EDGE))) == [(AIGUL, B)]
    assert offers(day.at(EDGE + 1, queued(BOLAT, EDGE + 1))) == []
    assert day.decisions[-1].rule == "nobody_ready"
    assert day.decisions[-1].refused == {"shift_ends": 1, "ringing": 1}
    assert day.router.why(BOLAT, A) == "shift_ends"
    assert day.router.estimated_wait_ms(BOLAT) > 0, "the estimate does not count on A"


def test_who_is_idle_at_the_end_is_logged_out():
    day = play(A)
    day.until(END - 1)
    assert day.state(A) == "ready"
    day.until(END)
    assert day.state(A) == "offline"
    assert day.router.seat(A).shift_ends is None


def test_who_has_a_pause_at_the_end_is_logged_out_as_well():
    day = play(A)
    day.at(5, OperatorPaused(A, "lunch"))
    day.until(END)
    assert day.state(A) == "offline"
    day.at(END + 1, OperatorReady(A))
    assert day.state(A) == "ready", "the pause of before is over"


def test_a_conversation_past_the_end_is_finished_and_wrapped_up():
    day = play(A)
    day.at(EDGE - 1, queued(AIGUL, EDGE - 1))
    day.at(EDGE, Connected(AIGUL, A))
    day.until(END + 5000)
    assert day.state(A) == "talking"
    day.at(END + 5000, queued(BOLAT, END + 5000))
    assert offers(day.at(END + 6000, OperatorHungUp(AIGUL, A))) == []
    assert day.state(A) == "wrap_up"
    assert [each for _, each in day.until(END + 6000 + WRAP_UP) if isinstance(each, Offer)] == []
    assert day.state(A) == "offline"
    assert day.router.line() == [BOLAT], "nobody is lost"


def test_a_wrap_up_that_is_done_early_ends_the_day_too():
    day = play(A)
    day.at(EDGE - 1, queued(AIGUL, EDGE - 1))
    day.at(EDGE, Connected(AIGUL, A))
    day.at(END - 1, OperatorHungUp(AIGUL, A))
    day.until(END)
    assert day.state(A) == "wrap_up"
    day.at(END + 1, OperatorWrappedUp(A))
    assert day.state(A) == "offline"


def test_an_offer_made_before_may_still_be_answered_or_goes_to_another():
    day = play(A, B)
    day.at(0, OperatorPaused(B, "lunch"))
    day.at(EDGE - 1, queued(AIGUL, EDGE - 1))
    commands = [each for _, each in day.until(EDGE + 5000)]
    assert not any(isinstance(each, CancelOffer) for each in commands)
    day.at(EDGE + 5000, OperatorReady(B))
    found = day.at(EDGE + 6000, OfferFailed(AIGUL, A, OfferFailure.NO_ANSWER))
    assert offers(found) == [(AIGUL, B)]


def test_who_says_ready_after_the_end_stays_as_long_as_they_like():
    day = play(A)
    day.until(END)
    day.at(END + 1000, queued(AIGUL, END + 1000))
    assert offers(day.at(END + 2000, OperatorReady(A))) == [(AIGUL, A)]
    day.at(END + 3000, Connected(AIGUL, A))
    day.at(END + 9000, OperatorHungUp(AIGUL, A))
    day.until(END + 3_600_000)
    assert day.state(A) == "ready"


def test_who_says_ready_in_a_conversation_past_the_end_stays_too():
    day = play(A)
    day.at(EDGE - 1, queued(AIGUL, EDGE - 1))
    day.at(EDGE, Connected(AIGUL, A))
    day.until(END)
    day.at(END + 1, OperatorReady(A))
    day.at(END + 2, OperatorHungUp(AIGUL, A))
    day.until(END + 2 + WRAP_UP)
    assert day.state(A) == "ready"


def test_without_the_automatic_log_out_they_stay_and_are_not_rung_until_they_say_so():
    day = play(A, auto_logout=False)
    day.until(END + 5000)
    assert day.state(A) == "ready"
    assert offers(day.at(END + 5000, queued(AIGUL, END + 5000))) == []
    assert offers(day.at(END + 6000, OperatorReady(A))) == [(AIGUL, A)]


def test_a_longer_shift_takes_the_edge_back_and_whoever_waits_is_served():
    day = play(A)
    day.until(EDGE)
    day.at(EDGE + 1, queued(AIGUL, EDGE + 1))
    assert offers(day.at(EDGE + 2, ShiftEnds(A, Millis(END + LAST)))) == [(AIGUL, A)]
    day = play(A)
    day.until(EDGE)
    day.at(EDGE + 1, queued(CHEN, EDGE + 1))
    assert offers(day.at(EDGE + 2, ShiftEnds(A, None))) == [(CHEN, A)]


def test_a_reload_moves_the_edge():
    day = play(A)
    narrow = day.router.rules
    day.until(EDGE)
    day.at(EDGE + 1, queued(AIGUL, EDGE + 1))
    shorter = replace(narrow, last_offer_ms=Millis(10_000))
    assert offers(day.at(EDGE + 2, RulesReplaced(shorter))) == [(AIGUL, A)]
    day = play(A)
    day.at(50_000, RulesReplaced(replace(narrow, last_offer_ms=Millis(60_000))))
    assert offers(day.at(50_001, queued(BOLAT, 50_001))) == []


def test_a_callback_is_not_dialled_for_somebody_about_to_go_home():
    day = play(A, ends=())
    waiting = replace(day.router.rules.queues["social"], callback=CallbackRules())
    queues = {**day.router.rules.queues, "social": waiting}
    day.at(1, RulesReplaced(replace(day.router.rules, queues=queues)))
    day.at(2, OperatorPaused(A, "lunch"))
    day.at(3, queued(AIGUL, 3))
    day.at(4, CallbackAccepted(AIGUL, "7701"))
    day.at(5, ShiftEnds(A, Millis(END)))
    day.until(EDGE)
    assert day.at(EDGE, OperatorReady(A)) == []


# Settings


def test_the_edge_is_a_setting_with_a_default(tmp_path):
    found, _ = load(write(tmp_path, EXAMPLE))
    assert (found.rules.last_offer_ms, found.rules.auto_logout) == (30_000, True)
    text = EXAMPLE["service.yaml"] + "last_offer: 1m\nauto_logout: false\nlogin_early: 0s\n"
    found, problems = load(write(tmp_path, {**EXAMPLE, "service.yaml": text}))
    assert (found.rules.last_offer_ms, found.rules.auto_logout) == (60_000, False)
    assert found.service.edges.login_early_ms == 0
    assert not problems.has_errors
    _, problems = load(write(tmp_path, {**EXAMPLE, "service.yaml": text.replace("1m", "1h")}))
    assert "service.yaml:8:13" in problems.render()


@pytest.mark.parametrize(
    ("hours", "breaks", "said"),
    [
        ("08:00-17:00", '{at: "12:00", for: 60m, at_once: 25%}', None),
        ("08:00-17:00", '{at: "18:00", for: 60m}', "outside of the shift's hours"),
        ("20:00-08:00", '{at: "12:00", for: 60m}', "outside of the shift's hours"),
        ("20:00-08:00", '{at: "02:00", for: 60m, at_once: 50%}', None),
        ("08:00-17:00", '{at: "16:30", for: 60m}', "ends after the shift"),
        ("08:00-17:00", '{at: "16:00", for: 60m}', None),
        ("08:00-17:00", '{at: "14:30", for: 60m, at_once: 25%}', "in 4 waves"),
        ("08:00-17:00", '{at: "12:00", for: 60m}, {at: "12:30", for: 15m}', "two breaks"),
        ("08:00-17:00", '{at: "12:00", for: 60m}, {at: "13:00", for: 15m}', None),
        # The second wave of the first is at 13:00, when the others have the second.
        ("08:00-17:00", '{at: "12:00", for: 60m, at_once: 50%}, {at: "13:00", for: 15m}', "two"),
    ],
)
def test_breaks_that_cannot_be_taken_as_written_are_told(tmp_path, hours, breaks, said):
    text = f'schema: 1\nshifts:\n  A: {{days: [mon], hours: "{hours}", breaks: [{breaks}]}}\n'
    crew = EXAMPLE["operators.yaml"].replace("shift: B", "shift: A")
    _, problems = load(write(tmp_path, {**EXAMPLE, "shifts.yaml": text, "operators.yaml": crew}))
    assert not problems.has_errors
    told = [each.message for each in problems.sorted() if "break" in each.message]
    told += [each.message for each in problems.sorted() if "waves" in each.message]
    assert len(told) == (said is not None)
    assert said is None or said in told[0]


# A hand-over under load


SHIFTS = """\
schema: 1
shifts:
  A: {days: [mon, tue, wed, thu, fri], hours: "08:00-17:00"}
  B: {days: [mon, tue, wed, thu, fri], hours: "17:00-20:00"}
"""
EDGE_S = 17 * 3600 - 30


def handed_over(tmp_path, capsys, shifts, last_offer="30s"):
    """Calls each five seconds for half an hour around 17:00, four operators a shift."""
    crew = "".join(
        f"  op{n}{shift}: {{shift: {shift}, languages: {{ru: 5}}, topics: {{pension: 5}}}}\n"
        for shift in "AB"
        for n in range(4)
    )
    files = {
        **EXAMPLE,
        "service.yaml": EXAMPLE["service.yaml"] + f"last_offer: {last_offer}\n",
        "shifts.yaml": shifts,
        "operators.yaml": f"schema: 1\noperators:\n{crew}",
    }
    trace, out = tmp_path / "trace.csv", tmp_path / "calls.csv"
    rows = "".join(f"{16.75 * 3600 + 5 * n},ru,pension,{10 + n % 7},\n" for n in range(360))
    trace.write_text(f"arrival_s,language,topic,handle_s,patience_s\n{rows}")
    config = write(tmp_path, files)
    words = ["simulate", "--config", str(config), "--trace", str(trace), "--seed", "1"]
    assert main([*words, "--calls-out", str(out), "--json"]) == 0
    figures = json.loads(capsys.readouterr().out)
    keys, *lines = out.read_text().splitlines()
    return figures, [dict(zip(keys.split(","), line.split(","), strict=True)) for line in lines]


@pytest.mark.parametrize("begins", ["17:00", "16:45"])
def test_a_hand_over_loses_nobody_and_rings_nobody_past_the_edge(tmp_path, capsys, begins):
    shifts = SHIFTS.replace("17:00-20:00", f"{begins}-20:00")
    figures, calls = handed_over(tmp_path, capsys, shifts)
    assert (figures["offered"], figures["answered"] + figures["overflowed"]) == (360, 360)
    began = {
        kind: [
            float(call["arrival_s"]) + float(call["wait_s"])
            for call in calls
            if call["operator"].endswith(kind)
        ]
        for kind in "AB"
    }
    assert min(len(each) for each in began.values()) > 80
    assert max(began["A"]) < EDGE_S
    assert min(began["B"]) >= (17 if begins == "17:00" else 16.75) * 3600


def test_an_overlap_of_the_shifts_keeps_the_promise_through_the_change(tmp_path, capsys):
    bare, _ = handed_over(tmp_path, capsys, SHIFTS)
    overlapping = SHIFTS.replace("17:00-20:00", "16:45-20:00")
    both, _ = handed_over(tmp_path, capsys, overlapping)
    assert both["service_level"] == 1.0 > bare["service_level"]
    told = [
        each for each in load(tmp_path / "config")[1].sorted() if each.file.endswith("shifts.yaml")
    ]
    assert all("speaks kk, en" in each.message for each in told), "no word of the overlap"
