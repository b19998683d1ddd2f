"""Calls citizens back: the one thing for which Asterisk needs to be told to originate a call.

Asterisk cannot confine that right, so it has a login of its own, opened for one call at a time and
used for nothing else, and a ticket in place of a number: the number goes over the service's usual
login into a variable that the dialplan's `acd-callback` takes away as it reads it. Neither login
alone makes Asterisk call anybody by that way (SECURITY.md).
"""

import secrets

from acd.ami import Ami, AmiError
from acd.core.names import Millis
from acd.settings import Address

USER = "acd-callback"
CONTEXT = "acd-callback"
TICKET_DIGITS = 12
SPARE_MS = 5_000
"""How long beyond the ringing Asterisk may take to be done with a call."""


def new_ticket() -> str:
    """Good for one call, and not to be guessed."""
    return str(secrets.randbelow(10**TICKET_DIGITS)).zfill(TICKET_DIGITS)


def channel_of(ticket: str) -> str:
    """The id of our own end of the call, to end it by."""
    return f"acd-cb-{ticket}"


class Dialler:
    """Knows the secret of the login that may originate calls."""

    def __init__(self, address: Address, secret: str) -> None:
        self._address = address
        self._secret = secret

    async def dial(self, ticket: str, ring_ms: Millis) -> None:
        """Have Asterisk call the number of this ticket. AmiError when it does not take it."""
        host, port = self._address.host, self._address.port
        ami = await Ami.connect(host, port, USER, self._secret, lambda _: None)
        try:
            await ami.action(
                "Originate",
                Channel=f"Local/{ticket}@{CONTEXT}/n",
                ChannelId=channel_of(ticket),
                Context=CONTEXT,
                Exten="near",
                Priority="1",
                Timeout=str(ring_ms + SPARE_MS),
                Async="true",
            )
        finally:
            await ami.close()


__all__ = ["AmiError", "Dialler", "channel_of", "new_ticket"]
