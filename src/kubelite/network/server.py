"""`kubelite network`: the agent that configures this node's pod network.

What: watches Nodes; writes the CNI configuration once this node has a pod range, keeps a route to every other node's pods, the
packet rules and the load balancer addresses that this node answers for in place. Why: the container runtime calls CNI plugins,
but somebody has to tell them the node's range.
Flow: Node informer → plan.py → /etc/cni/net.d, `ip route`, `iptables-restore`. Routes carry a protocol number of our own, so
that stale ones are found after a restart and foreign ones are never touched.
"""

from __future__ import annotations

import asyncio
import pathlib
from dataclasses import dataclass

from kubelite.api import constants
from kubelite.api.core.node import NODE
from kubelite.client.client import Client
from kubelite.client.config import load_kubeconfig
from kubelite.client.informer import Informer
from kubelite.netfilter.iptables import Applier
from kubelite.network import announced, plan
from kubelite.util.backoff import Backoff
from kubelite.util.log import get_logger
from kubelite.util.process import CommandFailed
from kubelite.util.process import run as run_command
from kubelite.util.tasks import supervise

log = get_logger(__name__)
ROUTE_PROTOCOL = "108"
CHECK_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Config:
    """The settings of the network agent."""

    kubeconfig: str = f"{constants.ETC}/network.kubeconfig"
    """How to reach the API server."""
    node_name: str = ""
    """Name of this machine's node; empty takes the host name."""
    cluster_cidr: str = constants.POD_CIDR
    """Range of all pods' addresses."""
    cni_conf_file: str = "/etc/cni/net.d/10-kubelite.conflist"
    """Where the CNI configuration is written."""
    mtu: int = 0
    """MTU of the pods' links; 0 leaves it to the kernel."""
    configure_routes: bool = True
    """Keep a route to every other node's pods; off where the nodes' routers know the way."""


class Agent:
    """Applies the plan whenever a Node changes, and looks once a minute whether the kernel still agrees."""

    def __init__(self, config: Config, nodes: Informer[plan.Node], name: str) -> None:
        self.config, self.nodes, self.name = config, nodes, name
        self.changed = asyncio.Event()
        self.rules = Applier(("KUBELITE-",))
        self.addresses = announced.Addresses()
        self.wanted_tables = plan.tables(config.cluster_cidr)
        nodes.add_handler(lambda _: self.changed.set())

    async def run(self) -> None:
        await self.nodes.synced()
        backoff = Backoff(initial=0.5, cap=30)
        while True:
            self.changed.clear()
            try:
                await self.sync()
                backoff.reset()
                wait = CHECK_SECONDS
            except (OSError, CommandFailed, TimeoutError) as error:
                log.warning("Cannot configure the pod network", error=error)
                wait = backoff.next()
            try:
                await asyncio.wait_for(self.changed.wait(), wait)
            except TimeoutError:
                await self.check()

    async def check(self) -> None:
        """Writes the rules anew if someone else removed them."""
        try:
            if not await self.rules.intact(*self.wanted_tables):
                self.rules.forget()
        except (OSError, CommandFailed, TimeoutError) as error:
            log.warning("Cannot read the packet rules", error=error)

    async def sync(self) -> None:
        nodes = list(self.nodes.list())
        cidr = plan.own_cidr(nodes, self.name)
        await self.rules.apply(*self.wanted_tables)
        if cidr:
            self.write(plan.cni_config(cidr, self.config.mtu))
        await self.apply_routes(plan.routes(nodes, self.name) if self.config.configure_routes else set())
        await self.announce(nodes)

    async def announce(self, nodes: list[plan.Node]) -> None:
        """The load balancer addresses of this node; none while it is not known."""
        mine = next((node for node in nodes if node.metadata.name == self.name), None)
        text = mine.metadata.annotations.get(announced.ANNOTATION, "") if mine is not None else ""
        await self.addresses.apply(announced.parse(text), mine.internal_ip if mine is not None else "")

    def write(self, text: str) -> None:
        """Replaces the CNI configuration as a whole: the runtime watches the folder and must not read half a file."""
        path = pathlib.Path(self.config.cni_conf_file)
        if path.exists() and path.read_text() == text:
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f".{path.name}.new")
        temporary.write_text(text)
        temporary.replace(path)
        log.info("Wrote the CNI configuration", path=path)

    async def apply_routes(self, wanted: set[plan.Route]) -> None:
        shown = (await run_command(["ip", "-4", "route", "show", "proto", ROUTE_PROTOCOL])).stdout.decode()
        present = set()
        for line in shown.splitlines():
            words = line.split()
            if "via" in words:
                present.add(plan.Route(words[0], words[words.index("via") + 1]))
        first: CommandFailed | None = None
        for route in sorted(wanted - present):
            argv = ["ip", "-4", "route", "replace", route.target, "via", route.via, "proto", ROUTE_PROTOCOL]
            try:
                await run_command(argv)
                log.info("Added a route to another node's pods", target=route.target, via=route.via)
            except CommandFailed as error:
                # A node that cannot be reached must not keep the others from being reached.
                first = first or error
        targets = {route.target for route in wanted}
        for route in sorted(present - wanted):
            if route.target not in targets:
                await run_command(["ip", "-4", "route", "delete", route.target, "proto", ROUTE_PROTOCOL])
        if first is not None:
            raise first


async def run(config: Config, stop: asyncio.Event) -> None:
    """Runs until `stop`. The configuration stays: running pods need it."""
    import socket

    client = Client.from_config(
        load_kubeconfig(config.kubeconfig), user_agent="kubelite-network", patience=float("inf")
    )
    nodes: Informer[plan.Node] = Informer(client, NODE, type=plan.Node)
    agent = Agent(config, nodes, config.node_name or socket.gethostname().lower())
    try:
        await supervise(stop, nodes=nodes.run(), agent=agent.run())
    finally:
        await client.close()
