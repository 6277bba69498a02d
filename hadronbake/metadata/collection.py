"""When Python looks for garbage in cycles: not while much is made that stays, and not in what stays."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def uncollected() -> Iterator[None]:
    """Nothing is looked for within the block: what it makes stays."""
    before = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if before:
            gc.enable()


@contextmanager
def all_stays() -> Iterator[None]:
    """What is there before the block is not looked at within it, nor copied for that in a forked process."""
    before = gc.isenabled()
    gc.enable()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()
        if not before:
            gc.disable()
