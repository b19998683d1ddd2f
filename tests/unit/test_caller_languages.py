"""Languages of callers: known at once, put on record once, bounded."""

from acd.caller_languages import CallerLanguages
from acd.core.names import Millis


def test_a_choice_is_known_at_once_and_put_on_record_once():
    kept = []
    known = CallerLanguages(lambda *row: kept.append(row), lambda: Millis(5))
    known.chosen("7701", "ru")
    known.chosen("7701", "ru")
    assert (known.of("7701"), known.of("7702")) == ("ru", None)
    known.chosen("7701", "kk")
    assert kept == [("7701", "ru", 5), ("7701", "kk", 5)]


def test_a_withheld_number_is_nobodys():
    kept = []
    known = CallerLanguages(lambda *row: kept.append(row), lambda: Millis(5))
    known.chosen("", "ru")
    assert (known.of(""), kept) == (None, [])


def test_what_is_restored_yields_to_what_was_chosen_meanwhile():
    known = CallerLanguages(lambda *row: None, lambda: Millis(5))
    known.chosen("7701", "ru")
    known.restored({"7701": "kk", "7702": "en"})
    assert (known.of("7701"), known.of("7702")) == ("ru", "en")


def test_the_longest_unheard_of_are_forgotten():
    known = CallerLanguages(lambda *row: None, lambda: Millis(5), kept_max=2)
    for number in ("1", "2", "1", "3"):
        known.chosen(number, "ru")
    assert (known.of("1"), known.of("2"), known.of("3")) == ("ru", None, "ru")
