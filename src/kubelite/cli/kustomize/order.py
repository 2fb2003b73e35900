"""The order of the output: what others need comes first. Follows kustomize's legacy order (api/resource and resid)."""

from __future__ import annotations

from kubelite.cli.kustomize.resource import Resource

FIRST = (
    "Namespace", "ResourceQuota", "StorageClass", "CustomResourceDefinition", "ServiceAccount", "PodSecurityPolicy",
    "Role", "ClusterRole", "RoleBinding", "ClusterRoleBinding", "ConfigMap", "Secret", "Endpoints", "Service",
    "LimitRange", "PriorityClass", "PersistentVolume", "PersistentVolumeClaim", "Deployment", "StatefulSet", "CronJob",
    "PodDisruptionBudget",
)  # fmt: skip
LAST = ("MutatingWebhookConfiguration", "ValidatingWebhookConfiguration")
_RANKS = {kind: place - len(FIRST) for place, kind in enumerate(FIRST)} | dict.fromkeys(LAST, 1)


def ordered(resources: list[Resource]) -> list[Resource]:
    """By rank of the kind, then by group, version, kind, namespace and name."""

    def rank(resource: Resource) -> tuple[int, str, str, str]:
        identity = f"{resource.group or ''}_{resource.object.get('apiVersion', '')}_{resource.kind}"
        return (_RANKS.get(resource.kind, 0), identity, resource.namespace, resource.name)

    return sorted(resources, key=rank)
