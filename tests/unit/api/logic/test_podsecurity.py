"""The Pod Security Standards: which pods are of which level, as of which version, and how it is said."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from kubelite.api.logic.podsecurity import Level, Policy, evaluate, policy_of, summary
from kubelite.api.logic.podsecurity.levels import LATEST
from kubelite.api.types.core_v1 import Pod

SAFE = {
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "runAsNonRoot": True,
    "seccompProfile": {"type": "RuntimeDefault"},
}


def pod(spec: dict[str, Any] | None = None, annotations: dict[str, str] | None = None, **context: Any) -> Pod:
    """A pod of one container `a` with that security context."""
    container = {"name": "a", "image": "i", "securityContext": context}
    body = {"metadata": {"annotations": annotations or {}}, "spec": {"containers": [container]} | (spec or {})}
    return msgspec.convert(body, Pod)


def reasons(level: str, subject: Pod, version: int = LATEST) -> str:
    return summary(evaluate(Level(level, version), subject.metadata.annotations, subject.spec))


@pytest.mark.parametrize(
    ("subject", "text"),
    [
        (pod(privileged=True), 'privileged (container "a" must not set securityContext.privileged=true)'),
        (pod({"hostNetwork": True, "hostPID": True}), "host namespaces (hostNetwork=true, hostPID=true)"),
        (pod({"volumes": [{"name": "v", "hostPath": {"path": "/"}}, {"name": "w", "hostPath": {"path": "/"}}]}),
         'hostPath volumes (volumes "v", "w")'),
        (pod({"containers": [{"name": "a", "ports": [{"hostPort": 80}, {"hostPort": 81}]}]}),
         'hostPort (container "a" uses hostPorts 80, 81)'),
        (pod(capabilities={"add": ["NET_ADMIN", "CHOWN"]}),
         'non-default capabilities (container "a" must not include "NET_ADMIN" in securityContext.capabilities.add)'),
        (pod(procMount="Unmasked"), 'procMount (container "a" must not set securityContext.procMount to "Unmasked")'),
        (pod({"securityContext": {"seccompProfile": {"type": "Unconfined"}}}),
         'seccompProfile (pod must not set securityContext.seccompProfile.type to "Unconfined")'),
        (pod({"securityContext": {"sysctls": [{"name": "kernel.msgmax", "value": "1"}]}}), "forbidden sysctls (kernel.msgmax)"),
        (pod(seLinuxOptions={"type": "spc_t", "user": "u"}),
         'seLinuxOptions (container "a" set forbidden securityContext.seLinuxOptions: type "spc_t"; user may not be set)'),
        (pod(annotations={"container.apparmor.security.beta.kubernetes.io/a": "unconfined"}),
         'forbidden AppArmor profile (annotation container.apparmor.security.beta.kubernetes.io/a="unconfined")'),
        (pod(windowsOptions={"hostProcess": True}),
         'hostProcess (container "a" must not set securityContext.windowsOptions.hostProcess=true)'),
        (pod({"containers": [{"name": "a", "livenessProbe": {"httpGet": {"port": 1, "host": "example.com"}}}]}),
         'probe or lifecycle host (container "a" must not set probe or lifecycle host)'),
        (pod(), ""),
        (pod(seLinuxOptions={"type": "container_engine_t"}), ""),
    ],
)  # fmt: skip
def test_baseline_keeps_pods_in_their_containers(subject: Pod, text: str) -> None:
    assert reasons("baseline", subject) == text
    assert reasons("privileged", subject) == ""


@pytest.mark.parametrize(
    ("subject", "text"),
    [
        (pod(**SAFE), ""),
        (pod(),
         'allowPrivilegeEscalation != false (container "a" must set securityContext.allowPrivilegeEscalation=false), '
         'unrestricted capabilities (container "a" must set securityContext.capabilities.drop=["ALL"]), '
         'runAsNonRoot != true (pod or container "a" must set securityContext.runAsNonRoot=true), '
         'seccompProfile (pod or container "a" must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost")'),
        (pod({"volumes": [{"name": "v", "hostPath": {"path": "/"}}, {"name": "n", "nfs": {"server": "s", "path": "/"}}]}, **SAFE),
         'hostPath volumes (volume "v"), '
         'restricted volume types (volumes "v", "n" use restricted volume types "hostPath", "nfs")'),
        (pod(**SAFE | {"capabilities": {"drop": ["ALL"], "add": ["NET_BIND_SERVICE", "CHOWN"]}}),
         'unrestricted capabilities (container "a" must not include "CHOWN" in securityContext.capabilities.add)'),
        (pod(**SAFE | {"runAsUser": 0}), 'runAsUser=0 (container "a" must not set runAsUser=0)'),
        (pod(**SAFE | {"runAsNonRoot": False}),
         'runAsNonRoot != true (container "a" must not set securityContext.runAsNonRoot=false)'),
        (pod({"securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "Localhost", "localhostProfile": "p"}}},
             allowPrivilegeEscalation=False, capabilities={"drop": ["ALL"]}), ""),
        (pod({"os": {"name": "windows"}, "securityContext": {"runAsNonRoot": True}}), ""),
        (pod(**SAFE | {"privileged": True}), 'privileged (container "a" must not set securityContext.privileged=true)'),
    ],
)  # fmt: skip
def test_restricted_asks_for_more(subject: Pod, text: str) -> None:
    assert reasons("restricted", subject) == text


@pytest.mark.parametrize(
    ("level", "version", "subject", "refused"),
    [
        ("restricted", 7, pod(**SAFE | {"allowPrivilegeEscalation": None}), False),
        ("restricted", 8, pod(**SAFE | {"allowPrivilegeEscalation": None}), True),
        ("restricted", 21, pod(**SAFE | {"capabilities": None}), False),
        ("restricted", 22, pod(**SAFE | {"capabilities": None}), True),
        ("restricted", 22, pod(**SAFE | {"runAsUser": 0}), False),
        ("restricted", 23, pod(**SAFE | {"runAsUser": 0}), True),
        ("baseline", 26, pod({"securityContext": {"sysctls": [{"name": "net.ipv4.ip_local_reserved_ports"}]}}), True),
        ("baseline", 27, pod({"securityContext": {"sysctls": [{"name": "net.ipv4.ip_local_reserved_ports"}]}}), False),
        ("baseline", 30, pod(seLinuxOptions={"type": "container_engine_t"}), True),
        ("baseline", 31, pod(seLinuxOptions={"type": "container_engine_t"}), False),
        ("baseline", 18, pod(seccompProfile={"type": "Unconfined"}), False),
        ("baseline", 19, pod(seccompProfile={"type": "Unconfined"}), True),
    ],
)
def test_a_namespace_can_stay_with_the_rules_of_an_older_version(
    level: str, version: int, subject: Pod, refused: bool
) -> None:
    assert bool(reasons(level, subject, version)) == refused


def test_labels_are_read_and_mistakes_named() -> None:
    prefix = "pod-security.kubernetes.io/"
    policy, errors = policy_of({f"{prefix}enforce": "baseline", f"{prefix}enforce-version": "v1.25"}, Policy())
    assert (str(policy.enforce), str(policy.warn), str(policy.audit)) == (
        "baseline:v1.25",
        "baseline:v1.25",
        "privileged:latest",
    )
    assert errors == []
    policy, errors = policy_of(
        {f"{prefix}enforce": "strict", f"{prefix}warn": "no", f"{prefix}audit-version": "1"}, Policy()
    )
    assert (str(policy.enforce), str(policy.warn)) == ("restricted:latest", "privileged:latest")
    assert [str(error) for error in errors] == [
        'metadata.labels[pod-security.kubernetes.io/enforce]: Invalid value: "strict": must be one of privileged, baseline, '
        "restricted",
        'metadata.labels[pod-security.kubernetes.io/audit-version]: Invalid value: "1": must be "latest" or "v1.x"',
        'metadata.labels[pod-security.kubernetes.io/warn]: Invalid value: "no": must be one of privileged, baseline, '
        "restricted",
    ]
