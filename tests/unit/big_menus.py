"""A menu of any size: a tree of menus and branches, with a table of services beside it."""

from pathlib import Path

HEAD = """\
schema: 1
id: big
languages: [kk, ru, en]
entry: n0
globals:
  "0": {goto: operator}
tables:
  services: {file: services.csv, key: code}
nodes:
  operator: {type: queue, topic: general}
  q: {type: queue, topic: "call.topic or 'general'"}
"""


def big_menu(folder: Path, node_count: int, row_count: int) -> None:
    """Write `big.yaml` and `services.csv`; every text is another one."""
    count = node_count - 2
    parts = [
        HEAD,
        *(_node(n, [k for k in range(3 * n + 1, 3 * n + 4) if k < count]) for n in range(count)),
    ]
    (folder / "big.yaml").write_text("".join(parts), encoding="utf-8")
    rows = [
        f"{1000 + n},Қызмет {word(n, KK)},Услуга {word(n, RU)},service {word(n, EN)},g,general\n"
        for n in range(row_count)
    ]
    head = "code,name_kk,name_ru,name_en,group,skill\n"
    (folder / "services.csv").write_text(head + "".join(rows), encoding="utf-8")


KK, RU, EN = "аәбвгғдежз", "абвгдежзик", "abcdefghij"


def word(number: int, letters: str) -> str:
    """A number as letters, so that no text names a digit."""
    return "".join(letters[int(digit)] for digit in str(number))


def _texts(number: int) -> str:
    kk, ru, en = (word(number, letters) for letters in (KK, RU, EN))
    return f'{{kk: "Ән {kk}", ru: "Раздел {ru}", en: "part {en}"}}'


def _node(number: int, ways: list[int]) -> str:
    name = f"  n{number}"
    if not ways:
        return f"{name}: {{type: say, prompt: {_texts(number)}, next: q}}\n"
    if number % 4 == 3:
        cases = "".join(
            f"      - {{if: \"call.topic == 't{k}' and not caller.withheld\", goto: n{k}}}\n"
            for k in ways
        )
        return f"{name}:\n    type: branch\n    when:\n{cases}    else: n{ways[0]}\n"
    options = "".join(
        f'      - {{key: "{index}", label: {_texts(k)}, goto: n{k}, set: {{call.topic: general}}'
        "}\n"
        for index, k in enumerate(ways, 1)
    )
    return f"{name}:\n    type: menu\n    options:\n{options}"
