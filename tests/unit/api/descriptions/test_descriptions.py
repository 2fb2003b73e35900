"""`explain` has words for what people ask about most, and none for what does not exist."""

from __future__ import annotations

import importlib
import pkgutil
from typing import Any

import msgspec
import pytest

from kubelite.api import descriptions, types


def known_types() -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = {}
    for module in pkgutil.iter_modules(types.__path__):
        for name, value in vars(importlib.import_module(f"{types.__name__}.{module.name}")).items():
            if isinstance(value, type) and issubclass(value, msgspec.Struct):
                found.setdefault(name, []).append(value)
    return found


TYPES = known_types()


@pytest.mark.parametrize("name", sorted(descriptions.texts()))
def test_every_text_is_of_a_field_that_exists(name: str) -> None:
    for field, text in descriptions.texts()[name].items():
        assert not field or any(field in type_.__struct_encode_fields__ for type_ in TYPES[name]), field
        assert text.endswith("."), f"{name}.{field}"


COMPLETE = [
    "ObjectMeta", "OwnerReference", "LabelSelector", "LabelSelectorRequirement", "Pod", "PodSpec", "PodStatus", "Container",
    "ContainerPort", "ContainerStatus", "ContainerState", "EnvVar", "EnvVarSource", "EnvFromSource", "ResourceRequirements",
    "Probe", "HTTPGetAction", "TCPSocketAction", "GRPCAction", "ExecAction", "Lifecycle", "LifecycleHandler",
    "SecurityContext", "PodSecurityContext", "VolumeMount", "EmptyDirVolumeSource", "HostPathVolumeSource", "Toleration",
    "Affinity", "TopologySpreadConstraint", "ServiceSpec", "ServicePort", "ReplicationControllerSpec", "PodTemplateSpec",
    "DeploymentSpec", "DeploymentStrategy", "RollingUpdateDeployment", "DeploymentStatus", "ReplicaSetSpec",
    "ReplicaSetStatus", "PolicyRule",
]  # fmt: skip


@pytest.mark.parametrize("name", COMPLETE)
def test_the_common_types_are_described_completely(name: str) -> None:
    fields = [field for field in TYPES[name][0].__struct_fields__ if field not in ("apiVersion", "kind", "continue_")]
    if name == "OwnerReference":
        fields += ["apiVersion", "kind"]
    assert [field for field in ["", *fields] if not descriptions.describe(name, field)] == []


def test_a_type_is_found_by_any_of_its_names() -> None:
    text = descriptions.describe("Pod")
    assert text
    assert descriptions.describe("io.k8s.api.core.v1.Pod") == text
    assert descriptions.describe("core_v1.Pod") == text


def test_what_has_no_text_has_an_empty_one() -> None:
    assert descriptions.describe("Nothing") == ""
    assert descriptions.describe("Pod", "nothing") == ""
