"""The one error for a backend that cannot be used here."""

from __future__ import annotations


class BackendUnavailable(RuntimeError):
    """A backend cannot be used on this machine; the message says what is missing and how to get it."""
