"""The environment of containers: variables, the downward API, resolver settings, host name and hosts file."""

from __future__ import annotations

from kubelite.kubelet.env.environment import PodEnvironment
from kubelite.kubelet.interfaces import Context


def build(context: Context) -> PodEnvironment:
    """The `Environment` of the kubelet."""
    return PodEnvironment(context)


__all__ = ["build", "PodEnvironment"]
