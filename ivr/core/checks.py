"""Whether digits that a caller entered can be right: the number of a person, a pattern."""

import re

IIN = "iin"
IIN_DIGITS = 12
_FIRST_WEIGHTS = (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11)
_SECOND_WEIGHTS = (3, 4, 5, 6, 7, 8, 9, 10, 11, 1, 2)


def is_iin(digits: str) -> bool:
    """Whether this can be an individual identification number: 12 digits, the last one a check.

    The check is the sum of the eleven by the first weights, modulo 11; when that is 10, by the
    second weights; when that is 10 too, no such number is given out.
    """
    if len(digits) != IIN_DIGITS or not (digits.isascii() and digits.isdecimal()):
        return False
    for weights in (_FIRST_WEIGHTS, _SECOND_WEIGHTS):
        remainder = sum(int(d) * w for d, w in zip(digits, weights, strict=False)) % 11
        if remainder < 10:
            return remainder == int(digits[-1])
    return False


def passes(check: str | None, digits: str) -> bool:
    """Whether an entry passes the `check` of a collect: None, `iin` or a regular expression."""
    if check is None:
        return True
    if check == IIN:
        return is_iin(digits)
    return re.fullmatch(check, digits) is not None
