"""A node's process for the tests: an API server and the proxy, to be run inside a network namespace.

Lines on standard input are requests `[method, path, body]`; each is answered with a line `[status, body]`. "stop proxy" ends
the proxy and leaves its rules.
"""

from __future__ import annotations

import asyncio
import json
import sys

from kubelite.proxy import server
from tests.apienv import api_server


async def main() -> None:
    loop = asyncio.get_running_loop()
    async with api_server() as api:
        stop = asyncio.Event()
        config = server.Config(
            kubeconfig=api.kubeconfig(),
            hostname_override="here",
            cluster_cidr="10.244.0.0/16",
            min_sync_period=0.02,
            healthz_bind_address="127.0.0.1:10256",
            metrics_bind_address="",
        )
        proxy = asyncio.create_task(server.run(config, stop))
        print("[0, null]", flush=True)
        while line := await loop.run_in_executor(None, sys.stdin.readline):
            if line.strip() == '"stop proxy"':
                stop.set()
                await proxy
                print("[0, null]", flush=True)
                continue
            method, path, body = json.loads(line)
            reply = await api.request(
                method,
                path,
                body,
                headers={"content-type": "application/merge-patch+json"} if method == "PATCH" else None,
            )
            print(json.dumps([reply.status, reply.json()]), flush=True)
        stop.set()
        await proxy


if __name__ == "__main__":
    asyncio.run(main())
