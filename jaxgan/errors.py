"""The one error a user is meant to read."""


class Refused(ValueError):
    """What was asked cannot be done; the message is one line that says why, and what can be done instead."""
