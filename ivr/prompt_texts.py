"""Every sentence that the system may have to say: menus, its own phrases, whispers."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ivr.core.menu import Clip, Dialplan
from ivr.core.speech import all_clips, clip_id
from ivr.core.whispers import WHISPER_MS_MAX, all_whispers


@dataclass(frozen=True, slots=True)
class Wanted:
    """A clip that must exist, where it is used, and how long it may be at most (None: no limit)."""

    clip: Clip
    used_by: str
    ms_max: int | None = None


def wanted_clips(
    dialplans: Iterable[Dialplan],
    phrases: Mapping[str, Mapping[str, str]],
    language_words: Mapping[str, str],
    topic_names: Mapping[str, Mapping[str, str]],
) -> tuple[Wanted, ...]:
    """Each clip once. One that is used twice keeps the tighter limit of length."""
    wanted = [
        *(Wanted(clip, f"menu {plan.id}") for plan in dialplans for clip in all_clips(plan)),
        *phrase_clips(phrases),
        *(
            Wanted(clip, f"whisper {topic}", WHISPER_MS_MAX)
            for (_, topic), clip in all_whispers(language_words, topic_names).items()
        ),
    ]
    by_id: dict[str, Wanted] = {}
    for each in wanted:
        before = by_id.setdefault(clip_id(each.clip), each)
        if each.ms_max is not None and before.ms_max is None:
            by_id[clip_id(each.clip)] = each
    return tuple(by_id.values())


def phrase_clips(phrases: Mapping[str, Mapping[str, str]]) -> Iterable[Wanted]:
    """The phrases of `phrases.yaml`, in the order of the file."""
    for name, texts in phrases.items():
        for language, text in texts.items():
            yield Wanted(Clip(language, text), f"phrase {name}")
