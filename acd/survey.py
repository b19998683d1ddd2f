"""Where everybody is, as Asterisk itself tells: one answer to Status, read into what we know.

A citizen's channel carries in its variables all that is needed to go on with the call (the
dialplan in `config/asterisk/extensions.conf` and the menu set them). Nothing here asks or acts.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from acd.core.names import ContactId, Millis
from acd.lines import Place

VARIABLES = (
    "ACD_CALL,ACD_CBC,ACD_NUMBER,ACD_T0,ACD_LANG,ACD_Q,ACD_QT0,ACD_FB0,ACD_STATE,ACD_OP,ACD_TA,ACD_OFFER,"
    "ACD_LEG"
)
"""What to ask for with Status."""

Status = Mapping[str, str]
MUSIC = ("WaitExten", "MusicOnHold")
"""The applications in which a caller in hold hears music."""


@dataclass(frozen=True, slots=True)
class Seen:
    """One citizen's channel. Moments are epoch milliseconds, None for what has not happened.

    `place` is where the channel stands; in the fallback, too, `operator` and `connected_at` tell
    of a conversation. `leg` is the operator's channel. `callback` is the contact for which a
    citizen was called back.
    """

    call: str
    channel: str
    number: str
    place: Place
    topic: str
    language: str
    priority_s: int
    arrived_at: Millis | None = None
    queued_at: Millis | None = None
    fallback_at: Millis | None = None
    connected_at: Millis | None = None
    operator: str | None = None
    offer: int = 0
    leg: str | None = None
    leg_channel: str | None = None
    callback: str | None = None

    @property
    def contact(self) -> ContactId:
        """The router's id of it: the call's own, unless the citizen was called back."""
        return ContactId(self.callback or self.call)


def survey(channels: Iterable[Status]) -> list[Seen]:
    """Every citizen's channel of a Status listing, in its order; those on their way out left out.

    Asked for with `VARIABLES`; lines of `Variable` are joined by line feeds (`acd.ami`).
    """
    listed = [(channel, _variables(channel)) for channel in channels]
    legs = {values["ACD_LEG"]: channel for channel, values in listed if values.get("ACD_LEG")}
    found = []
    for channel, values in listed:
        call = channel.get("Uniqueid", "")
        if call and values.get("ACD_CALL") == call:
            seen = _seen(channel, values, legs.get(call))
            if seen is not None:
                found.append(seen)
    return found


def _variables(channel: Status) -> dict[str, str]:
    pairs = (line.partition("=") for line in channel.get("Variable", "").split("\n"))
    return {name: value for name, _, value in pairs if value and value != "(null)"}


def _seen(channel: Status, values: Mapping[str, str], leg: Status | None) -> Seen | None:
    is_talking = bool(channel.get("BridgeID")) or values.get("ACD_STATE") == "fallback-talk"
    place = _place(channel, values, is_talking=is_talking)
    if place is None:
        return None
    topic, _, priority = values.get("ACD_Q", "").partition("|")
    with_operator = place in (Place.RINGING, Place.TALKING, Place.AFTER)
    is_served = with_operator or (place is Place.FALLBACK and is_talking)
    is_connected = place in (Place.TALKING, Place.AFTER) or (place is Place.FALLBACK and is_talking)
    offer = [*values.get("ACD_OFFER", "").split("|"), "", "", "", ""][3]
    return Seen(
        call=channel["Uniqueid"],
        channel=channel.get("Channel", ""),
        number=values.get("ACD_NUMBER", ""),
        place=place,
        topic=topic or "general",
        language=values.get("ACD_LANG", ""),
        priority_s=int(priority) if priority.isdigit() else 0,
        arrived_at=_moment(values, "ACD_T0"),
        queued_at=_moment(values, "ACD_QT0"),
        fallback_at=_moment(values, "ACD_FB0"),
        connected_at=_moment(values, "ACD_TA") if is_connected else None,
        operator=values.get("ACD_OP") if is_served else None,
        offer=int(offer) if offer.isdigit() else 0,
        leg=leg.get("Uniqueid") if leg is not None and is_served else None,
        leg_channel=leg.get("Channel") if leg is not None and is_served else None,
        callback=values.get("ACD_CBC"),
    )


def _place(channel: Status, values: Mapping[str, str], *, is_talking: bool) -> Place | None:
    match channel.get("Context"):
        case "from-trunk" | "acd-transfer" | "acd-leave" | "acd-called":
            return Place.MENU
        case "acd-book":
            return Place.MENU if values.get("ACD_STATE") == "callback" else Place.SAYING
        case "acd-hold":
            return Place.PARKED if channel.get("Application") in MUSIC else Place.SAYING
        case "acd-deliver" if values.get("ACD_STATE") == "after":
            return Place.AFTER
        case "acd-deliver":
            return Place.TALKING if is_talking else Place.RINGING
        case "acd-fallback":
            return Place.FALLBACK
        case _:
            return None


def _moment(values: Mapping[str, str], name: str) -> Millis | None:
    value = values.get(name, "")
    return Millis(int(value)) if value.isdigit() else None
