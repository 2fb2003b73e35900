"""PodSecurity: pods keep to the level that their namespace's labels ask for.

What: refuses pods below the enforced level, and warns and annotates below the others; workloads, whose pods come later, are only
warned of. Why: most clusters protect their nodes this way. Flow: namespace labels → `policy_of` → `evaluate`. Source:
pod-security-admission/admission/admission.go.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from kubelite.api.logic.podsecurity import Level, Policy, Violation, evaluate, policy_of, summary
from kubelite.api.logic.podsecurity.levels import LEVELS, MODES, PREFIX, PRIVILEGED
from kubelite.api.types.core_v1 import Pod, PodSpec
from kubelite.apiserver.admission.plugin import CREATE, UPDATE, Plugin, denied
from kubelite.apiserver.admission.settings import only
from kubelite.apiserver.request import AdmissionRequest
from kubelite.machinery import errors
from kubelite.machinery.kind import Kind

TEMPLATES = (
    "ReplicationController",
    "ReplicaSet",
    "Deployment",
    "DaemonSet",
    "StatefulSet",
    "Job",
    "CronJob",
    "PodTemplate",
)
MAX_PODS = 3000
"""How many pods of a namespace are looked at when its enforced level changes."""
_PROFILES = ("container.apparmor.security.beta.kubernetes.io/", "seccomp.security.alpha.kubernetes.io/")


class PodSecurity(Plugin):
    """`labels` gives the labels of a namespace, `pods` the pods in it."""

    name = "PodSecurity"

    def __init__(
        self,
        labels: Callable[[str], Mapping[str, str] | None],
        pods: Callable[[str], Iterable[Pod]],
        configuration: dict[str, Any] | None = None,
    ) -> None:
        self._labels = labels
        self._pods = pods
        settings = only(configuration or {}, ("defaults", "exemptions"), self.name)
        given = only(settings.get("defaults") or {}, (*MODES, *(f"{mode}-version" for mode in MODES)), self.name)
        self._defaults, wrong = policy_of({PREFIX + key: str(value) for key, value in given.items()}, Policy())
        if wrong:
            raise ValueError(f"configuration of {self.name}: defaults: {wrong[0].text}")
        exempt = only(settings.get("exemptions") or {}, ("usernames", "runtimeClasses", "namespaces"), self.name)
        self._users, self._classes, self._namespaces = (
            frozenset(exempt.get(field) or ()) for field in ("usernames", "runtimeClasses", "namespaces")
        )

    def handles(self, operation: str, kind: Kind, subresource: str) -> bool:
        if operation not in (CREATE, UPDATE):
            return False
        if kind.kind == "Pod" and not kind.group:
            return subresource in ("", "ephemeralcontainers")
        if kind.kind == "Namespace" and not kind.group:
            return not subresource
        return kind.group in ("", "apps", "batch") and kind.kind in TEMPLATES and not subresource

    def validate(self, request: AdmissionRequest) -> None:
        if request.kind.kind == "Namespace":
            self._namespace(request)
        elif request.kind.kind == "Pod":
            self._pod(request)
        else:
            self._template(request)

    # -- pods and what makes them

    def _policy(self, namespace: str) -> Policy:
        return policy_of(self._labels(namespace) or {}, self._defaults)[0]

    def _is_exempt(self, request: AdmissionRequest, spec: PodSpec) -> bool:
        user = request.user.name if request.user is not None else ""
        reasons = (
            ("namespace", request.namespace in self._namespaces),
            ("user", user in self._users),
            ("runtimeClass", bool(spec.runtimeClassName) and spec.runtimeClassName in self._classes),
        )
        for reason, holds in reasons:
            if holds:
                request.annotations[PREFIX + "exempt"] = reason
                return True
        return False

    def _pod(self, request: AdmissionRequest) -> None:
        pod: Pod = request.object
        if request.operation == UPDATE and not _is_significant(pod, request.old):
            return
        policy = self._policy(request.namespace)
        if policy.is_privileged or self._is_exempt(request, pod.spec):
            return
        annotations = pod.metadata.annotations
        request.annotations[PREFIX + "enforce-policy"] = str(policy.enforce)
        self._audit(request, policy.audit, annotations, pod.spec)
        found = evaluate(policy.enforce, annotations, pod.spec)
        if found:
            raise denied(request, f'violates PodSecurity "{policy.enforce}": {summary(found)}')
        self._warn(request, policy.warn, annotations, pod.spec)

    def _template(self, request: AdmissionRequest) -> None:
        template = _template_of(request.object)
        if template is None or (request.old is not None and _template_of(request.old) == template):
            return
        policy = self._policy(request.namespace)
        if policy.is_privileged or self._is_exempt(request, template.spec):
            return
        annotations = template.metadata.annotations
        self._audit(request, policy.audit, annotations, template.spec)
        self._warn(request, policy.warn, annotations, template.spec)

    def _audit(self, request: AdmissionRequest, level: Level, annotations: Mapping[str, str], spec: PodSpec) -> None:
        found = evaluate(level, annotations, spec)
        if found:
            request.annotations[PREFIX + "audit-violations"] = _would(level, found)

    def _warn(self, request: AdmissionRequest, level: Level, annotations: Mapping[str, str], spec: PodSpec) -> None:
        found = evaluate(level, annotations, spec)
        if found:
            request.warnings.append(_would(level, found))

    # -- namespaces

    def _namespace(self, request: AdmissionRequest) -> None:
        metadata = request.object.metadata
        policy, wrong = policy_of(metadata.labels, self._defaults)
        if request.operation == CREATE:
            if wrong:
                raise errors.invalid("", "Namespace", metadata.name, wrong)
            return
        before, was_wrong = policy_of(request.old.metadata.labels, self._defaults)
        if wrong and wrong != was_wrong:
            raise errors.invalid("", "Namespace", metadata.name, wrong)
        level, old = policy.enforce, before.enforce
        if level == old or level.name == PRIVILEGED or metadata.name in self._namespaces:
            return
        if level.version == old.version and LEVELS.index(level.name) < LEVELS.index(old.name):
            return
        request.warnings.extend(self._existing(metadata.name, level))

    def _existing(self, namespace: str, level: Level) -> list[str]:
        """Warnings of the pods that are there already."""
        groups: dict[str, list[str]] = {}
        pods = sorted(self._pods(namespace), key=lambda pod: pod.metadata.name)
        for pod in pods[:MAX_PODS]:
            found = evaluate(level, pod.metadata.annotations, pod.spec)
            if found and pod.spec.runtimeClassName not in self._classes:
                groups.setdefault(summary(found, details=False), []).append(pod.metadata.name)
        if not groups:
            return []
        texts = [f'existing pods in namespace "{namespace}" violate the new PodSecurity enforce level "{level}"']
        if len(pods) > MAX_PODS:
            texts[0] = (
                f"new PodSecurity enforce level only checked against the first {MAX_PODS} of {len(pods)} existing pods"
            )
        for reasons, names in groups.items():
            others = len(names) - 1
            more = f" (and {others} other pod{'s' if others > 1 else ''})" if others else ""
            texts.append(f"{names[0]}{more}: {reasons}")
        return texts


def _would(level: Level, found: list[Violation]) -> str:
    return f'would violate PodSecurity "{level}": {summary(found)}'


def _is_significant(pod: Pod, old: Pod) -> bool:
    """Whether an update may change what the checks see: containers, or the annotations that were profiles once."""
    for field in ("containers", "initContainers", "ephemeralContainers"):
        if getattr(pod.spec, field) != getattr(old.spec, field):
            return True
    return _profiles(pod) != _profiles(old)


def _profiles(pod: Pod) -> dict[str, str]:
    return {key: value for key, value in pod.metadata.annotations.items() if key.startswith(_PROFILES)}


def _template_of(obj: Any) -> Any:
    if hasattr(obj, "template"):
        return obj.template
    spec = obj.spec
    return spec.jobTemplate.spec.template if hasattr(spec, "jobTemplate") else spec.template
