"""The bar of a long build: on a terminal one line that moves, in a file plain lines."""

import io

from ivr.progress import Progress, bar


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_file_gets_one_plain_line_for_each_thing_done():
    out = io.StringIO()
    progress = Progress(out, lambda: 0)
    progress(1, 2, "first")
    progress(2, 2, "second")
    progress.close()
    assert out.getvalue() == "first\nsecond\n"


def test_the_bar_tells_what_is_done_and_how_long_the_rest_takes():
    assert bar(512, 1024, 64_500, "the latest") == (
        "[############------------]  512/1024  1:05 left  the latest"
    )
    assert bar(0, 0, 0, "").startswith("[" + "-" * 24 + "]")


def test_a_terminal_is_drawn_over_at_most_ten_times_a_second_and_left_clean():
    now = [0]
    out = Terminal()
    progress = Progress(out, lambda: now[0])
    for done in range(1, 101):
        now[0] += 10
        progress(done, 200, f"clip {done}")
    drawn = out.getvalue().split("\r\x1b[K")[1:]
    assert len(drawn) == 10
    assert drawn[-1].startswith("[##########--------------]  91/200  0:02 left  clip 91")
    progress(200, 200, "x" * 500)
    assert len(out.getvalue().split("\r\x1b[K")[-1]) < 500
    progress.close()
    assert out.getvalue().endswith("\r\x1b[K")
