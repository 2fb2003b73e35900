"""Rules of storage: a claim has one volume for life, a volume one claim, and a pod runs where its volumes are.

What: `Volumes`, checked at each write. Why: two pods that write to one volume, or a pod that finds another's data, is
what a cluster must never do, whoever dies between the scheduler's choice and the binder's.
"""

from __future__ import annotations

from collections.abc import Iterator

from tests.simulation.truth import Object, Rule, is_over


def claims_of(pod: Object) -> list[str]:
    """Keys of the claims that a pod uses."""
    namespace = pod["metadata"]["namespace"]
    volumes = pod["spec"].get("volumes") or ()
    return [f"{namespace}/{v['persistentVolumeClaim']['claimName']}" for v in volumes if "persistentVolumeClaim" in v]


def _node_of(pod: Object | None) -> str:
    return str((pod or {}).get("spec", {}).get("nodeName") or "")


def reaches(volume: Object, node: Object) -> bool:
    """Whether the volume's node affinity, hostnames in this simulation, allows the node."""
    required = (volume["spec"].get("nodeAffinity") or {}).get("required")
    if not required:
        return True
    terms = [term.get("matchExpressions") or () for term in required["nodeSelectorTerms"]]
    labels = node["metadata"].get("labels") or {}
    return any(all(labels.get(one["key"]) in one.get("values", ()) for one in term) for term in terms)


class Volumes(Rule):
    """See above."""

    def seen(self, resource: str, key: str, old: Object | None, new: Object | None) -> None:
        if resource == "persistentvolumes" and old is not None and new is not None:
            self._volume(key, old, new)
        elif resource == "persistentvolumeclaims":
            self._claim(key, old, new)
        elif resource == "pods" and _node_of(new) and not _node_of(old):
            self._placed(key, new or {})

    def _volume(self, key: str, old: Object, new: Object) -> None:
        before, after = ((one["spec"].get("claimRef") or {}).get("uid", "") for one in (old, new))
        if before and after and before != after:
            self.truth.violated(f"PersistentVolume {key} goes from one claim to another")

    def _claim(self, key: str, old: Object | None, new: Object | None) -> None:
        if new is None:
            for pod in self.truth.of("pods", key.partition("/")[0]):
                if key in claims_of(pod) and pod["spec"].get("nodeName") and not is_over(pod):
                    self.truth.violated(f"PersistentVolumeClaim {key} is gone and {pod['metadata']['name']} uses it")
            return
        name = new["spec"].get("volumeName")
        same = old is not None and old["metadata"]["uid"] == new["metadata"]["uid"]
        before = old["spec"].get("volumeName") if same and old is not None else None
        if before and before != name:
            self.truth.violated(f"PersistentVolumeClaim {key} goes from the volume {before} to {name}")
        if not name or before:
            return
        for other in self.truth.of("persistentvolumeclaims"):
            if other is not new and other["spec"].get("volumeName") == name:
                self.truth.violated(f"PersistentVolumeClaims {key} and {other['metadata']['name']} have one volume")

    def _placed(self, key: str, pod: Object) -> None:
        node = self.truth.objects["nodes"].get(pod["spec"]["nodeName"])
        for one in claims_of(pod):
            claim = self.truth.objects["persistentvolumeclaims"].get(one)
            name = claim["spec"].get("volumeName") if claim is not None else None
            volume = self.truth.objects["persistentvolumes"].get(name or "")
            if volume is None:
                self.truth.violated(f"pod {key} gets a node, and its claim {one} has no volume")
            elif node is not None and not reaches(volume, node):
                self.truth.violated(f"pod {key} gets {pod['spec']['nodeName']}, where its volume {name} is not")


def storage_questions(volumes: list[Object], claims: list[Object], pods: list[Object]) -> Iterator[str]:
    """What of the storage is not as it should be at the end."""
    by_uid = {claim["metadata"]["uid"]: claim for claim in claims}
    for volume in volumes:
        name, reference = volume["metadata"]["name"], volume["spec"].get("claimRef") or {}
        phase = volume.get("status", {}).get("phase")
        claim = by_uid.get(reference.get("uid", ""))
        wanted = "Available" if not reference.get("uid") else "Released" if claim is None else "Bound"
        if phase != wanted:
            yield f"PersistentVolume {name} is {phase}, not {wanted}"
        if claim is not None and claim["spec"].get("volumeName") != name:
            yield f"PersistentVolume {name} belongs to a claim that has {claim['spec'].get('volumeName')}"
    for claim in claims:
        name = f"{claim['metadata']['namespace']}/{claim['metadata']['name']}"
        wanted = "Bound" if claim["spec"].get("volumeName") else "Pending"
        if claim.get("status", {}).get("phase") != wanted:
            yield f"PersistentVolumeClaim {name} is {claim.get('status', {}).get('phase')}, not {wanted}"
        used = any(name in claims_of(pod) for pod in pods)
        if claim["metadata"].get("deletionTimestamp") and not used:
            yield f"PersistentVolumeClaim {name} is still being deleted"
