"""Reads `service.yaml`: number, languages, addresses, feature codes."""

import ipaddress
import re
import zoneinfo
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Final

from acd.core.names import Language, Millis
from acd.places import offset_path
from acd.settings import FEATURES, Address, Callbacks, Edges, Listen, Service
from acd.yaml_source import Fields, Node
from ivr.core.expressions import Value

FEATURE_CODES: Final = {
    "ready": "*1",
    "pause": "*2",
    "wrap_up": "*3",
    "logout": "*0",
    "abuse": "*9",
    "record_pause": "*5",
    "bookmark": "*6",
}
PAUSE_REASONS: Final = {"1": "break", "2": "lunch", "3": "training", "4": "meeting", "5": "other"}
RTP_PORTS: Final = (10_000, 14_999)
KNOWN_LANGUAGES: Final = ("kk", "ru", "en")
_OUTSIDE = re.compile(r"\+?[0-9]{2,15}")
_SIP_ADDRESS = re.compile(r"sip:[A-Za-z0-9+._-]+@[A-Za-z0-9.-]+(:[0-9]{1,5})?")  # no dialplan words
_PATTERN = re.compile(r"\+?[0-9X]{3,15}")
_BEGINS_FIXED = re.compile(r"\+?[0-9]{2}")  # a list that begins with X would let anybody be dialled
_CONFIG_NAME = re.compile(r"[a-z_][a-z0-9_]{0,63}")
_WHOLE = re.compile(r"0|-?[1-9][0-9]{0,14}")


def read_service(base: Path, port_offset: int, root: Node) -> Service | None:
    """The service's own settings; relative paths are taken from `base`.

    None when something needed is missing or wrong, which the problems then say.
    """
    fields = root.fields(
        required=["schema", "number", "timezone", "languages", "target", "database", "listen"],
        optional=[
            *("folder", "trunk", "features", "pause_reasons", "least_talk", "menu"),
            *("transfers", "config", "callbacks", "last_offer", "auto_logout", "login_early"),
        ],
    )
    if fields is None:
        return None
    schema = fields.get("schema")
    if schema is not None and schema.text != "1":
        schema.error("this version reads schema 1; write 'schema: 1'")
    number = fields.read("number", _number)
    zone = fields.read("timezone", _zone)
    languages = fields.read("languages", _languages)
    target = fields.read("target", lambda node: node.duration_ms(1000, 3_600_000))
    folder = base / offset_path(fields.read("folder", Node.sentence) or "var", port_offset)
    database = fields.read("database", partial(_database, base, port_offset))
    listen = _listen(fields, base, port_offset)
    if not number or not zone or not languages or not target or not database or listen is None:
        return None
    trunk = fields.read("trunk", lambda node: node.list_of(_network)) or ["127.0.0.2"]
    return Service(
        number=number,
        timezone=zone,
        languages=tuple(dict.fromkeys(languages)),
        target_ms=Millis(target),
        database=database,
        listen=listen,
        folder=folder,
        trunk=tuple(trunk),
        features=_features(fields),
        pause_reasons=_reasons(fields),
        least_talk_ms=Millis(fields.read("least_talk", _least_talk, 3000)),
        menu=fields.read("menu", Node.name),
        transfers=fields.read("transfers", _transfers) or {},
        config=fields.read("config", _config) or {},
        callbacks=fields.read("callbacks", _callbacks) or Callbacks(),
        edges=_edges(fields),
    )


def _edges(fields: Fields) -> Edges:
    usual = Edges()
    return Edges(
        fields.read("last_offer", partial(_up_to, 600_000), usual.last_offer_ms),
        fields.read("auto_logout", Node.boolean, usual.auto_logout),
        fields.read("login_early", partial(_up_to, 14_400_000), usual.login_early_ms),
    )


def _up_to(hi_ms: int, node: Node) -> Millis | None:
    found = node.duration_ms(0, hi_ms)
    return None if found is None else Millis(found)


def _least_talk(node: Node) -> int | None:
    return node.duration_ms(0, 60_000)


def _transfers(node: Node) -> dict[str, str] | None:
    return node.mapping_of(_outside_number, _sip_address)


def _outside_number(node: Node) -> str | None:
    text = node.string()
    if text is not None and not _OUTSIDE.fullmatch(text):
        node.error(f'{node.in_words()} is not a telephone number; write digits, as in "112"')
        return None
    return text


def _sip_address(node: Node) -> str | None:
    text = node.string()
    if text is not None and not _SIP_ADDRESS.fullmatch(text):
        node.error(f'{node.in_words()} is not an address; write it as in "sip:112@10.0.0.5:5060"')
        return None
    return text


def _callbacks(node: Node) -> Callbacks | None:
    fields = node.fields(optional=["quiet", "numbers", "via"])
    if fields is None:
        return None
    numbers = fields.read("numbers", lambda listed: listed.list_of(_number_pattern)) or []
    via = fields.read("via", partial(_address, 0))
    return Callbacks(fields.read("quiet", Node.hours), tuple(numbers), str(via) if via else None)


def _number_pattern(node: Node) -> str | None:
    text = node.string()
    if text is None:
        return None
    if not _PATTERN.fullmatch(text):
        node.error(
            f"{node.in_words()} is not a pattern of numbers; write digits, and X for any digit, "
            'as in "+77XXXXXXXXX"'
        )
        return None
    if not _BEGINS_FIXED.match(text):
        node.error(
            f"'{text}' lets nearly any number be dialled; begin with two digits or more, as in "
            '"+77XXXXXXXXX"'
        )
        return None
    return text


def _config(node: Node, depth: int = 0) -> dict[str, Value] | None:
    """Names and values, in groups at most three deep."""
    if node.entries is None or depth > 2:
        node.error(
            f'{node.in_words()} stands here; write names and values, as in url: "https://..."'
        )
        return None
    return node.mapping_of(_config_name, lambda value: _config_value(value, depth))


def _config_name(node: Node) -> str | None:
    text = node.name()
    if text is not None and not _CONFIG_NAME.fullmatch(text):
        node.error(f"menus cannot name '{text}'; write small letters, digits and _")
        return None
    if text == "broadcast":
        node.error("'broadcast' is what `acd broadcast` has switched on; choose another name")
        return None
    return text


def _config_value(node: Node, depth: int) -> Value:
    """A text in quotation marks, a bare true, false or whole number; None when it is neither."""
    if node.entries is not None:
        return _config(node, depth + 1)
    if not node.quoted and node.text in ("true", "false"):
        return node.text == "true"
    if not node.quoted and node.text is not None and _WHOLE.fullmatch(node.text):
        return int(node.text)
    return node.sentence()


def _number(node: Node) -> str | None:
    text = node.string()
    if text is not None and not (text.isascii() and text.isdigit() and len(text) <= 15):
        node.error(f'{node.in_words()} is not a telephone number; write digits, as in "1414"')
        return None
    return text


def _zone(node: Node) -> str | None:
    text = node.string()
    if text is not None and text not in zoneinfo.available_timezones():
        node.error(f"{node.in_words()} is not a time zone of this machine; write Asia/Almaty")
        return None
    return text


def _languages(node: Node) -> list[Language] | None:
    """All of them or none, lest every text in a misspelt one be called wrong as well."""
    languages = node.list_of(_language)
    return languages if languages and len(languages) == len(node.items or ()) else None


def _language(node: Node) -> Language | None:
    word = node.choice(KNOWN_LANGUAGES)
    return None if word is None else Language(word)


def _database(base: Path, port_offset: int, node: Node) -> str | None:
    """A database URL; the path of an SQLite file is made absolute."""
    text = node.string()
    if text is None:
        return None
    scheme, _, rest = text.partition("://")
    if not rest.strip("/") or scheme.partition("+")[0] not in ("sqlite", "postgresql"):
        example = "sqlite:///var/1414.sqlite or postgresql+psycopg://user@host/1414"
        node.error(f"{node.in_words()} is not a database; write it as in {example}")
        return None
    if scheme == "sqlite":
        path = base / offset_path(rest.removeprefix("/"), port_offset)
        return f"sqlite:///{path}"
    return text


def _listen(fields: Fields, base: Path, port_offset: int) -> Listen | None:
    node = fields.get("listen")
    names = ("sip", "ami", "agi", "socket")
    listen = node.fields(required=names, optional=["rtp"]) if node else None
    if node is None or listen is None:
        return None
    address = partial(_address, port_offset)
    sip, ami, agi = (listen.read(name, address) for name in ("sip", "ami", "agi"))
    socket = listen.read("socket", Node.sentence)
    default = (RTP_PORTS[0] + port_offset, RTP_PORTS[1] + port_offset)
    rtp = listen.read("rtp", partial(_ports, port_offset), default)
    for name, found in (("ami", ami), ("agi", agi)):
        if found is not None and not ipaddress.ip_address(found.host).is_loopback:
            where = listen.get(name) or node
            where.error(f"{name} has no protection of its own; listen on 127.0.0.1")
    if sip is None or ami is None or agi is None or socket is None:
        return None
    if ami.port == agi.port:
        listen.key("agi").error(f"port {agi.port - port_offset} is taken by ami; choose another")
        return None
    return Listen(sip, ami, agi, base / offset_path(socket, port_offset), rtp)


def _address(port_offset: int, node: Node) -> Address | None:
    text = node.plain_text('an address and a port, as in "127.0.0.1:5060"')
    if text is None:
        return None
    host, _, port = text.rpartition(":")
    try:
        ipaddress.IPv4Address(host)
        number = int(port) + port_offset
        if not 1 <= number <= 65_535:
            raise ValueError(port)
    except ValueError:
        node.error(f'{node.in_words()} is not an address and a port; write "127.0.0.1:5060"')
        return None
    return Address(host, number)


def _ports(port_offset: int, node: Node) -> tuple[int, int] | None:
    text = node.plain_text('two ports, as in "10000-14999"')
    if text is None:
        return None
    match = re.fullmatch(r"(\d{1,5})-(\d{1,5})", text)
    first, last = (int(port) + port_offset for port in match.groups()) if match else (0, 0)
    if not 1024 <= first < last <= 65_535:
        node.error(f'{node.in_words()} is not a range of ports; write it as in "10000-14999"')
        return None
    return first, last


def _network(node: Node) -> str | None:
    text = node.string()
    if text is None:
        return None
    try:
        ipaddress.ip_network(text)
    except ValueError:
        node.error(f"{node.in_words()} is not an address or a network; write it as in 127.0.0.2")
        return None
    return text


def _features(fields: Fields) -> Mapping[str, str]:
    codes = dict(FEATURE_CODES)
    node = fields.get("features")
    given = node.fields(optional=FEATURES) if node else None
    for name in FEATURES if given else ():
        code = given.read(name, _code) if given else None
        if code is not None:
            codes[name] = code
    for name, code in codes.items():
        same = [other for other, taken in codes.items() if taken == code and other != name]
        if same and given is not None and name in given:
            given.key(name).error(f"'{code}' is the code of '{same[0]}' as well; choose another")
            break
        if code[:-1] == codes["pause"] and code[-1] != "0" and given is not None:
            where = given.key(name if name in given else "pause")
            where.error(f"'{code}' of '{name}' is the pause with its reason too; choose another")
    return codes


def _code(node: Node) -> str | None:
    text = node.string()
    if text is not None and not (
        2 <= len(text) <= 4 and text[0] == "*" and text[1:].isdigit() and text.isascii()
    ):
        node.error(f'{node.in_words()} is not a feature code; write a star and digits, as in "*1"')
        return None
    return text


def _reasons(fields: Fields) -> Mapping[str, str]:
    node = fields.get("pause_reasons")
    given = node.mapping_of(_digit, Node.name) if node else None
    return given or PAUSE_REASONS


def _digit(node: Node) -> str | None:
    text = node.string()
    if text is not None and not (len(text) == 1 and text in "123456789"):
        node.error(f'{node.in_words()} is not one digit from 1 to 9; write it as in "1"')
        return None
    return text
