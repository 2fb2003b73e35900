"""Which Secrets a pod may use whose account limits them: pure.

What: `is_enforced(account)`, and what is wrong with a pod. Why: with the annotation kubernetes.io/enforce-mountable-secrets an
account's pods use its own Secrets and no others of the namespace. Deprecated upstream, and still obeyed.
Source: plugin/pkg/admission/serviceaccount/admission.go (limitSecretReferences).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from typing import Any

from kubelite.api.types.core_v1 import Pod, ServiceAccount

ANNOTATION = "kubernetes.io/enforce-mountable-secrets"
_TRUE = frozenset(("1", "t", "T", "true", "TRUE", "True"))


def is_enforced(account: ServiceAccount) -> bool:
    """Whether the account limits its pods."""
    return account.metadata.annotations.get(ANNOTATION, "") in _TRUE


def wrong_with(pod: Pod, account: ServiceAccount) -> str:
    """The first Secret that the pod must not use, in words; "" if there is none."""
    allowed = {one.name for one in account.secrets}
    return next(_of_pod(pod, account, allowed), "")


def wrong_with_ephemeral(pod: Pod, account: ServiceAccount) -> str:
    """The same of containers that are added to a running pod."""
    allowed = {one.name for one in account.secrets}
    return next(_of_containers("ephemeral container", pod.spec.ephemeralContainers, account, allowed), "")


def _of_pod(pod: Pod, account: ServiceAccount, allowed: Collection[str]) -> Iterator[str]:
    spec = pod.spec
    for volume in spec.volumes:
        if volume.secret is not None and volume.secret.secretName not in allowed:
            yield _not_allowed(f'volume with secret.secretName="{volume.secret.secretName}"', account)
    yield from _of_containers("init container", spec.initContainers, account, allowed)
    yield from _of_containers("container", spec.containers, account, allowed)
    pulled = {one.name for one in account.imagePullSecrets}
    for index, one in enumerate(spec.imagePullSecrets):
        if one.name not in pulled:
            yield _not_allowed(f'imagePullSecrets[{index}].name="{one.name}"', account, "imagePullSecret")


def _of_containers(
    what: str, containers: Iterable[Any], account: ServiceAccount, allowed: Collection[str]
) -> Iterator[str]:
    for container in containers:
        for env in container.env:
            ref = env.valueFrom.secretKeyRef if env.valueFrom is not None else None
            if ref is not None and ref.name not in allowed:
                use = f'{what} {container.name} with envVar {env.name} referencing secret.secretName="{ref.name}"'
                yield _not_allowed(use, account)
        for source in container.envFrom:
            ref = source.secretRef
            if ref is not None and ref.name not in allowed:
                use = f'{what} {container.name} with envFrom referencing secret.secretName="{ref.name}"'
                yield _not_allowed(use, account)


def _not_allowed(use: str, account: ServiceAccount, what: str = "secret") -> str:
    return f"{use} is not allowed because service account {account.metadata.name} does not reference that {what}"
