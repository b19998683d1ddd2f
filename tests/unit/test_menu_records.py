"""Steps of callers in the records: kept once, counted as they were, also by PostgreSQL."""

from dataclasses import replace

import pytest

from acd.core.names import ContactId, Millis
from acd.store import MenuEventRow
from acd.store.lines import line, parse, payload
from acd.store.rows import CallerLanguageRow
from ivr.funnel import funnel_rows
from tests.unit.records import CALL, MORNING, opened

STEP = MenuEventRow(
    call=ContactId("n1-1.1"),
    at=Millis(MORNING),
    seq=0,
    menu="main",
    version="v1",
    node="main",
    visit=1,
    attempt=1,
    language="kk",
    entered_at=Millis(MORNING - 5000),
    first_key_ms=1200,
    key="1",
    via="after",
    result="match",
    reason=None,
    goes_to="social",
)


def counted(store, by=(), node=None, since=0):
    assert store.flush(20)
    records = store.records
    return funnel_rows(
        records.menu_visits(Millis(since), node),
        records.menu_steps(Millis(since), node),
        records.menu_first_keys(Millis(since), node),
        by,
    )


def test_a_stay_with_two_failures_is_entered_once(url, alerts):
    with opened(url, alerts) as store:
        store.menu_event(replace(STEP, result="noinput", key=None, first_key_ms=None, goes_to=None))
        store.menu_event(replace(STEP, seq=1, attempt=2, result="nomatch", key="9", goes_to=None))
        store.menu_event(replace(STEP, seq=2, attempt=3))
        store.menu_event(replace(STEP, seq=3, visit=2, entered_at=Millis(MORNING + 1), key="2"))
        [row] = counted(store)
    assert (row["entered"], row["noinput"], row["nomatch"]) == (2, 1, 1)
    assert (row["chose"], row["chose_total"], row["to"]) == ({"1": 1, "2": 1}, 2, {"social": 2})
    assert row["median_first_key_s"] == 1.2


def test_writing_a_step_twice_counts_once(url, alerts):
    with opened(url, alerts) as store:
        store.menu_event(STEP)
        assert store.flush(20)
        store.menu_event(STEP)
        [row] = counted(store)
    assert (row["entered"], row["chose"]) == (1, {"1": 1})


def test_the_language_is_the_one_the_call_ended_with(url, alerts):
    with opened(url, alerts) as store:
        store.call(replace(CALL, id=STEP.call))  # in Russian
        store.menu_event(replace(STEP, result="noinput", key=None))
        store.menu_event(replace(STEP, seq=1, language="ru"))
        store.menu_event(replace(STEP, call=ContactId("n1-1.2")))
        rows = counted(store, ("language",))
    found = {row["language"]: (row["entered"], row["chose_total"]) for row in rows}
    assert found == {"ru": (1, 1), "kk": (1, 1)}


def test_versions_and_nodes_are_told_apart_and_old_steps_left_out(url, alerts):
    with opened(url, alerts) as store:
        store.menu_event(STEP)
        store.menu_event(replace(STEP, seq=1, version="v2"))
        store.menu_event(replace(STEP, seq=2, node="other", visit=1))
        store.menu_event(replace(STEP, at=Millis(MORNING - 9000), seq=3, node="before"))
        by_version = counted(store, ("version",), "main")
        since = counted(store, since=MORNING)
    assert [(row["version"], row["entered"]) for row in by_version] == [("v1", 1), ("v2", 1)]
    assert {row["node"] for row in since} == {"main", "other"}


def test_who_gave_up_asked_for_a_person_or_wanted_it_again(url, alerts):
    with opened(url, alerts) as store:
        for seq, (key, result) in enumerate(
            [(None, "hangup"), ("0", "global"), ("#", "global"), ("*", "global"), (None, "fail")]
        ):
            store.menu_event(replace(STEP, seq=seq, visit=seq + 1, key=key, result=result))
        [row] = counted(store)
    assert (row["entered"], row["gave_up"], row["asked_person"]) == (5, 1, 1)
    assert (row["repeats"], row["went_back"], row["failed"]) == (1, 1, 1)
    assert (row["repeat_rate"], row["gave_up_rate"], row["chose"]) == (0.2, 0.2, {})


def test_misroutes_are_unknown_until_an_operator_moves_a_call(url, alerts):
    with opened(url, alerts) as store:
        store.menu_event(STEP)
        assert counted(store)[0]["misroutes"] is None
        store.menu_event(replace(STEP, moved_to="pension"))
        assert counted(store)[0]["misroutes"] == 1


@pytest.mark.parametrize(
    ("keys", "median"), [([-1250, -450, 900], -0.4), ([100, 200], 0.1), ([], None), ([-50], 0.0)]
)
def test_the_median_of_the_first_key_may_lie_within_the_prompt(url, alerts, keys, median):
    with opened(url, alerts) as store:
        for seq, ms in enumerate(keys or [None]):
            store.menu_event(replace(STEP, seq=seq, first_key_ms=ms))
        assert counted(store)[0]["median_first_key_s"] == median


def test_the_latest_choice_of_a_number_is_kept(url, alerts):
    with opened(url, alerts) as store:
        store.caller_language("7701", "kk", Millis(1))
        store.caller_language("7701", "ru", Millis(2))
        store.caller_language("7702", "en", Millis(3))
        assert store.flush(20)
        assert store.records.caller_languages(10) == {"7702": "en", "7701": "ru"}
        assert store.records.caller_languages(1) == {"7702": "en"}


@pytest.mark.parametrize("row", [STEP, CallerLanguageRow("7701", "ru", Millis(5))])
def test_a_step_survives_the_journal(row):
    assert parse(line(7, payload(row))) == (7, row)


def test_steps_wait_in_the_journal_while_the_database_is_away(tmp_path, alerts):
    file, journal = tmp_path / "no" / "folder", tmp_path / "journal"
    file.parent.write_text("in the way")
    with opened(f"sqlite:///{file}", alerts, journal=journal) as store:
        store.menu_event(STEP)
        assert store.health().journal_rows == 1
    file.parent.unlink()
    with opened(f"sqlite:///{file}", alerts, journal=journal) as store:
        assert [row["node"] for row in counted(store)] == ["main"]
