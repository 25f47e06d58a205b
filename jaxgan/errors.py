"""The one error a user is meant to read."""


class Refused(ValueError):
    """What was asked cannot be done; the message is one line that says why, and what can be done instead."""


class Unreadable(Exception):
    """Examples that should be there cannot be read; the message says which, where they lie and why."""
