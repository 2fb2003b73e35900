"""ImageLocality: prefers nodes that have the pod's images already; large ones count more.

Rule: the sizes found on a node, those of images that are mounted as volumes among them, between 23 MB and 1000 MB a container,
become 0 to 100; an image that is on few nodes counts in proportion to how many have it, so that one node does not attract
everything.
"""

from __future__ import annotations

import numpy as np

from kubelite.scheduler.framework import MAX_NODE_SCORE, Cycle, Scores
from kubelite.scheduler.nodes import Mask

NAME = "ImageLocality"
SMALLEST, LARGEST = 23 * 1024 * 1024, 1000 * 1024 * 1024


def normalized(image: str) -> str:
    """With the tag that an image without one means."""
    return image if ":" in image.rpartition("/")[2] or "@" in image else f"{image}:latest"


class ImageLocality:
    name = NAME

    def score(self, cycle: Cycle, fitting: Mask) -> Scores | None:
        spec, nodes = cycle.pod.pod.spec, cycle.nodes
        containers = [*spec.initContainers, *spec.containers]
        mounted = [volume.image.reference for volume in spec.volumes if volume.image is not None]
        images = [*(container.image for container in containers), *mounted]
        found = [nodes.images.get(normalized(image)) for image in images]
        if not any(found):
            return None
        sizes = np.zeros(nodes.capacity)
        for holders in found:
            share = len(holders or ()) / len(nodes)
            for position, size in (holders or {}).items():
                sizes[position] += int(size * share)
        # As upstream: images of volumes add to the sum, but not to what it is compared with.
        highest = LARGEST * len(containers)
        scores: Scores = np.floor(
            (np.clip(sizes, SMALLEST, highest) - SMALLEST) * MAX_NODE_SCORE / (highest - SMALLEST)
        )
        return scores if scores.any() else None
