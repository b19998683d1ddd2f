"""From the manager events of an Asterisk to what callers and operators went through. Pure.

Both systems are read by the same rules, by the moments Asterisk itself wrote on its events.
"""

from collections.abc import Iterable

Message = dict[str, str]

TRUNK, PHONE = "PJSIP/trunk-", "PJSIP/op"


def messages(raw: bytes) -> list[Message]:
    """Every complete message of a manager session; an unfinished one at the end is left out."""
    blocks = raw.decode("utf-8", "replace").split("\r\n\r\n")[:-1]
    return [_message(block) for block in blocks]


def _message(block: str) -> Message:
    pairs = (line.partition(": ") for line in block.split("\r\n"))
    return {name: value for name, colon, value in pairs if colon}


def unfinished(raw: bytes) -> int:
    """How many channels were born and have not ended."""
    return raw.count(b"Event: Newchannel\r\n") - raw.count(b"Event: Hangup\r\n")


def events_of(found: Iterable[Message]) -> list[Message]:
    """The events among the messages; the rest are answers."""
    return [message for message in found if "Event" in message and "ActionID" not in message]


def waits_ms(events: Iterable[Message]) -> list[float]:
    """From each caller's Newchannel to the moment caller and operator are both in the bridge.

    A caller who never got there is not in the list; one connected twice counts with the first.
    """
    arrived: dict[str, float] = {}
    waited: dict[str, float] = {}
    inside: dict[str, list[str]] = {}
    for event in events:
        unique = event.get("Uniqueid", "")
        if event["Event"] == "Newchannel" and event["Channel"].startswith(TRUNK):
            arrived[unique] = at_ms(event)
        elif event["Event"] == "BridgeEnter":
            members = inside.setdefault(event["BridgeUniqueid"], [])
            members.append(unique)
            if len(members) == 2:
                for caller in members:
                    if caller in arrived:
                        waited.setdefault(caller, at_ms(event) - arrived[caller])
    return list(waited.values())


def gaps_ms(events: Iterable[Message]) -> list[float]:
    """From an operator's hang-up to the next DialBegin to that phone, when somebody waited.

    The caller rung for must have arrived before the operator was free, else the operator was
    idle because nobody called.
    """
    arrived: dict[str, float] = {}
    free: dict[str, float] = {}
    gaps: list[float] = []
    for event in events:
        match event["Event"]:
            case "Newchannel" if event["Channel"].startswith(TRUNK):
                arrived[event["Uniqueid"]] = at_ms(event)
            case "Hangup" if event["Channel"].startswith(PHONE):
                free[phone_of(event["Channel"])] = at_ms(event)
            case "DialBegin" if event.get("DestChannel", "").startswith(PHONE):
                since = free.pop(phone_of(event["DestChannel"]), None)
                caller_since = arrived.get(event.get("Uniqueid", ""))
                if since is not None and caller_since is not None and caller_since < since:
                    gaps.append(at_ms(event) - since)
    return gaps


def phone_of(channel: str) -> str:
    """`PJSIP/op001` of `PJSIP/op001-0000002a`."""
    return channel.rpartition("-")[0]


def at_ms(event: Message) -> float:
    """When Asterisk made the event."""
    return float(event["Timestamp"]) * 1000
