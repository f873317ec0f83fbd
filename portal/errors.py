"""Failures that we can explain to the person who meets them."""


class PortalError(Exception):
    """The base class of our own failures; its text is a plain sentence."""


class ConfigurationError(PortalError):
    """The environment asks for something that the portal cannot or must not do."""


class UndecryptableError(PortalError):
    """A stored value does not open with any of our keys, or was moved from where it belongs."""
