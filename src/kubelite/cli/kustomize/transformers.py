"""What a kustomization changes in all its resources: namespace, names, labels, annotations, replicas, images.

What: `transform`. Why: these are the differences between variants that need no patch. Flow: the fields of the file in order, each
over all resources. Which fields of which kinds carry labels and annotations is data below. Rules: kustomize
api/internal/konfig/builtinpluginconsts.
"""

from __future__ import annotations

import re
from typing import Any

from kubelite.cli.failures import CliError
from kubelite.cli.kustomize.load import entry
from kubelite.cli.kustomize.resource import Resource, places

KEEP_NAME = ("CustomResourceDefinition", "APIService", "Namespace")
TEMPLATES: dict[str, str] = {
    "ReplicationController": "spec/template",
    "Deployment": "spec/template",
    "ReplicaSet": "spec/template",
    "DaemonSet": "spec/template",
    "StatefulSet": "spec/template",
    "Job": "spec/template",
    "CronJob": "spec/jobTemplate/spec/template",
}
SELECTORS: dict[str, tuple[tuple[str, bool], ...]] = {
    "Service": (("spec/selector", True),),
    "ReplicationController": (("spec/selector", True),),
    "Deployment": (("spec/selector/matchLabels", True),),
    "ReplicaSet": (("spec/selector/matchLabels", True),),
    "DaemonSet": (("spec/selector/matchLabels", True),),
    "StatefulSet": (("spec/selector/matchLabels", True),),
    "Job": (("spec/selector/matchLabels", False),),
    "CronJob": (("spec/jobTemplate/spec/selector/matchLabels", False),),
    "PodDisruptionBudget": (("spec/selector/matchLabels", False),),
    "NetworkPolicy": (
        ("spec/podSelector/matchLabels", False),
        ("spec/ingress[]/from[]/podSelector/matchLabels", False),
        ("spec/egress[]/to[]/podSelector/matchLabels", False),
    ),
}
"""Kind → (path of a selector, whether it is made where it is missing)."""
_AFFINITY = (
    *(
        f"spec/affinity/{kind}/{term}/labelSelector/matchLabels"
        for kind in ("podAffinity", "podAntiAffinity")
        for term in (
            "preferredDuringSchedulingIgnoredDuringExecution[]/podAffinityTerm",
            "requiredDuringSchedulingIgnoredDuringExecution[]",
        )
    ),
    "spec/topologySpreadConstraints[]/labelSelector/matchLabels",
)
CONTAINERS = ("containers[]", "initContainers[]", "ephemeralContainers[]")
_LABELS = {
    "pairs": dict,
    "includeSelectors": bool,
    "includeTemplates": bool,
}


def transform(fields: dict[str, Any], resources: list[Resource]) -> None:
    """Changes `resources` in place. Raises CliError."""
    if fields.get("namespace"):
        _namespace(str(fields["namespace"]), resources)
    _names(str(fields.get("namePrefix") or ""), str(fields.get("nameSuffix") or ""), resources)
    for raw in fields.get("labels") or ():
        labels = entry(raw, "labels", _LABELS)
        _labels(
            _texts(labels.get("pairs") or {}),
            resources,
            selectors=bool(labels.get("includeSelectors")),
            templates=bool(labels.get("includeTemplates")),
        )
    if fields.get("commonLabels"):
        _labels(fields["commonLabels"], resources, selectors=True, templates=True)
    if fields.get("commonAnnotations"):
        _annotations(fields["commonAnnotations"], resources)
    _replicas(fields.get("replicas") or [], resources)
    _images(fields.get("images") or [], resources)


def _texts(pairs: dict[str, Any]) -> dict[str, str]:
    for value in pairs.values():
        if not isinstance(value, str):
            kind = "bool" if isinstance(value, bool) else "number"
            raise CliError(
                f"invalid Kustomization: json: cannot unmarshal {kind} into Go struct field Label.labels.pairs of type string"
            )
    return pairs


def is_namespaced(resource: Resource) -> bool:
    """Whether objects of the kind live in namespaces; kinds that are not built in do."""
    from kubelite import api

    kind = api.scheme().by_kind(str(resource.object.get("apiVersion", "")), resource.kind)
    return resource.kind != "CustomResourceDefinition" if kind is None else kind.namespaced


def _namespace(namespace: str, resources: list[Resource]) -> None:
    for resource in resources:
        if resource.kind == "Namespace":
            resource.rename(namespace)
        elif is_namespaced(resource):
            resource.move(namespace)
        if resource.kind in ("RoleBinding", "ClusterRoleBinding"):
            for subject in resource.object.get("subjects") or ():
                if subject.get("kind") == "ServiceAccount" and subject.get("name") == "default":
                    subject["namespace"] = namespace


def _names(prefix: str, suffix: str, resources: list[Resource]) -> None:
    if prefix or suffix:
        for resource in resources:
            if resource.kind not in KEEP_NAME:
                resource.rename(f"{prefix}{resource.name}{suffix}")


def _add(obj: Any, path: str, pairs: dict[str, str], *, create: bool) -> None:
    for parent, key in places(obj, path, create=create):
        parent[key] = (parent.get(key) or {}) | pairs


def _labels(pairs: dict[str, str], resources: list[Resource], *, selectors: bool, templates: bool) -> None:
    for resource in resources:
        obj, kind = resource.object, resource.kind
        _add(obj, "metadata/labels", pairs, create=True)
        template = TEMPLATES.get(kind)
        if template and (templates or selectors):
            _add(obj, f"{template}/metadata/labels", pairs, create=True)
        if kind == "CronJob" and (templates or selectors):
            _add(obj, "spec/jobTemplate/metadata/labels", pairs, create=True)
        if kind == "StatefulSet" and (templates or selectors):
            for claim in obj.get("spec", {}).get("volumeClaimTemplates") or ():
                _add(claim, "metadata/labels", pairs, create=True)
        if selectors:
            for path, create in SELECTORS.get(kind, ()):
                _add(obj, path, pairs, create=create)
            for path in _AFFINITY if template else ():
                _add(obj, f"{template}/{path}", pairs, create=False)


def _annotations(pairs: dict[str, str], resources: list[Resource]) -> None:
    for resource in resources:
        _add(resource.object, "metadata/annotations", pairs, create=True)
        template = TEMPLATES.get(resource.kind)
        if template:
            _add(resource.object, f"{template}/metadata/annotations", pairs, create=True)
        if resource.kind == "CronJob":
            _add(resource.object, "spec/jobTemplate/metadata/annotations", pairs, create=True)


def _replicas(entries: list[Any], resources: list[Resource]) -> None:
    for raw in entries:
        one = entry(raw, "replicas", {"name": str, "count": int})
        scalable = ("Deployment", "ReplicationController", "ReplicaSet", "StatefulSet")
        found = [each for each in resources if each.kind in scalable and each.answers_to(str(one.get("name")))]
        if not found:
            raise CliError(
                f"resource with name {one.get('name')} does not match a config with the following GVK {scalable}"
            )
        for resource in found:
            resource.object.setdefault("spec", {})["replicas"] = one.get("count", 0)


_IMAGE = dict.fromkeys(("name", "newName", "newTag", "digest", "tagSuffix"), str)


def _images(entries: list[Any], resources: list[Resource]) -> None:
    for raw in entries:
        wanted = entry(raw, "images", _IMAGE)
        for resource in resources:
            base = TEMPLATES.get(resource.kind, "")
            base = f"{base}/spec" if base else "spec"
            for containers in CONTAINERS:
                for parent, key in places(resource.object, f"{base}/{containers}/image"):
                    parent[key] = _image(str(parent[key]), wanted)


def _image(reference: str, wanted: dict[str, str]) -> str:
    """The reference with another name, tag or digest, if it is about the wanted name."""
    match = re.fullmatch(
        r"(?P<name>.+?)(?::(?P<tag>[\w][\w.-]{0,127}))?(?:@(?P<digest>sha256:[0-9a-f]{64}))?", reference
    )
    if match is None or match["name"] != wanted.get("name"):
        return reference
    name = wanted.get("newName") or match["name"]
    if wanted.get("digest"):
        return f"{name}@{wanted['digest']}"
    if wanted.get("newTag"):
        return f"{name}:{wanted['newTag']}"
    tag = f":{match['tag']}{wanted.get('tagSuffix') or ''}" if match["tag"] else ""
    return f"{name}{tag}" + (f"@{match['digest']}" if match["digest"] else "")
