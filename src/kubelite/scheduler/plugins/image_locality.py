"""ImageLocality: prefers nodes that have the pod's images already; large ones count more.

Rule: the sizes found on a node, between 23 MB and 1000 MB a container, become 0 to 100; an image that is on few nodes counts
in proportion to how many have it, so that one node does not attract everything.
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
        images = {normalized(c.image) for c in cycle.pod.pod.spec.containers if c.image}
        if not images or len(cycle.nodes) < 2:
            return None
        sizes = np.zeros(cycle.nodes.capacity)
        for position, node in cycle.nodes.positions():
            if fitting[position] and node.status.images:
                sizes[position] = sum(i.sizeBytes for i in node.status.images if images.intersection(i.names))
        share = np.count_nonzero(sizes) / len(cycle.nodes)
        highest = LARGEST * len(cycle.pod.pod.spec.containers)
        scaled = (np.clip(sizes * share, SMALLEST, highest) - SMALLEST) * MAX_NODE_SCORE / (highest - SMALLEST)
        scores: Scores = np.floor(scaled)
        return scores if scores.any() else None
