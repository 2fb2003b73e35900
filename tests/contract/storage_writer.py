"""A process that writes to a SQLite store and prints each acknowledged write, to be killed while it does.

Usage: python storage_writer.py PATH PREFIX. Several writers share the store, so that commits are grouped.
"""

from __future__ import annotations

import asyncio
import sys

from kubelite.storage.sqlite import SqliteStore


async def main(path: str, prefix: str) -> None:
    store = await SqliteStore.open(path, keep_revisions=1000)

    async def write(writer: int) -> None:
        number = 0
        while True:
            key = f"{prefix}{writer}-{number}"
            revision = await store.create(key, f"{writer} {number}".encode() * 50)
            sys.stdout.write(f"{key} {revision}\n")
            sys.stdout.flush()
            number += 1

    await asyncio.gather(*(write(i) for i in range(16)))


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
