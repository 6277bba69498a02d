"""A proxy that lets what goes through it take its time: python delay.py PORT TO_PORT MILLISECONDS

Every byte arrives half a round trip after it was sent, in either direction; a new connection costs a whole one. The rate isn't limited.
"""

from __future__ import annotations

import asyncio
import sys
from contextlib import suppress

HELD = 64 << 20


async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, seconds: float) -> None:
    """Passes on what comes, ``seconds`` later, also its end."""
    loop = asyncio.get_running_loop()
    waiting: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(HELD >> 16)

    async def give() -> None:
        while True:
            at, data = await waiting.get()
            if (rest := at - loop.time()) > 0:
                await asyncio.sleep(rest)
            if not data:
                if writer.can_write_eof():
                    writer.write_eof()
                return
            writer.write(data)
            await writer.drain()

    giving = asyncio.create_task(give())
    with suppress(OSError):
        while True:
            data = await reader.read(1 << 16)
            await waiting.put((loop.time() + seconds, data))
            if not data:
                break
    with suppress(OSError):
        await giving


async def serve(port: int, to: int, seconds: float) -> None:
    async def connect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if seconds:
            await asyncio.sleep(seconds)
        there, back = await asyncio.open_connection("127.0.0.1", to)
        await asyncio.gather(pump(reader, back, seconds / 2), pump(there, writer, seconds / 2))
        for end in (writer, back):
            end.close()

    server = await asyncio.start_server(connect, "127.0.0.1", port)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        asyncio.run(serve(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]) / 1000))
