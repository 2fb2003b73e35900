"""A node's process for the tests: an API server and the network agent, to be run inside a network namespace.

Lines on standard input are requests `[method, path, body]`; each is answered with a line `[status, body]`.
"""

from __future__ import annotations

import asyncio
import json
import sys

from kubelite.network import server
from tests.apienv import api_server


async def main(cni_conf_file: str) -> None:
    loop = asyncio.get_running_loop()
    async with api_server() as api:
        stop = asyncio.Event()
        config = server.Config(kubeconfig=api.kubeconfig(), node_name="a", cni_conf_file=cni_conf_file)
        agent = asyncio.create_task(server.run(config, stop))
        print("[0, null]", flush=True)
        while line := await loop.run_in_executor(None, sys.stdin.readline):
            method, path, body = json.loads(line)
            patch = {"content-type": "application/merge-patch+json"} if method == "PATCH" else None
            reply = await api.request(method, path, body, headers=patch)
            print(json.dumps([reply.status, reply.json()]), flush=True)
        stop.set()
        await agent


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
