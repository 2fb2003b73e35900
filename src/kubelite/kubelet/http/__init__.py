"""The kubelet's HTTPS API: logs, exec, attach, port-forward, pods, stats, metrics, health; and the rotation of logs."""

from __future__ import annotations

from kubelite.kubelet.http.server import Server
from kubelite.kubelet.interfaces import Context


def build(context: Context) -> Server:
    """The `HttpServer` of the kubelet."""
    server = Server(context)
    context.client.transport.calls.tell(server.registry)
    return server


__all__ = ["Server", "build"]
