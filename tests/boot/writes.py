"""The writes of a machine to its disk, kept by QEMU's driver blklogwrites; and what the disk holds if power fails among them.

The format is that of the kernel's dm-log-writes: a superblock, then entries, each a header in a sector of its own, and its data.
"""

import random
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

SECTOR = 512
MAGIC = 0x6A736677736872
FLUSH, FUA, DISCARD = 1, 2, 4


@dataclass(frozen=True, slots=True)
class Write:
    """``size`` bytes go to ``place`` of the disk; they are at ``kept`` in the log. A flush has none."""

    place: int
    size: int
    kept: int
    flags: int


def drive(disk: Path, log: Path) -> str:
    """The options of QEMU's ``-drive`` for a raw disk whose writes are kept in ``log``."""
    log.write_bytes(b"")
    below = f"file.driver=raw,file.file.driver=file,file.file.filename={disk}"
    return f"driver=blklogwrites,{below},log.driver=file,log.filename={log},log-sector-size={SECTOR},if=none,id=disk"


def read(log: Path) -> list[Write]:
    """All entries, in the order in which they were made."""
    found = []
    with log.open("rb") as stream:
        magic, _, count, size = struct.unpack("<QQQI", stream.read(28))
        assert (magic, size) == (MAGIC, SECTOR)
        at = SECTOR
        for _ in range(count):
            stream.seek(at)
            sector, sectors, flags, _ = struct.unpack("<QQQQ", stream.read(32))
            length = 0 if flags & DISCARD else sectors * SECTOR
            found.append(Write(sector * SECTOR, length, at + SECTOR, flags))
            at += SECTOR + length
    return found


def flushed(writes: Sequence[Write], moment: int) -> int:
    """How many of the first ``moment`` entries are safe by a flush."""
    return max((number for number in range(moment) if writes[number].flags & FLUSH), default=0)


def survivors(loose: Sequence[Write], chance: random.Random) -> list[Write]:
    """Of the writes that no flush has followed when power fails, any may have reached the disk."""
    return [write for write in loose if write.flags & FUA or chance.random() < 0.5]


def apply(disk: Path, log: Path, writes: Sequence[Write]) -> None:
    with log.open("rb") as source, disk.open("r+b") as stream:
        for write in writes:
            if write.size:
                source.seek(write.kept)
                stream.seek(write.place)
                stream.write(source.read(write.size))
