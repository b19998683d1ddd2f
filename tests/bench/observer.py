"""A neutral listener on the manager interface: the same one for both systems.

It keeps what it hears as bytes and reads nothing of it while a load runs, so as not to take the
time it measures.
"""

import socket
import threading
from collections.abc import Mapping

TIMEOUT_S = 10.0


class ManagerError(Exception):
    """Asterisk refused the login or an action."""


class Manager:
    """A session of the manager interface, one action at a time."""

    def __init__(self, port: int, user: str, secret: str, *, events: str) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), TIMEOUT_S)
        self._file = self._socket.makefile("rb")
        self._file.readline()
        self.act({"Action": "Login", "Username": user, "Secret": secret, "Events": events})

    def act(self, action: Mapping[str, str]) -> None:
        """Do it and wait for the answer; only for a session without events."""
        self._socket.sendall("".join(f"{k}: {v}\r\n" for k, v in action.items()).encode() + b"\r\n")
        answer: dict[str, str] = {}
        while "Response" not in answer:
            answer = {}
            while (line := self._file.readline().decode().strip()) != "":
                name, _, value = line.partition(": ")
                answer[name] = value
        if answer["Response"] != "Success":
            raise ManagerError(f"{action['Action']} was refused: {answer.get('Message', '?')}")

    def close(self) -> None:
        """End the session."""
        self._file.close()
        self._socket.close()


class Observer(Manager):
    """Hears every event of calls and phones, unfiltered, from `with` to its end."""

    def __init__(self, port: int, secret: str) -> None:
        super().__init__(port, "observer", secret, events="on")
        self._chunks: list[bytes] = []
        self._thread = threading.Thread(target=self._listen, name="observer")

    def __enter__(self) -> "Observer":
        self._socket.settimeout(None)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self.close()

    @property
    def raw(self) -> bytes:
        """All that was heard so far."""
        return b"".join(self._chunks)

    def _listen(self) -> None:
        while chunk := self._file.read1(1 << 16):
            self._chunks.append(chunk)
