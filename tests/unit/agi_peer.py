"""The other end of FastAGI for tests: connects as Asterisk does and answers commands."""

import asyncio
from contextlib import asynccontextmanager

from ivr.fastagi import AgiServer

ENVIRONMENT = (
    b"agi_network: yes\nagi_network_script: ivr\nagi_request: agi://127.0.0.1/ivr\n"
    b"agi_channel: PJSIP/trunk-00000001\nagi_language: kk\nagi_uniqueid: kz1-1795376382.7\n"
    b"agi_callerid: 77011234567\nagi_calleridname: \xd0\x90\xd0\xb9\xd0\xb3\xff\n"
    b"agi_arg_1: one\nagi_arg_2: two words\n\n"
)


@asynccontextmanager
async def served(handler, **options):
    """A server on a free port whose route `ivr` is this handler."""
    server = AgiServer({"ivr": handler}, **options)
    await server.start("127.0.0.1", 0)
    try:
        yield server
    finally:
        await server.close()


class Asterisk:
    """One call: says its environment, then answers each command by `answer(words) -> bytes`."""

    def __init__(self, port, answer, environment=ENVIRONMENT):
        self.port = port
        self.answer = answer
        self.environment = environment
        self.commands = []

    async def call(self):
        """Until the server closes, or `answer` gives None, which drops the line."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            writer.write(self.environment)
            while raw := await reader.readline():
                command = raw.decode().rstrip("\n")
                self.commands.append(command)
                reply = self.answer(command)
                if reply is None:
                    break
                writer.write(reply)
                await writer.drain()
        except ConnectionError:
            pass  # closed with our environment unread: the same to Asterisk as an end
        finally:
            writer.close()
        return self


async def until(condition, timeout_s=5.0):
    """Poll a condition with a deadline."""
    async with asyncio.timeout(timeout_s):
        while not condition():
            await asyncio.sleep(0.005)
