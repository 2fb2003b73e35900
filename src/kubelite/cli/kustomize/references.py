"""Names that other objects refer to, after those names have changed.

What: `update`. Why: a Deployment must use the ConfigMap under its new name. Flow: every place of `REFERENCES` whose value is a
former name of a resource of that kind gets the present one. Rules: kustomize's namereference defaults.
"""

from __future__ import annotations

from kubelite.cli.kustomize.resource import Resource, places
from kubelite.cli.kustomize.transformers import CONTAINERS, TEMPLATES

_POD: dict[str, tuple[str, ...]] = {
    "ConfigMap": (
        "volumes[]/configMap/name",
        "volumes[]/projected/sources[]/configMap/name",
        *(f"{each}/env[]/valueFrom/configMapKeyRef/name" for each in CONTAINERS),
        *(f"{each}/envFrom[]/configMapRef/name" for each in CONTAINERS),
    ),
    "Secret": (
        "volumes[]/secret/secretName",
        "volumes[]/projected/sources[]/secret/name",
        "imagePullSecrets[]/name",
        *(f"{each}/env[]/valueFrom/secretKeyRef/name" for each in CONTAINERS),
        *(f"{each}/envFrom[]/secretRef/name" for each in CONTAINERS),
    ),
    "PersistentVolumeClaim": ("volumes[]/persistentVolumeClaim/claimName",),
    "ServiceAccount": ("serviceAccountName", "serviceAccount"),
    "PriorityClass": ("priorityClassName",),
}
REFERENCES: dict[str, dict[str, tuple[str, ...]]] = {
    "Ingress": {
        "Secret": ("spec/tls[]/secretName",),
        "Service": ("spec/defaultBackend/service/name", "spec/rules[]/http/paths[]/backend/service/name"),
        "IngressClass": ("spec/ingressClassName",),
    },
    "StatefulSet": {
        "Service": ("spec/serviceName",),
        "StorageClass": ("spec/volumeClaimTemplates[]/spec/storageClassName",),
    },
    "ServiceAccount": {"Secret": ("imagePullSecrets[]/name", "secrets[]/name")},
    "PersistentVolumeClaim": {"PersistentVolume": ("spec/volumeName",), "StorageClass": ("spec/storageClassName",)},
    "PersistentVolume": {"StorageClass": ("spec/storageClassName",)},
    "APIService": {"Service": ("spec/service/name",)},
    "ValidatingWebhookConfiguration": {"Service": ("webhooks[]/clientConfig/service/name",)},
    "MutatingWebhookConfiguration": {"Service": ("webhooks[]/clientConfig/service/name",)},
    "CustomResourceDefinition": {"Service": ("spec/conversion/webhook/clientConfig/service/name",)},
}
"""Kind that refers → kind referred to → where its name stands."""


def update(resources: list[Resource]) -> None:
    """Puts the present names where former ones are."""
    for resource in resources:
        wanted = {kind: list(paths) for kind, paths in REFERENCES.get(resource.kind, {}).items()}
        base = f"{TEMPLATES[resource.kind]}/spec" if resource.kind in TEMPLATES else "spec"
        if resource.kind in TEMPLATES or resource.kind == "Pod":
            for kind, paths in _POD.items():
                wanted.setdefault(kind, []).extend(f"{base}/{path}" for path in paths)
        for kind, all_paths in wanted.items():
            for path in all_paths:
                for parent, key in places(resource.object, path):
                    target = _target(resources, kind, parent[key], resource)
                    if target is not None:
                        parent[key] = target.name
        _special(resource, resources)


def _target(resources: list[Resource], kind: str, name: object, by: Resource) -> Resource | None:
    """The resource that was once called `name`, of the same namespace if there are several."""
    found = [one for one in resources if one.kind == kind and isinstance(name, str) and one.answers_to(name)]
    near = [one for one in found if one.namespace in ("", by.namespace)]
    return (near or found or [None])[0]  # type: ignore[list-item]


def _special(resource: Resource, resources: list[Resource]) -> None:
    """References that say which kind they mean, or that are lists of names."""
    obj = resource.object
    if resource.kind in ("Role", "ClusterRole"):
        for rule in obj.get("rules") or ():
            names = rule.get("resourceNames")
            for plural, kind in (("configmaps", "ConfigMap"), ("secrets", "Secret")):
                if names and plural in (rule.get("resources") or ()):
                    targets = [_target(resources, kind, name, resource) for name in names]
                    names = rule["resourceNames"] = [
                        name if target is None else target.name for name, target in zip(names, targets, strict=True)
                    ]
    if resource.kind in ("RoleBinding", "ClusterRoleBinding"):
        role = obj.get("roleRef") or {}
        target = _target(resources, str(role.get("kind")), role.get("name"), resource)
        if target is not None:
            role["name"] = target.name
        for subject in obj.get("subjects") or ():
            if subject.get("kind") == "ServiceAccount":
                _subject(subject, resources)
    if resource.kind == "HorizontalPodAutoscaler":
        scaled = (obj.get("spec") or {}).get("scaleTargetRef") or {}
        target = _target(resources, str(scaled.get("kind")), scaled.get("name"), resource)
        if target is not None:
            scaled["name"] = target.name


def _subject(subject: dict[str, str], resources: list[Resource]) -> None:
    for one in resources:
        if one.kind != "ServiceAccount" or not one.answers_to(subject.get("name", "")):
            continue
        if subject.get("namespace") in (None, one.namespace, "default", *one.namespaces):
            subject["name"] = one.name
            if one.namespace:
                subject["namespace"] = one.namespace
            return
