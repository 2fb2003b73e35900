"""Admission over HTTP: what the server adds to objects, and what it refuses by namespace, class and configuration."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.apienv import ApiEnv, api_server

PODS = "/api/v1/namespaces/{}/pods"
SAFE = {
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "runAsNonRoot": True,
    "seccompProfile": {"type": "RuntimeDefault"},
}


def pod(
    name: str = "p", *, resources: dict[str, Any] | None = None, context: Any = None, **spec: Any
) -> dict[str, Any]:
    container = {"name": "a", "image": "i", "resources": resources or {}, "securityContext": context}
    return {"metadata": {"name": name}, "spec": {"containers": [container], **spec}}


async def make(api: ApiEnv, path: str, body: dict[str, Any], status: int = 201) -> Any:
    reply = await api.post(path, body)
    assert reply.status == status, reply.body
    return reply.json()


async def namespace(api: ApiEnv, name: str, labels: dict[str, str] | None = None, **annotations: str) -> None:
    body = {"metadata": {"name": name, "labels": labels or {}, "annotations": annotations}}
    await make(api, "/api/v1/namespaces", body)


async def test_pods_below_the_level_of_their_namespace_are_refused_with_all_reasons() -> None:
    async with api_server() as api:
        await namespace(api, "strict", {"pod-security.kubernetes.io/enforce": "restricted"})
        refused = await make(api, PODS.format("strict"), pod(), 403)
        assert refused["message"] == (
            'pods "p" is forbidden: violates PodSecurity "restricted:latest": allowPrivilegeEscalation != false (container "a" '
            'must set securityContext.allowPrivilegeEscalation=false), unrestricted capabilities (container "a" must set '
            'securityContext.capabilities.drop=["ALL"]), runAsNonRoot != true (pod or container "a" must set '
            'securityContext.runAsNonRoot=true), seccompProfile (pod or container "a" must set '
            'securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost")'
        )
        await make(api, PODS.format("strict"), pod(context=SAFE))
        template = {"metadata": {"labels": {"a": "b"}}, "spec": pod()["spec"]}
        body = {"metadata": {"name": "w"}, "spec": {"selector": {"matchLabels": {"a": "b"}}, "template": template}}
        reply = await api.post("/apis/apps/v1/namespaces/strict/deployments", body)
        assert reply.status == 201
        assert 'would violate PodSecurity \\"restricted:latest\\"' in reply.headers["warning"]


async def test_a_namespace_that_becomes_stricter_is_told_of_its_pods() -> None:
    async with api_server() as api:
        await namespace(api, "later")
        for name in ("one", "two", "three"):
            await make(api, PODS.format("later"), pod(name))
        labels = {"pod-security.kubernetes.io/enforce": "restricted"}
        reply = await api.patch("/api/v1/namespaces/later", {"metadata": {"labels": labels}})
        assert reply.status == 200
        assert (
            'existing pods in namespace \\"later\\" violate the new PodSecurity enforce level'
            in reply.headers["warning"]
        )
        assert "one (and 2 other pods): allowPrivilegeEscalation != false" in reply.headers["warning"]
        wrong = {"pod-security.kubernetes.io/enforce": "hard"}
        refused = await api.patch("/api/v1/namespaces/later", {"metadata": {"labels": wrong}})
        assert refused.status == 422
        assert "must be one of privileged, baseline, restricted" in refused.json()["message"]


async def test_limit_ranges_give_defaults_and_bounds() -> None:
    async with api_server() as api:
        await namespace(api, "small")
        limits = [
            {"type": "Container", "default": {"cpu": "200m"}, "defaultRequest": {"cpu": "100m"}, "max": {"cpu": "500m"},
             "min": {"cpu": "50m"}, "maxLimitRequestRatio": {"cpu": "4"}},
            {"type": "Pod", "max": {"memory": "1Gi"}},
            {"type": "PersistentVolumeClaim", "max": {"storage": "1Gi"}},
        ]  # fmt: skip
        body = {"metadata": {"name": "l"}, "spec": {"limits": limits}}
        await make(api, "/api/v1/namespaces/small/limitranges", body)
        await api.get("/api/v1/namespaces/small/limitranges/l")
        made = await make(api, PODS.format("small"), pod(resources={"limits": {"memory": "1Gi"}}))
        assert made["spec"]["containers"][0]["resources"] == {
            "limits": {"cpu": "200m", "memory": "1Gi"},
            "requests": {"cpu": "100m", "memory": "1Gi"},
        }
        assert made["metadata"]["annotations"]["kubernetes.io/limit-ranger"] == (
            "LimitRanger plugin set: cpu request for container a; cpu limit for container a"
        )
        large = {"limits": {"cpu": "1", "memory": "2Gi"}, "requests": {"cpu": "10m"}}
        refused = await make(api, PODS.format("small"), pod("q", resources=large), 403)
        assert refused["message"] == (
            'pods "q" is forbidden: [minimum cpu usage per Container is 50m, but request is 10m, maximum cpu usage per '
            "Container is 500m, but limit is 1, cpu max limit to request ratio per Container is 4, but provided ratio is "
            "100.000000, maximum memory usage per Pod is 1Gi, but limit is 2Gi]"
        )
        claim = {
            "metadata": {"name": "c"},
            "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "2Gi"}}},
        }
        refused = await make(api, "/api/v1/namespaces/small/persistentvolumeclaims", claim, 403)
        assert refused["message"].endswith("maximum storage usage per PersistentVolumeClaim is 1Gi, but request is 2Gi")


async def test_classes_marked_as_default_are_taken_by_those_who_name_none() -> None:
    async with api_server() as api:
        marked = {"storageclass.kubernetes.io/is-default-class": "true"}
        body = {"metadata": {"name": "fast", "annotations": marked}, "provisioner": "example.com/x"}
        await make(api, "/apis/storage.k8s.io/v1/storageclasses", body)
        spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
        claims = "/api/v1/namespaces/default/persistentvolumeclaims"
        await api.get("/apis/storage.k8s.io/v1/storageclasses/fast")
        made = await make(api, claims, {"metadata": {"name": "a"}, "spec": spec})
        assert made["spec"]["storageClassName"] == "fast"
        assert made["metadata"]["finalizers"] == ["kubernetes.io/pvc-protection"]
        made = await make(api, claims, {"metadata": {"name": "b"}, "spec": spec | {"storageClassName": ""}})
        assert made["spec"]["storageClassName"] == ""
        larger = {"spec": {"resources": {"requests": {"storage": "2Gi"}}}}
        bound = await api.patch(f"{claims}/a/status", {"status": {"phase": "Bound"}})
        assert bound.status == 200
        refused = await api.patch(f"{claims}/a", larger)
        assert refused.status == 403
        assert "the storageclass that provisions the pvc must support resize" in refused.json()["message"]
        body = {"metadata": {"name": "web", "annotations": {"ingressclass.kubernetes.io/is-default-class": "true"}},
                "spec": {"controller": "example.com/c"}}  # fmt: skip
        await make(api, "/apis/networking.k8s.io/v1/ingressclasses", body)
        await api.get("/apis/networking.k8s.io/v1/ingressclasses/web")
        ingress = {
            "metadata": {"name": "i"},
            "spec": {"defaultBackend": {"service": {"name": "s", "port": {"number": 80}}}},
        }
        made = await make(api, "/apis/networking.k8s.io/v1/namespaces/default/ingresses", ingress)
        assert made["spec"]["ingressClassName"] == "web"


async def test_a_runtime_class_brings_its_overhead_and_its_nodes() -> None:
    async with api_server() as api:
        scheduling = {"nodeSelector": {"sandbox": "yes"}, "tolerations": [{"key": "vm", "operator": "Exists"}]}
        body = {
            "metadata": {"name": "vm"},
            "handler": "vm",
            "overhead": {"podFixed": {"cpu": "250m"}},
            "scheduling": scheduling,
        }
        await make(api, "/apis/node.k8s.io/v1/runtimeclasses", body)
        await api.get("/apis/node.k8s.io/v1/runtimeclasses/vm")
        made = await make(api, PODS.format("default"), pod(runtimeClassName="vm"))
        assert made["spec"]["overhead"] == {"cpu": "250m"}
        assert made["spec"]["nodeSelector"] == {"sandbox": "yes"}
        assert {"key": "vm", "operator": "Exists"} in made["spec"]["tolerations"]
        clash = await make(
            api, PODS.format("default"), pod("q", runtimeClassName="vm", nodeSelector={"sandbox": "no"}), 403
        )
        assert "conflict: runtimeClass.scheduling.nodeSelector[sandbox] = yes" in clash["message"]
        absent = await make(api, PODS.format("default"), pod("q", runtimeClassName="nope"), 403)
        assert absent["message"].endswith('pod rejected: RuntimeClass "nope" not found')
        alone = await make(api, PODS.format("default"), pod("q", overhead={"cpu": "1"}), 403)
        assert "Pod Overhead set without corresponding RuntimeClass defined Overhead" in alone["message"]


async def test_plugins_that_are_off_by_default_can_be_turned_on(tmp_path: Path) -> None:
    file = tmp_path / "admission.yaml"
    limits = [{"type": "Namespace", "qps": 1, "burst": 2}]
    plugins = [
        {"name": "EventRateLimit", "configuration": {"kind": "Configuration", "limits": limits}},
        {"name": "PodNodeSelector", "configuration": {"podNodeSelectorPluginConfig": {"bound": "zone=a"}}},
        {
            "name": "PodSecurity",
            "configuration": {"defaults": {"enforce": "baseline"}, "exemptions": {"namespaces": ["free"]}},
        },
    ]
    file.write_text(
        json.dumps({"apiVersion": "apiserver.config.k8s.io/v1", "kind": "AdmissionConfiguration", "plugins": plugins})
    )
    enabled = "AlwaysPullImages,ExtendedResourceToleration,EventRateLimit,PodNodeSelector,PodTolerationRestriction"
    async with api_server(enable_admission_plugins=enabled, admission_control_config_file=str(file)) as api:
        tolerations = json.dumps([{"key": "team", "operator": "Exists"}])
        await namespace(api, "bound", None, **{
            "scheduler.alpha.kubernetes.io/node-selector": "zone=a",
            "scheduler.alpha.kubernetes.io/defaultTolerations": tolerations,
        })  # fmt: skip
        await namespace(api, "free")
        made = await make(api, PODS.format("bound"), pod(resources={"limits": {"example.com/gpu": "1"}}))
        assert made["spec"]["nodeSelector"] == {"zone": "a"}
        assert made["spec"]["containers"][0]["imagePullPolicy"] == "Always"
        keys = [one["key"] for one in made["spec"]["tolerations"]]
        assert "team" in keys
        assert "example.com/gpu" in keys
        clash = await make(api, PODS.format("bound"), pod("q", nodeSelector={"zone": "b"}), 403)
        assert clash["message"].endswith("pod node label selector conflicts with its namespace node label selector")
        beyond = await make(api, PODS.format("bound"), pod("q", nodeSelector={"disk": "ssd"}), 403)
        assert beyond["message"].endswith("pod node label selector labels conflict with its namespace whitelist")
        await make(api, PODS.format("free"), pod(hostNetwork=True))
        refused = await make(api, PODS.format("default"), pod(hostNetwork=True), 403)
        assert 'violates PodSecurity "baseline:latest": host namespaces (hostNetwork=true)' in refused["message"]
        codes = []
        for number in range(4):
            event = {
                "metadata": {"name": f"e{number}"},
                "involvedObject": {"kind": "Pod", "namespace": "free", "name": "p"},
            }
            codes.append((await api.post("/api/v1/namespaces/free/events", event)).status)
        assert codes[:2] == [201, 201]
        assert 429 in codes


CONFIGURATION = "{kind: AdmissionConfiguration, apiVersion: apiserver.config.k8s.io/v1,"


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("kind: Other", "want kind AdmissionConfiguration"),
        ("[1]", "not a mapping"),
        (CONFIGURATION + " plugins: [{name: EventRateLimit, configuration: {limits: [{type: x}]}}]}",
         "want a type of Server"),
        (CONFIGURATION + " plugins: [{name: PodSecurity, configuration: {default: {}}}]}",
         "unknown field 'default'"),
    ],
)  # fmt: skip
async def test_a_configuration_that_makes_no_sense_stops_the_server(tmp_path: Path, text: str, error: str) -> None:
    (tmp_path / "a.yaml").write_text(text)
    with pytest.raises(ValueError, match=error):
        async with api_server(admission_control_config_file=str(tmp_path / "a.yaml")):
            pass
