"""``bb.siggen``: base classes for the signature generators that metadata defines. The engine computes its hashes itself."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from .logs import fatal

_HASH = re.compile(r"[0-9a-f]{32,128}")


class SignatureGenerator:
    """The engine calls none of its methods; those that metadata calls on ``bb.parse.siggen`` do nothing."""

    name = "noop"

    def __init__(self, data: Any = None) -> None:
        self.basehash: dict[str, str] = {}
        self.taskhash: dict[str, str] = {}

    def finalise(self, fn: str, d: Any, variant: str | None) -> None:
        pass

    def dump_siglist(self, sigfile: str, path_prefix_strip: str | None = None) -> None:
        pass

    def checkhashes(self, *args: Any) -> set[str]:
        return set()

    def get_unihash(self, tid: str) -> str:
        return self.taskhash[tid]


class SignatureGeneratorBasic(SignatureGenerator):
    name = "basic"


class SignatureGeneratorBasicHash(SignatureGeneratorBasic):
    name = "basichash"


class SignatureGeneratorUniHashMixIn:
    """For generators that ask a hash server (``client``) which hash stands for equal outputs."""

    taskhash: dict[str, str]
    unihash: dict[str, str]
    setscenetasks: set[str]
    method: str

    def __init__(self, data: Any = None) -> None:
        super().__init__(data)  # type: ignore[call-arg]

    def client(self) -> Any:
        """A context manager that gives the connection to the server."""
        raise NotImplementedError

    def get_unihash(self, tid: str) -> str:
        return self.get_unihashes([tid])[0]

    def get_unihashes(self, tids: Iterable[str]) -> list[str]:
        """The unihash of each task: the one known, or the server's, or its taskhash. What the server says must be a hash."""
        wanted = list(tids)
        unknown = [tid for tid in wanted if tid not in self.unihash]
        if unknown:
            with self.client() as client:
                answers = client.get_unihash_batch((self.method, self.taskhash[tid]) for tid in unknown)
            for answer in answers:
                if answer is not None and not _HASH.fullmatch(answer):
                    fatal(f"the hash server gave something that is no hash: {answer!r}")
            for tid, answer in zip(unknown, answers, strict=True):
                self.unihash[tid] = answer or self.taskhash[tid]
        return [self.unihash[tid] for tid in wanted]

    def report_unihash(self, path: str, task: str, d: Any) -> None:
        """Nothing: equal outputs are recognised by the engine's own records."""


def init(d: Any) -> SignatureGenerator:
    return SignatureGeneratorBasicHash(d)


def build_pnid(mc: str, pn: str, taskname: str) -> str:
    """The name by which a task's dependencies are sorted: ``PN:task``, or ``mc:MC:PN:task``."""
    return f"mc:{mc}:{pn}:{taskname}" if mc else f"{pn}:{taskname}"


def dump_this_task(outfile: str, d: Any) -> None:
    """Nothing: ``hbake why`` shows what a hash is made of."""


def compare_sigfiles(*args: Any, **options: Any) -> list[str]:
    return []
