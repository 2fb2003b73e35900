"""The words that are processes, and the words that manage the cluster itself.

What: two tables, word → module. Why: the command line, the supervisor and `--help` read the same list.
"""

from __future__ import annotations

from typing import NamedTuple


class Command(NamedTuple):
    """A word: the module that does it and a line for `--help`."""

    module: str
    summary: str


COMPONENTS: dict[str, Command] = {
    "apiserver": Command("kubelite.apiserver.server", "Serve the Kubernetes API over HTTPS."),
    "controller-manager": Command("kubelite.controllers.server", "Run the controllers that make the world as wanted."),
    "cloud-controller-manager": Command(
        "kubelite.controllers.cloud.server", "Run the controllers that depend on where the machines stand."
    ),
    "scheduler": Command("kubelite.scheduler.server", "Choose a node for each pending pod."),
    "kubelet": Command("kubelite.kubelet.server", "Run the pods of this node through a container runtime."),
    "proxy": Command("kubelite.proxy.server", "Program the kernel with Services' virtual addresses."),
    "network": Command("kubelite.network.server", "Configure this node's pod network."),
    "dns": Command("kubelite.dns.server", "Answer DNS queries for services and pods."),
}

LIFECYCLE: dict[str, Command] = {
    "up": Command("kubelite.cmd.cluster.up", "Start a cluster on this machine, or join one."),
    "prepare": Command(
        "kubelite.cmd.cluster.prepare", "Write keys and settings for processes that something else starts, as systemd."
    ),
    "down": Command("kubelite.cmd.cluster.down", "Stop the cluster on this machine and put the host back as it was."),
    "status": Command(
        "kubelite.cmd.cluster.status", "Show the processes of this machine and whether they are healthy."
    ),
    "image": Command("kubelite.cmd.cluster.image", "Import image tars into this machine's nodes, or list images."),
    "etcd": Command("kubelite.cmd.etcd", "Save, check and restore snapshots of the cluster's state."),
    "node-bundle": Command("kubelite.cmd.cluster.bundle", "Write the credentials with which another machine can join."),
    "simulate": Command("kubelite.cmd.simulate.command", "Join simulated nodes to a cluster until stopped."),
    "supervisor": Command("kubelite.cmd.cluster.supervisor", "Keep the processes of this machine running."),
}
