"""Real kubectl of an old and a new version: who may do what, tokens, certificates, events, pruning and kustomizations."""

from __future__ import annotations

import base64
import json
import pathlib

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.integration.clients.kubectl import VERSIONS, Kubectl, kubectl_of
from tests.integration.controllers.manager import World


@pytest.fixture(params=VERSIONS)
def kubectl(world: World, request: pytest.FixtureRequest) -> Kubectl:
    return kubectl_of(request.param, world)


@pytest.fixture
def newest(world: World) -> Kubectl:
    return kubectl_of(VERSIONS[-1], world)


async def test_accounts_get_roles_and_tokens_and_learn_what_they_may_do(kubectl: Kubectl) -> None:
    if not kubectl.path.endswith("1.27"):  # which asks for a version of the review that is gone
        assert (await kubectl("auth whoami -o jsonpath={.status.userInfo.username}")).strip() == "admin"
    await kubectl("create serviceaccount robot")
    await kubectl("create role reader --verb=get,list --resource=pods,configmaps")
    await kubectl("create rolebinding reads --role=reader --serviceaccount=default:robot")
    token = (
        await kubectl("create token robot --duration=10m --audience=https://kubernetes.default.svc.cluster.local")
    ).strip()
    assert token.count(".") == 2
    as_robot = "--as=system:serviceaccount:default:robot"
    assert (await kubectl(f"auth can-i list pods {as_robot}")).strip() == "yes"
    denied = await kubectl.run(f"auth can-i create pods {as_robot}")
    assert (denied.code, denied.out.strip()) == (1, "no")
    listed = await kubectl(f"auth can-i --list {as_robot}")
    assert any(line.split()[0] == "configmaps" and "[get list]" in line for line in listed.splitlines()[1:])
    refused = await kubectl.refused(f"get secrets {as_robot}")
    assert refused == (
        'Error from server (Forbidden): secrets is forbidden: User "system:serviceaccount:default:robot" '
        'cannot list resource "secrets" in API group "" in the namespace "default"'
    )
    reconciled = await kubectl("auth reconcile -f -", _role())
    assert "clusterrole.rbac.authorization.k8s.io/sees reconciled" in reconciled


def _role() -> dict[str, object]:
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRole",
        "metadata": {"name": "sees"},
        "rules": [{"apiGroups": [""], "resources": ["nodes"], "verbs": ["get"]}],
    }


async def test_certificate_requests_are_approved_and_denied(newest: Kubectl) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "ann")])
    request = x509.CertificateSigningRequestBuilder().subject_name(subject).sign(key, hashes.SHA256())
    pem = base64.b64encode(request.public_bytes(serialization.Encoding.PEM)).decode()
    for name in ("good", "bad"):
        body = {
            "apiVersion": "certificates.k8s.io/v1",
            "kind": "CertificateSigningRequest",
            "metadata": {"name": name},
            "spec": {"request": pem, "signerName": "example.com/mine", "usages": ["client auth"]},
        }
        await newest("create -f -", body)
    assert await newest("certificate approve good") == "certificatesigningrequest.certificates.k8s.io/good approved\n"
    assert await newest("certificate deny bad") == "certificatesigningrequest.certificates.k8s.io/bad denied\n"
    rows = [line.split() for line in (await newest("get csr --no-headers")).splitlines()]
    assert [(row[0], row[2], row[3], row[-1]) for row in rows] == [
        ("bad", "example.com/mine", "admin", "Denied"),
        ("good", "example.com/mine", "admin", "Approved"),
    ]
    assert "condition met" in await newest("wait csr/good --for=condition=Approved --timeout=5s")


async def test_the_cluster_tells_what_it_is_and_what_it_lacks(kubectl: Kubectl) -> None:
    assert "v1.36" in await kubectl("version")
    assert "Kubernetes control plane" in await kubectl("cluster-info")
    assert (await kubectl("get --raw /readyz")) == "ok"
    assert "[+]ping ok" in await kubectl("get --raw /livez?verbose")
    assert await kubectl.refused("top pods") == "error: Metrics API not available"
    assert await kubectl.refused("top nodes") == "error: Metrics API not available"
    assert await kubectl.refused("get nothings") == 'error: the server doesn\'t have a resource type "nothings"'
    assert await kubectl("create deployment web --image=web:1 --replicas=1") == "deployment.apps/web created\n"
    assert "successfully rolled out" in await kubectl("rollout status deployment/web --timeout=20s")
    assert "Scaled up replica set" in await kubectl("events --for=deployment/web")
    assert "ScalingReplicaSet" in await kubectl("get events --field-selector=involvedObject.name=web")
    assert (await kubectl("api-resources --verbs=list --namespaced -o name")).count("\n") > 20


async def test_apply_prunes_what_the_files_no_longer_have(newest: Kubectl) -> None:
    def maps(*names: str) -> dict[str, object]:
        items = [
            {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": n, "labels": {"set": "x"}}} for n in names
        ]
        return {"apiVersion": "v1", "kind": "List", "items": items}

    prune = "apply -f - --prune -l set=x --prune-allowlist=core/v1/ConfigMap"
    await newest(prune, maps("a", "b"))
    second = await newest(prune, maps("a"))
    assert second.splitlines() == ["configmap/a unchanged", "configmap/b pruned"]
    sets = Kubectl(newest.path, newest.kubeconfig, newest.directory, {"KUBECTL_APPLYSET": "true"})
    apply_set = "apply --server-side -f - --prune --applyset=parent -n default"
    await sets(apply_set, maps("c", "d"))
    assert "configmap/d pruned" in await sets(apply_set, maps("c"))
    assert "configmap/c" in await sets("get cm -l applyset.kubernetes.io/part-of -o name")


async def test_kustomizations_are_built_and_applied(newest: Kubectl, tmp_path: pathlib.Path) -> None:
    (tmp_path / "kustomization.yaml").write_text(
        "namePrefix: my-\ncommonAnnotations: {by: tests}\nresources: [service.yaml]\n"
        "configMapGenerator: [{name: settings, literals: [a=b]}]\nlabels: [{pairs: {app: web}, includeSelectors: true}]\n"
    )
    service = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"}, "spec": {"ports": [{"port": 80}]}}
    (tmp_path / "service.yaml").write_text(json.dumps(service))
    first = (await newest(f"apply -k {tmp_path}")).splitlines()
    assert first[0].startswith("configmap/my-settings-") and first[1] == "service/my-web created"
    second = await newest(f"apply -k {tmp_path}")
    assert all(line.endswith("unchanged") for line in second.splitlines())
    assert await newest("get svc my-web -o jsonpath={.spec.selector.app}/{.metadata.annotations.by}") == "web/tests"
    assert (await newest.run(f"diff -k {tmp_path}")).code == 0
    await newest(f"delete -k {tmp_path}")
    assert await newest("get svc,cm -l app=web -o name") == ""
