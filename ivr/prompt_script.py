"""The recording script: what a voice actor reads, and how the files are to be named.

`script.csv` lists every sentence with its number; a number, once given out, stays with its
sentence. `script-<language>.txt` is for reading: only what is not recorded yet.
"""

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ivr.core.pronounce import spoken
from ivr.prompt_recordings import FOLDER, SCRIPT, script_numbers
from ivr.prompt_status import StatusLine

COLUMNS = ("number", "id", "language", "text", "seconds", "state", "used_by")
SECONDS_PER_CHARACTER = 1 / 14

_HEAD = """\
1414: sentences to record, language {language}: {count}, about {minutes} minutes of speech

One file for each sentence, named by its number: {folder}/{language}/{number:04}.wav
Any WAV will do (better 48 kHz, 24 bit, mono): quiet room, no music, no echo, peaks below -3 dBFS,
half a second of silence before and after. Speak calmly, at an even distance from the microphone.
A sentence said in a menu ends as if another one followed. Afterwards: ivr prompts build
"""


@dataclass(frozen=True, slots=True)
class Row:
    """One sentence of the script. `seconds` are those of the draft, or reckoned from the text."""

    number: int
    line: StatusLine
    seconds: float


def script_rows(lines: Sequence[StatusLine], numbers: Mapping[int, str]) -> list[Row]:
    """Every sentence in the order of the menus; one without a number gets the next free one."""
    known = {name: number for number, name in numbers.items()}
    highest = max(numbers, default=0)
    rows = []
    for line in lines:
        name = f"{line.language}/{line.id}"
        if name not in known:
            if not line.used_by:
                continue  # a file nobody needs is not worth a number
            highest += 1
            known[name] = highest
        seconds = line.seconds
        if seconds is None:
            seconds = round(len(spoken(line.language, line.text)) * SECONDS_PER_CHARACTER, 1)
        rows.append(Row(known[name], line, seconds))
    return sorted(rows, key=lambda row: row.number)


def write_script(lines: Sequence[StatusLine], folder: Path) -> list[Path]:
    """Write the script into a folder of recordings, and tell which files that were.

    Numbers given out before to sentences that are no longer needed are kept and not used again.
    """
    numbers = script_numbers(folder / SCRIPT)
    rows = script_rows(lines, numbers)
    listed = {row.number for row in rows}
    gone = {number: name for number, name in numbers.items() if number not in listed}
    folder.mkdir(parents=True, exist_ok=True)
    written = [folder / SCRIPT]
    # Excel takes a file for UTF-8 only with a mark at its beginning.
    written[0].write_text(as_csv(rows, gone), encoding="utf-8-sig", newline="")
    for language in dict.fromkeys(row.line.language for row in rows):
        path = folder / f"script-{language}.txt"
        path.write_text(as_text(rows, language), encoding="utf-8")
        written.append(path)
    return written


def as_csv(rows: Sequence[Row], gone: Mapping[int, str]) -> str:
    """The table, sentences that are gone at its end without a text."""
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow(COLUMNS)
    for row in rows:
        line = row.line
        writer.writerow(
            [row.number, line.id, line.language, line.text, row.seconds, line.state, line.used_by]
        )
    for number, name in sorted(gone.items()):
        language, _, id_ = name.partition("/")
        writer.writerow([number, id_, language, "", "", "gone", ""])
    return out.getvalue()


def as_text(rows: Sequence[Row], language: str) -> str:
    """What is still to be recorded in one language, for reading aloud."""
    due = [row for row in rows if row.line.language == language and _is_to_record(row.line)]
    seconds = sum(row.seconds for row in due)
    head = _HEAD.format(
        language=language,
        count=len(due),
        minutes=max(1, round(seconds / 60)),
        folder=FOLDER,
        number=due[0].number if due else 1,
    )
    parts = [head]
    place = None
    for row in due:
        if row.line.used_by != place:
            place = row.line.used_by
            parts.append(f"\n--- {place}\n")
        parts.append(f"\n{row.number:04}   ({row.seconds:.1f} s)\n    {row.line.text}\n")
    return "".join(parts)


def _is_to_record(line: StatusLine) -> bool:
    return bool(line.used_by) and line.state != "recorded"
