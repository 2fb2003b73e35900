"""ServiceAccount: every pod runs as an account, and gets its token, the cluster's CA and its namespace mounted.

Source: plugin/pkg/admission/serviceaccount/admission.go. Mutation is idempotent: a container that already mounts something at the
token's path is left alone, and the volume is added only if a container needs it.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable

from kubelite.api.logic import mountablesecrets as secrets
from kubelite.api.types.core_v1 import (
    ConfigMapProjection,
    Container,
    DownwardAPIProjection,
    DownwardAPIVolumeFile,
    KeyToPath,
    LocalObjectReference,
    ObjectFieldSelector,
    Pod,
    ProjectedVolumeSource,
    ServiceAccount,
    ServiceAccountTokenProjection,
    Volume,
    VolumeMount,
    VolumeProjection,
)
from kubelite.apiserver.admission.plugin import CREATE, UPDATE, Plugin, denied
from kubelite.apiserver.request import AdmissionRequest
from kubelite.machinery.kind import Kind

DEFAULT_ACCOUNT = "default"
MOUNT_PATH = "/var/run/secrets/kubernetes.io/serviceaccount"
VOLUME_PREFIX = "kube-api-access-"
SUFFIX_LETTERS = "bcdfghjklmnpqrstvwxz2456789"
ROOT_CA = "kube-root-ca.crt"
TOKEN_SECONDS = 60 * 60 + 7
"""This odd value tells TokenRequest that the token is an injected one, which gets a longer life and a warning."""
MIRROR = "kubernetes.io/config.mirror"
ATTEMPTS, WAIT_SECONDS = 10, 0.1

Cached = Callable[[str, str], ServiceAccount | None]
Live = Callable[[str, str], Awaitable[ServiceAccount | None]]


class ServiceAccountAdmission(Plugin):
    """`cached` and `live` find an account by namespace and name."""

    name = "ServiceAccount"

    def __init__(self, cached: Cached, live: Live) -> None:
        self._cached = cached
        self._live = live

    def handles(self, operation: str, kind: Kind, subresource: str) -> bool:
        return kind.kind == "Pod" and (operation, subresource) in ((CREATE, ""), (UPDATE, "ephemeralcontainers"))

    def mutate(self, request: AdmissionRequest) -> Awaitable[None] | None:
        pod: Pod = request.object
        if request.operation == UPDATE or MIRROR in pod.metadata.annotations:
            return None
        if not pod.spec.serviceAccountName:
            pod.spec.serviceAccountName = DEFAULT_ACCOUNT
        pod.spec.serviceAccount = pod.spec.serviceAccountName
        account = self._cached(request.namespace, pod.spec.serviceAccountName)
        if account is None:
            return self._mutate_later(request, pod)
        complete(pod, account)
        return None

    async def _mutate_later(self, request: AdmissionRequest, pod: Pod) -> None:
        """A fresh namespace gets its default account within moments: that one is waited for."""
        name = pod.spec.serviceAccountName
        attempts = ATTEMPTS if name == DEFAULT_ACCOUNT else 1
        for attempt in range(attempts):
            if attempt:
                await asyncio.sleep(WAIT_SECONDS * (1 + random.random()))
            account = await self._live(request.namespace, name)
            if account is not None:
                complete(pod, account)
                return
        raise denied(
            request, f'error looking up service account {request.namespace}/{name}: serviceaccount "{name}" not found'
        )

    def validate(self, request: AdmissionRequest) -> Awaitable[None] | None:
        pod: Pod = request.object
        if request.operation == UPDATE or MIRROR not in pod.metadata.annotations:
            return self._limit(request, pod)
        if pod.spec.serviceAccountName:
            raise denied(request, "a mirror pod may not reference service accounts")
        if any(volume.secret is not None for volume in pod.spec.volumes):
            raise denied(request, "a mirror pod may not reference secrets")
        for volume in pod.spec.volumes:
            if volume.projected is not None and any(s.serviceAccountToken for s in volume.projected.sources):
                raise denied(request, "a mirror pod may not use ServiceAccountToken volume projections")
        return None

    def _limit(self, request: AdmissionRequest, pod: Pod) -> Awaitable[None] | None:
        """Where the account says so, its pods use no other Secrets than those that it names."""
        account = self._cached(request.namespace, pod.spec.serviceAccountName)
        if account is None:
            return self._limit_later(request, pod)
        _check_secrets(request, pod, account)
        return None

    async def _limit_later(self, request: AdmissionRequest, pod: Pod) -> None:
        account = await self._live(request.namespace, pod.spec.serviceAccountName)
        if account is not None:
            _check_secrets(request, pod, account)


def _check_secrets(request: AdmissionRequest, pod: Pod, account: ServiceAccount) -> None:
    if not secrets.is_enforced(account):
        return
    check = secrets.wrong_with_ephemeral if request.operation == UPDATE else secrets.wrong_with
    why = check(pod, account)
    if why:
        raise denied(request, why)


def complete(pod: Pod, account: ServiceAccount) -> None:
    """Gives the pod what its account has: pull secrets, and unless refused the token."""
    spec = pod.spec
    wanted = spec.automountServiceAccountToken
    if wanted is None:
        wanted = account.automountServiceAccountToken
    if wanted is None or wanted:
        mount_token(pod)
    if not spec.imagePullSecrets:
        spec.imagePullSecrets = [LocalObjectReference(name=one.name) for one in account.imagePullSecrets]


def mount_token(pod: Pod) -> None:
    """Mounts the token volume in every container that has nothing at its path."""
    containers: list[Container] = [
        one
        for one in (*pod.spec.initContainers, *pod.spec.containers)
        if all(mount.mountPath != MOUNT_PATH for mount in one.volumeMounts)
    ]
    if not containers:
        return
    present = next((one.name for one in pod.spec.volumes if is_token_volume(one)), "")
    name = present or VOLUME_PREFIX + "".join(random.choices(SUFFIX_LETTERS, k=5))
    for container in containers:
        container.volumeMounts.append(VolumeMount(name=name, readOnly=True, mountPath=MOUNT_PATH))
    if not present:
        pod.spec.volumes.append(token_volume(name))


def is_token_volume(volume: Volume) -> bool:
    return volume.name.startswith(VOLUME_PREFIX) and volume.projected is not None


def token_volume(name: str) -> Volume:
    """The projected volume with token, CA certificate and namespace."""
    namespace = DownwardAPIVolumeFile(
        path="namespace", fieldRef=ObjectFieldSelector(apiVersion="v1", fieldPath="metadata.namespace")
    )
    return Volume(
        name=name,
        projected=ProjectedVolumeSource(
            defaultMode=0o644,
            sources=[
                VolumeProjection(
                    serviceAccountToken=ServiceAccountTokenProjection(path="token", expirationSeconds=TOKEN_SECONDS)
                ),
                VolumeProjection(
                    configMap=ConfigMapProjection(name=ROOT_CA, items=[KeyToPath(key="ca.crt", path="ca.crt")])
                ),
                VolumeProjection(downwardAPI=DownwardAPIProjection(items=[namespace])),
            ],
        ),
    )
