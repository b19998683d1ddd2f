"""What a menu finds out about the world around a call."""

import dataclasses
from datetime import UTC, datetime

import pytest

from ivr.facts import Caller, Scene, facts_of, value_of
from ivr.trial import local_time
from tests.unit.menus import dialplan
from tests.unit.tools import DAY

PLAN = dialplan(DAY)


def at(hour, minute=0):
    return Scene(at=local_time(f"2026-03-10 {hour:02}:{minute:02}")).facts(PLAN)


@pytest.mark.parametrize(
    ("moment", "is_night"), [((21, 59), False), ((22, 0), True), ((7, 59), True), ((8, 0), False)]
)
def test_a_schedule_is_that_of_the_local_time(moment, is_night):
    assert at(*moment)("schedule.night") is is_night


def test_the_clock_of_the_service_is_read_in_the_zone_of_the_dialplan():
    facts = facts_of(PLAN, now=lambda: datetime(2026, 3, 10, 18, 0, tzinfo=UTC))
    assert facts("schedule.night") is True, "18:00 in London is 23:00 in Almaty"


def test_a_schedule_is_asked_anew_each_time():
    moments = iter(
        [datetime(2026, 3, 10, 7, 0, tzinfo=UTC), datetime(2026, 3, 10, 20, 0, tzinfo=UTC)]
    )
    facts = facts_of(PLAN, now=lambda: next(moments))
    assert [facts("schedule.night"), facts("schedule.night")] == [False, True]


def test_who_calls():
    scene = Scene(caller=Caller("87011234567", "ru", "accessible"))
    names = ("number", "withheld", "language", "profile", "shoe_size")
    told = [scene.facts(PLAN)(f"caller.{name}") for name in names]
    assert told == ["87011234567", False, "ru", "accessible", None]


def test_a_withheld_number_is_none():
    facts = Scene(caller=Caller("")).facts(PLAN)
    assert (facts("caller.number"), facts("caller.withheld")) == (None, True)


def test_settings_may_be_groups_or_dotted_names():
    nested = facts_of(PLAN, now=datetime.now, config={"sms": {"url": "http://a"}})
    dotted = facts_of(PLAN, now=datetime.now, config={"sms.url": "http://a"})
    assert nested("config.sms.url") == dotted("config.sms.url") == "http://a"
    assert nested("config.sms.user") is None
    assert nested("config.sms.url.port") is None


def test_broadcasts_are_known_as_long_as_they_are_on():
    on = []
    facts = facts_of(PLAN, now=datetime.now, broadcasts=lambda: on)
    assert (facts("config.broadcast.active"), facts("config.broadcast.texts")) == (False, [])
    on.append({"kk": "а", "ru": "б", "en": "c"})
    assert facts("config.broadcast.active") is True
    assert facts("config.broadcast.texts") == [{"kk": "а", "ru": "б", "en": "c"}]


def test_the_state_of_a_queue():
    figures = {"general": {"predicted_wait_s": 45}}
    facts = facts_of(PLAN, now=datetime.now, queues=figures.get)
    assert facts("queue.general.predicted_wait_s") == 45
    assert facts("queue.general.waiting") is None
    assert facts("queue.social.waiting") is None


def test_what_nobody_knows_is_none():
    facts = Scene().facts(PLAN)
    assert [facts(name) for name in ("weather", "schedule.holiday", "call.topic", "")] == [None] * 4


def test_what_is_set_by_hand_wins():
    scene = dataclasses.replace(Scene(), known={"schedule.night": True, "config.x": 0})
    assert (scene.facts(PLAN)("schedule.night"), scene.facts(PLAN)("config.x")) == (True, 0)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        *(("true", True), ("false", False), ("none", None), ("12", 12), ("-3", -3), ("0", 0)),
        *(("0123", "0123"), ("+7701", "+7701"), ("1.5", "1.5"), ("", ""), ("yes", "yes")),
    ],
)
def test_a_text_of_the_command_line_as_a_value(text, value):
    assert value_of(text) == value
    assert type(value_of(text)) is type(value)
