"""1414: the telephony system of a national government contact centre."""

__version__ = "0.1.0"
