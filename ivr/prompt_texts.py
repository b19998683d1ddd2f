"""Every sentence that the system may have to say: menus, its own phrases, whispers, the queue."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from ivr.core.announcements import all_announcements, all_digits
from ivr.core.menu import Clip, Dialplan, Queue
from ivr.core.numbers import DIGITS, NUMBER_MAX
from ivr.core.speech import all_clips, clip_id, clips_of, number_clip, text_in
from ivr.core.whispers import WHISPER_MS_MAX, all_whispers


@dataclass(frozen=True, slots=True)
class Wanted:
    """A clip that must exist, where it is used, and how long it may be at most (None: no limit).

    `is_slow_too`: it may be played slowly, to a caller who did not answer it at once.
    """

    clip: Clip
    used_by: str
    ms_max: int | None = None
    is_slow_too: bool = False


def wanted_clips(
    dialplans: Iterable[Dialplan],
    phrases: Mapping[str, Mapping[str, str]],
    language_words: Mapping[str, str],
    topic_names: Mapping[str, Mapping[str, str]],
    queue_clips: Iterable[Wanted] = (),
) -> tuple[Wanted, ...]:
    """Each clip once. One that is used twice keeps the tighter limit of length.

    `queue_clips` are what waiting callers are told.
    """
    wanted = [
        *(each for plan in dialplans for each in menu_clips(plan)),
        *phrase_clips(phrases),
        *(
            Wanted(clip, f"whisper {topic}", WHISPER_MS_MAX)
            for (_, topic), clip in all_whispers(language_words, topic_names).items()
        ),
        *queue_clips,
    ]
    by_id: dict[str, Wanted] = {}
    for each in wanted:
        before = by_id.setdefault(clip_id(each.clip), each)
        limits = [ms for ms in (before.ms_max, each.ms_max) if ms is not None]
        by_id[clip_id(each.clip)] = replace(
            before,
            ms_max=min(limits, default=None),
            is_slow_too=before.is_slow_too or each.is_slow_too,
        )
    return tuple(by_id.values())


def menu_clips(plan: Dialplan) -> Iterator[Wanted]:
    """The clips of one menu, each with the first node that plays it.

    Sentences of the menu itself are wanted slowly too; rows of its tables, which are many, and
    bare numbers are not.
    """
    plain = _texts_of_tables(plan) | _numbers(plan.languages)
    where: dict[Clip, str] = {}
    for node in plan.nodes.values():
        for clip in clips_of(plan, node):
            where.setdefault(clip, f"menu {plan.id}, {node.name}")
    for clip in all_clips(plan):
        used_by = where.get(clip, f"menu {plan.id}")
        yield Wanted(clip, used_by, is_slow_too=(clip.language, clip.text) not in plain)
    if any(isinstance(node, Queue) and node.announce_every_ms for node in plan.nodes.values()):
        for clip in all_announcements(plan.languages):
            yield Wanted(clip, f"queues of {plan.id}")


def phrase_clips(phrases: Mapping[str, Mapping[str, str]]) -> Iterable[Wanted]:
    """The phrases of `phrases.yaml`, in the order of the file."""
    for name, texts in phrases.items():
        for language, text in texts.items():
            yield Wanted(Clip(language, text), f"phrase {name}")


def waiting_clips(
    languages: Iterable[str], *, announces: bool, calls_back: bool
) -> Iterator[Wanted]:
    """What the queues say in words of their own: places and times, and numbers read back."""
    spoken = tuple(languages)
    for clip in dict.fromkeys(all_announcements(spoken)) if announces else ():
        yield Wanted(clip, "announcements of queues.yaml")
    for clip in all_digits(spoken) if calls_back else ():
        yield Wanted(clip, "numbers of callbacks")


def _texts_of_tables(plan: Dialplan) -> set[tuple[str, str]]:
    return {
        (language, text)
        for table in plan.tables.values()
        for row in table.rows.values()
        for cell in row.values()
        for language in plan.languages
        if (text := text_in(cell, language)) is not None
    }


def _numbers(languages: Iterable[str]) -> set[tuple[str, str]]:
    return {
        (language, text)
        for language in languages
        for text in (
            *DIGITS[language],
            *(number_clip(language, number).text for number in range(NUMBER_MAX + 1)),
        )
    }
