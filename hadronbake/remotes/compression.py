"""zstd on the way: content piece by piece, with an end to what a small message may unpack to."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import zstandard

from hadronbake.remotes.remote import Lie

SMALLEST = 512
"""Less isn't worth compressing."""

_LEVEL = 3


def compress(pieces: Iterable[bytes]) -> Iterator[bytes]:
    packer = zstandard.ZstdCompressor(level=_LEVEL).compressobj()
    for piece in pieces:
        packed = packer.compress(piece)
        if packed:
            yield packed
    yield packer.flush()


def decompress(pieces: Iterable[bytes], size: int) -> Iterator[bytes]:
    """Raises Lie where it isn't zstd, or is more than ``size`` bytes."""
    # A window of 128 MiB at most: what a server compressed with more is refused, not given the memory.
    unpacker = zstandard.ZstdDecompressor(max_window_size=1 << 27).decompressobj(read_across_frames=True)
    total = 0
    try:
        for piece in pieces:
            # Small pieces, so that a bomb is seen before it has filled the memory.
            for start in range(0, len(piece), 4096):
                unpacked = unpacker.decompress(piece[start : start + 4096])
                total += len(unpacked)
                if total > size:
                    raise Lie("a blob unpacks to more than its size")
                if unpacked:
                    yield unpacked
    except zstandard.ZstdError as error:
        raise Lie(f"a blob isn't zstd: {error}") from error
