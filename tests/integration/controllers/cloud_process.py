"""An API server, the network agent of node a and the cloud controllers with routes, to be run inside a network namespace.

Lines on standard input are requests `[method, path, body]`; each is answered with a line `[status, body]`.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import sys

from kubelite.controllers.cloud import server as cloud
from kubelite.network import server as agent
from tests.apienv import CONTROLLERS_TOKEN, api_server
from tests.integration.controllers.roles import grant


async def main(cni_conf_file: str) -> None:
    loop = asyncio.get_running_loop()
    async with api_server() as api:
        stop = asyncio.Event()
        await grant(api, ["cloud"])
        restricted = shutil.copy(api.kubeconfig(CONTROLLERS_TOKEN), f"{cni_conf_file}.kubeconfig")
        config = cloud.Config(
            kubeconfig=restricted,
            healthz_bind_address="",
            leader_elect=False,
            configure_cloud_routes=True,
            cluster_cidr="10.244.0.0/16,fd00:244::/56",
            route_reconciliation_period=0.5,
        )
        pods = agent.Config(kubeconfig=api.kubeconfig(), node_name="a", cni_conf_file=cni_conf_file)
        tasks = [asyncio.create_task(cloud.run(config, stop)), asyncio.create_task(agent.run(pods, stop))]
        print("[0, null]", flush=True)
        while line := await loop.run_in_executor(None, sys.stdin.readline):
            method, path, body = json.loads(line)
            patch = {"content-type": "application/merge-patch+json"} if method == "PATCH" else None
            reply = await api.request(method, path, body, headers=patch)
            print(json.dumps([reply.status, reply.json()]), flush=True)
        stop.set()
        await asyncio.gather(*tasks)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
