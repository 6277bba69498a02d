"""Giving up on a remote that fails: one warning, and it isn't asked any more in this run.

A remote is an aid. Whatever it does, the build goes on without it; so each call has an answer for when there is none.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TypeVar

from hadronbake.artifacts.record import Digest
from hadronbake.remotes.remote import Lie, Remote, RemoteError, Stopped

T = TypeVar("T")

_LONGEST = 300
FAILURES = 3
"""So many failures in a row, and the remote is given up."""


class Guarded:
    """``name``: the address, for messages. ``notice``: told what the user should know, once each."""

    def __init__(self, remote: Remote, name: str, writable: bool, notice: Callable[[str, str], None]) -> None:
        self.remote = remote
        self.name = name
        self.writable = writable
        self._notice = notice
        self._failures = 0
        self._lock = threading.Lock()
        self.given_up = False
        self.there: set[Digest] = set()
        """Blobs of which it has said in this run that it has them, or which it took."""

    def ask(self, question: Callable[[Remote], T], otherwise: T) -> T:
        """The remote's answer, or ``otherwise`` where it has none."""
        if self.given_up:
            return otherwise
        try:
            answer = question(self.remote)
        except Stopped:
            return otherwise
        except RemoteError as error:
            self.failed(error)
            return otherwise
        with self._lock:
            self._failures = 0
        return answer

    def failed(self, error: RemoteError) -> None:
        with self._lock:
            self._failures += 1
            given_up = self.given_up = self.given_up or error.fatal or self._failures >= FAILURES
        # The other side may have had a word in it: neither its control characters nor its pages go to a terminal.
        reason = "".join(letter if letter.isprintable() else "?" for letter in error.reason[:_LONGEST])
        if given_up:
            said = f"the remote {self.name} isn't used any more in this run: {reason}; what it has is built here"
        elif isinstance(error, Lie):
            said = f"the remote {self.name} sent something wrong, which isn't used: {reason}"
        else:
            said = f"the remote {self.name} failed: {reason}; what doesn't come from it is built here"
        # One warning for each remote, whatever comes after it.
        self._notice(said, f"remote {self.name}")
