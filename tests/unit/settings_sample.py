"""The smallest complete `config/`, and how tests change it and read what is said of it."""
# ruff: noqa: E501 - the example is the design's

from pathlib import Path

from acd.problems import Problems
from acd.settings_files import load_settings

EXAMPLE = {
    "service.yaml": """\
schema: 1
number: "1414"
timezone: Asia/Almaty
languages: [kk, ru, en]
target: 30s
database: "sqlite:///var/1414.sqlite"       # or postgresql+psycopg://...
listen: {sip: "127.0.0.1:5060", ami: "127.0.0.1:5038", agi: "127.0.0.1:4573", socket: "var/acd.sock"}
""",
    "skills.yaml": """\
schema: 1
topics:
  general: {queue: general, name: {kk: "Жалпы сұрақтар", ru: "Общие вопросы", en: "general questions"}}
  pension: {queue: social, name: {kk: "Зейнетақы", ru: "Пенсия", en: "pension"}}
""",
    "operators.yaml": """\
schema: 1
operators:
  op001: {shift: A, languages: {kk: 5, ru: 4}, topics: {pension: 4, general: 3}}
  op002: {shift: B, languages: {ru: 5, en: 3}, topics: {general: 5}, wrap_up: 20s}
""",
    "queues.yaml": """\
schema: 1
queues:
  general: {least_level: {language: 2, topic: 1}, ring: 8s, wrap_up: 10s, ladder: [{at: 20s, do: offer_callback}, {at: 30s, do: overflow, to: voicemail}]}
  social:
    least_level: {language: 2, topic: 2}     # everybody at or above it may take the call at once
    ring: 8s
    wrap_up: 10s
    ladder:                                  # each step fires on `at:` (waited) or `when:` (a condition), whichever comes first
      - {at: 10s, do: widen, topic: 1}
      - {when: "predicted_wait > 30s", do: reserve}
      - {at: 20s, do: offer_callback}
      - {at: 30s, do: overflow, to: general}
""",
    "shifts.yaml": """\
schema: 1
shifts:
  A: {days: [mon, tue, wed, thu, fri], hours: "08:00-17:00", breaks: [{at: "12:00", for: 60m, at_once: 25%}]}
  B: {days: [mon, tue, wed, thu, fri, sat, sun], hours: "20:00-08:00"}
""",
}  # fmt: skip
"""The minimal complete example of the design, word for word."""


def write(folder, files):
    config = folder / "config"
    config.mkdir(exist_ok=True)
    for name, text in files.items():
        (config / name).write_text(text, encoding="utf-8")
    return config


def load(config, **options):
    problems = Problems()
    return load_settings(config, problems, **options), problems


def found(problems, config, severity="error"):
    """(file, line, column, message) of each."""
    return [
        (str(Path(p.file).relative_to(config)), p.line, p.column, p.message)
        for p in problems.sorted()
        if p.severity == severity
    ]


def changed(file, old, new):
    """The example with one change; `^` in the new text marks the place, (line, column)."""
    text = EXAMPLE[file]
    assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times in {file}"
    text = text.replace(old, new)
    before = text.partition("^")[0]
    place = (before.count("\n") + 1, len(before.rpartition("\n")[2]) + 1)
    return {**EXAMPLE, file: text.replace("^", "")}, place
