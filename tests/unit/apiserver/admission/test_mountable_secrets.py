"""Accounts that limit which Secrets their pods use, and what is said of such an account."""

from __future__ import annotations

from typing import Any

import pytest

from kubelite.api.core.service_account import SERVICE_ACCOUNT
from kubelite.api.types.core_v1 import (
    Container,
    EnvFromSource,
    EnvVar,
    EnvVarSource,
    EphemeralContainer,
    LocalObjectReference,
    ObjectReference,
    Pod,
    PodSpec,
    SecretEnvSource,
    SecretKeySelector,
    SecretVolumeSource,
    ServiceAccount,
    Volume,
)
from kubelite.api.types.meta_v1 import ObjectMeta
from kubelite.apiserver.admission.plugins.serviceaccount import ServiceAccountAdmission
from kubelite.apiserver.request import AdmissionRequest
from kubelite.machinery.errors import StatusError
from tests.unit.apiserver.admission.test_plugins import accounts, admitted, creation, kind_of


def a_pod(**spec: Any) -> Pod:
    containers = spec.pop("containers", [Container(name="c")])
    return Pod(metadata=ObjectMeta(name="p", namespace="default"), spec=PodSpec(containers=containers, **spec))


STRICT = ServiceAccount(
    metadata=ObjectMeta(name="ci", annotations={"kubernetes.io/enforce-mountable-secrets": "true"}),
    secrets=[ObjectReference(name="mine")],
    imagePullSecrets=[LocalObjectReference(name="registry")],
)


def with_secret(name: str, how: str) -> Container:
    """A container that reads a Secret as `env` or as `envFrom`."""
    if how == "envFrom":
        return Container(name="c", envFrom=[EnvFromSource(secretRef=SecretEnvSource(name=name))])
    source = EnvVarSource(secretKeyRef=SecretKeySelector(name=name, key="k"))
    return Container(name="c", env=[EnvVar(name="E", valueFrom=source)])


@pytest.mark.parametrize(
    ("spec", "text"),
    [
        ({"containers": [with_secret("mine", "env")]}, ""),
        (
            {"volumes": [Volume(name="v", secret=SecretVolumeSource(secretName="other"))]},
            'volume with secret.secretName="other" is not allowed because service account ci does not reference that secret',
        ),
        (
            {"initContainers": [with_secret("other", "env")]},
            'init container c with envVar E referencing secret.secretName="other" is not allowed because service account '
            "ci does not reference that secret",
        ),
        (
            {"containers": [with_secret("other", "envFrom")]},
            'container c with envFrom referencing secret.secretName="other" is not allowed because service account ci '
            "does not reference that secret",
        ),
        (
            {"imagePullSecrets": [LocalObjectReference(name="other")]},
            'imagePullSecrets[0].name="other" is not allowed because service account ci does not reference that '
            "imagePullSecret",
        ),
    ],
)
async def test_an_account_that_limits_secrets_lets_pods_use_its_own_only(spec: dict[str, Any], text: str) -> None:
    await admitted(accounts(ServiceAccount()), creation(a_pod(**spec)))
    if not text:
        await admitted(accounts(STRICT), creation(a_pod(**spec)))
        return
    with pytest.raises(StatusError) as found:
        await admitted(accounts(STRICT), creation(a_pod(**spec)))
    assert found.value.message == f'pods "p" is forbidden: {text}'


async def test_what_the_cache_does_not_know_yet_is_asked_for() -> None:
    async def live(namespace: str, name: str) -> ServiceAccount | None:
        return STRICT

    plugin = ServiceAccountAdmission(lambda namespace, name: None, live)
    with pytest.raises(StatusError, match="does not reference that secret"):
        await admitted(plugin, creation(a_pod(containers=[with_secret("other", "env")])))


async def test_containers_added_to_a_running_pod_are_limited_too() -> None:
    added = EphemeralContainer(name="debug", env=with_secret("other", "env").env)
    pod = a_pod(serviceAccountName="ci", ephemeralContainers=[added])
    request = AdmissionRequest(
        "UPDATE", kind_of("Pod"), "default", "p", object=pod, old=a_pod(), subresource="ephemeralcontainers"
    )
    with pytest.raises(StatusError, match="ephemeral container debug with envVar E referencing secret"):
        await admitted(accounts(STRICT), request)


def test_of_a_secret_an_account_keeps_the_name() -> None:
    account = ServiceAccount(secrets=[ObjectReference(name="s", kind="Secret", namespace="elsewhere", uid="u")])
    assert SERVICE_ACCOUNT.prepare_create is not None and SERVICE_ACCOUNT.prepare_update is not None
    SERVICE_ACCOUNT.prepare_create(account)
    assert account.secrets == [ObjectReference(name="s")]
    changed = ServiceAccount(secrets=[ObjectReference(name="t", fieldPath="f")])
    SERVICE_ACCOUNT.prepare_update(changed, account)
    assert changed.secrets == [ObjectReference(name="t")]


def test_the_annotation_is_warned_of_when_it_is_new() -> None:
    assert SERVICE_ACCOUNT.warnings is not None
    said = (
        "metadata.annotations[kubernetes.io/enforce-mountable-secrets]: deprecated in v1.32+; prefer separate namespaces to "
        "isolate access to mounted secrets"
    )
    assert SERVICE_ACCOUNT.warnings(STRICT, None) == [said]
    assert SERVICE_ACCOUNT.warnings(STRICT, ServiceAccount()) == [said]
    assert SERVICE_ACCOUNT.warnings(STRICT, STRICT) == []
    assert SERVICE_ACCOUNT.warnings(ServiceAccount(), STRICT) == []
