"""Plays the calls of `simulators` once, in a process of its own, compiled or not.

It prints the seconds of its own thread, and how many calls were answered in time.
"""

import gc
import sys
from time import thread_time

from acd.sim import compiled

COMPILED = "compiled"


def main(name: str, extent: str, kind: str) -> int:
    """1 when the compiled simulator is to play and is not there."""
    if kind == COMPILED and not compiled.use():
        print("the compiled simulator is not there", file=sys.stderr)
        return 1
    # Only now: whatever of the router is imported before stays as it is.
    from tests.bench.simulators import CALLS, PLAYERS, SEED, made_up

    play = PLAYERS[name](*made_up(CALLS[extent], SEED))
    gc.collect()
    began = thread_time()
    in_time = play()
    print(thread_time() - began, in_time)
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
