"""Where a second copy of the same checkout keeps its things."""

from pathlib import PurePath


def offset_path(path: str, port_offset: int) -> str:
    """The path a copy with this port offset uses in place of `path`; offset 0 changes nothing.

    `var/acd.sock` becomes `var-100/acd.sock` and `var` becomes `var-100`; an absolute path gets
    the suffix at its end. So copies from one checkout share nothing they write.
    """
    parts = PurePath(path).parts
    if not port_offset or not parts:
        return path
    if PurePath(path).is_absolute() or len(parts) == 1:
        return f"{path}-{port_offset}"
    return str(PurePath(f"{parts[0]}-{port_offset}", *parts[1:]))


LEFT_ON_PURPOSE = 20
"""The exit status of a service that was drained: it is not to be started again by itself."""
