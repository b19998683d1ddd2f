"""What ops have switched on by hand, kept over a restart: one small JSON file each."""

import json
import logging
from pathlib import Path
from typing import Any

from acd.secrets import write_private

log = logging.getLogger(__name__)


def read_state(path: Path) -> list[dict[str, Any]]:
    """The rows of a file; a missing one has none, a damaged one is said in the log."""
    try:
        rows = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return []
    except (OSError, ValueError, RecursionError) as error:
        log.error("%s cannot be read (%s): what it kept is switched off", path, error)
        return []
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        log.error("%s is not a list of rows: what it kept is switched off", path)
        return []
    return rows


def write_state(path: Path, rows: list[dict[str, Any]]) -> None:
    """Replace the file at once. Raises OSError."""
    write_private(path, json.dumps(rows, ensure_ascii=False, indent=1) + "\n")
