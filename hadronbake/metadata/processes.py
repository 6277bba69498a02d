"""Parsing in several processes, none of which outlives us, and one of which may end in the middle of a parse."""

from __future__ import annotations

import ctypes
import os
import signal
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context

from hadronbake.diagnostics import Diagnostic, Location
from hadronbake.metadata.layers import RecipeFile
from hadronbake.metadata.parsecache import Entry, Recipes

_PR_SET_PDEATHSIG = 1

Parse = Callable[[RecipeFile], Entry]
_work: list[tuple[Parse, Callable[[], None]]] = []


def _begin_worker(parent: int) -> None:
    """An interrupt is the parent's affair; and nobody stays behind when the parent is killed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)


def _parse_several(files: Sequence[RecipeFile]) -> list[Entry]:
    parse, keep = _work[0]
    found = [parse(file) for file in files]
    keep()
    return found


def _pool(count: int) -> ProcessPoolExecutor:
    # Forked: the configuration, its Python and its statements are there already.
    return ProcessPoolExecutor(count, get_context("fork"), _begin_worker, (os.getpid(),))


def _ended(file: RecipeFile) -> Entry:
    """What is known of a recipe whose parse ended its process."""
    error = Diagnostic(
        "HBM063",
        "the process that parsed this recipe ended",
        Location(file.path),
        hint="its Python code crashed or killed the process, or memory ran out",
    )
    return Entry(file.path, file.layer, file.priority, file.appends, Recipes.of(()), (), errors=(error,))


def parse_in(
    count: int, files: Sequence[RecipeFile], parse: Parse, keep: Callable[[], None]
) -> Iterator[Sequence[Entry]]:
    """The entries of all files, some at a time, as they are done, from so many processes. Each calls ``keep`` now and then."""
    # Enough parts that no process waits long for the last one; each is big enough to be worth the sending.
    size = max(1, min(16, len(files) // (count * 4)))
    parts = [files[start : start + size] for start in range(0, len(files), size)]
    _work[:] = [(parse, keep)]
    left: list[RecipeFile] = []
    pool = _pool(count)
    try:
        waiting: dict[Future[list[Entry]], Sequence[RecipeFile]] = {
            pool.submit(_parse_several, part): part for part in parts
        }
        while waiting:
            ready, _ = wait(waiting, return_when=FIRST_COMPLETED)
            for future in ready:
                part = waiting.pop(future)
                try:
                    entries = future.result()
                except BrokenProcessPool:
                    left.extend(part)
                    continue
                yield entries
        # A process ended in the middle of a parse, and all others with it. Which recipe did it is found one by one.
        for file in left:
            try:
                entries = pool.submit(_parse_several, [file]).result()
            except BrokenProcessPool:
                pool.shutdown(wait=True)
                pool = _pool(1)
                try:
                    entries = pool.submit(_parse_several, [file]).result()
                except BrokenProcessPool:
                    entries = [_ended(file)]
            yield entries
    except BaseException:
        pool.shutdown(wait=False, cancel_futures=True)
        for process in list((pool._processes or {}).values()):
            process.kill()
        raise
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
        _work.clear()
