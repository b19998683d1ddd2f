"""The databases that several files of tests use."""

from tests.unit.records import alerts, file, server, url

__all__ = ["alerts", "file", "server", "url"]
