"""Volumes: the directories that a pod's volumes are, made, filled, refreshed and taken down."""

from __future__ import annotations

from kubelite.kubelet.interfaces import Context
from kubelite.kubelet.volumes.manager import Volumes


def build(context: Context) -> Volumes:
    """The `VolumeManager` of the kubelet."""
    return Volumes(context)


__all__ = ["Volumes", "build"]
