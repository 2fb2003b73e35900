"""Probes: liveness, readiness and startup checks of containers."""

from __future__ import annotations

from kubelite.kubelet.interfaces import Context
from kubelite.kubelet.probes.manager import Probes


def build(context: Context) -> Probes:
    """The `ProbeManager` of the kubelet."""
    return Probes(context)


__all__ = ["Probes", "build"]
