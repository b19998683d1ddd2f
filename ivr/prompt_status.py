"""How every sentence stands: recorded, spoken by an engine, missing, out of date or faulty."""

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from ivr.core.speech import clip_id, normalised
from ivr.prompt_library import PromptLibrary
from ivr.prompt_manifest import Entry, clip_name, found_entries
from ivr.prompt_texts import Wanted

State = Literal["draft", "recorded", "missing", "stale", "faulty"]

STATES: tuple[State, ...] = ("draft", "recorded", "missing", "stale", "faulty")
_ALIKE = 0.6  # share of letters by which a changed sentence is recognised


@dataclass(frozen=True, slots=True)
class StatusLine:
    """One sentence or file and how it stands; `detail` says what is wrong or out of date."""

    state: State
    language: str
    id: str
    text: str
    used_by: str
    seconds: float | None
    engine: str | None
    detail: str | None = None


def status(wanted: Sequence[Wanted], library: PromptLibrary) -> list[StatusLine]:
    """How every wanted sentence stands, then the files of the first folder nobody needs.

    A sentence is stale while callers hear an engine, and a person has recorded its earlier words.
    """
    found = found_entries(library.folders[0])
    needed = {clip_name(each.clip) for each in wanted}
    spare = {name: entry for name, entry in found.items() if name not in needed}
    earlier = {name: entry for name, entry in spare.items() if entry.status == "recorded"}
    lines: list[StatusLine] = []
    used: set[str] = set()
    for each in wanted:
        line = _status_of(each, library, found)
        if line.state == "draft" and earlier:
            name = _earlier_words(each, earlier)
            if name is not None:
                used.add(name)
                detail = f"recorded with other words: '{earlier[name].text}'; record it anew"
                line = replace(line, state="stale", detail=detail)
        lines.append(line)
    for name, entry in spare.items():
        if name not in used:
            lines.append(_spare(name, entry))
    return lines


def _status_of(each: Wanted, library: PromptLibrary, found: Mapping[str, Entry]) -> StatusLine:
    clip, id_ = each.clip, clip_id(each.clip)
    file = library.file(clip)
    if file is None:
        return StatusLine("missing", clip.language, id_, clip.text, each.used_by, None, None)
    if file.parent.parent == library.folders[0]:
        entry = found.get(clip_name(clip))
    else:
        entry = library.entry(clip)
    problem = library.problem(clip)
    if problem is not None:
        state: State = "faulty"
    else:
        state = entry.status if entry is not None else "recorded"
    seconds, engine = (entry.seconds, entry.engine) if entry is not None else (None, None)
    return StatusLine(state, clip.language, id_, clip.text, each.used_by, seconds, engine, problem)


def _earlier_words(each: Wanted, earlier: Mapping[str, Entry]) -> str | None:
    """The recording whose text is most like this one, if any is."""
    texts = {
        entry.text: name for name, entry in earlier.items() if entry.language == each.clip.language
    }
    alike = difflib.get_close_matches(normalised(each.clip.text), texts, n=1, cutoff=_ALIKE)
    return texts[alike[0]] if alike else None


def _spare(name: str, entry: Entry) -> StatusLine:
    if entry.status == "recorded":
        detail = "recorded, and no sentence needs it; keep it, or remove the file"
    else:
        detail = "no sentence needs it; 'ivr prompts build --prune' removes it"
    id_ = name.partition("/")[2]
    return StatusLine(
        "stale", entry.language, id_, entry.text, "", entry.seconds, entry.engine, detail
    )
