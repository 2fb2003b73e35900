"""What a kubelet can do with its own identity, and what it cannot."""

from __future__ import annotations

from tests.apienv import ApiEnv
from tests.integration.apiserver_security.conftest import BOB, NODE

CORE = "/api/v1"
DEFAULT = f"{CORE}/namespaces/default"
LEASES = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases"


async def register(api: ApiEnv) -> None:
    made = await api.post(f"{CORE}/nodes", {"metadata": {"name": "n"}}, token=NODE)
    assert made.status == 201, made.body


async def pod(api: ApiEnv, name: str, node: str, secret: str) -> str:
    spec = {
        "nodeName": node,
        "serviceAccountName": "default",
        "containers": [{"name": "c", "image": "x", "envFrom": [{"secretRef": {"name": secret}}]}],
        "volumes": [{"name": "t", "projected": {"sources": [{"serviceAccountToken": {"path": "token"}}]}}],
    }
    made = await api.post(f"{DEFAULT}/pods", {"metadata": {"name": name}, "spec": spec})
    assert made.status == 201, made.body
    uid: str = made.json()["metadata"]["uid"]
    return uid


async def test_a_kubelet_registers_its_node_and_renews_its_lease(api: ApiEnv) -> None:
    await register(api)
    node = (await api.get(f"{CORE}/nodes/n", token=NODE)).json()
    assert node["spec"]["taints"] == [{"key": "node.kubernetes.io/not-ready", "effect": "NoSchedule"}]
    status = {"status": {"conditions": [{"type": "Ready", "status": "True"}]}}
    assert (await api.patch(f"{CORE}/nodes/n/status", status, token=NODE)).status == 200
    lease = {"metadata": {"name": "n"}, "spec": {"holderIdentity": "n"}}
    assert (await api.post(LEASES, lease, token=NODE)).status == 201
    other = await api.post(LEASES, {"metadata": {"name": "m"}}, token=NODE)
    assert other.status == 403
    assert "can only access leases with the same name as the requesting node" in other.json()["message"]


async def test_a_kubelet_changes_no_other_node(api: ApiEnv) -> None:
    await api.post(f"{CORE}/nodes", {"metadata": {"name": "m"}})
    reply = await api.patch(f"{CORE}/nodes/m/status", {"status": {"phase": "x"}}, token=NODE)
    assert reply.status == 403
    assert reply.json()["message"] == 'nodes "m" is forbidden: node "n" is not allowed to modify node "m"'


async def test_a_kubelet_sees_its_own_pods_and_their_secrets_only(api: ApiEnv) -> None:
    await register(api)
    for name in ("mine", "theirs"):
        assert (await api.post(f"{DEFAULT}/secrets", {"metadata": {"name": name}})).status == 201
    await pod(api, "a", "n", "mine")
    await pod(api, "b", "m", "theirs")
    assert (await api.get(f"{CORE}/pods", token=NODE)).status == 403
    listed = await api.get(f"{CORE}/pods?fieldSelector=spec.nodeName%3Dn", token=NODE)
    assert [item["metadata"]["name"] for item in listed.json()["items"]] == ["a"]
    assert (await api.get(f"{DEFAULT}/secrets/mine", token=NODE)).status == 200
    assert (await api.get(f"{DEFAULT}/secrets?fieldSelector=metadata.name%3Dmine", token=NODE)).status == 200
    refused = await api.get(f"{DEFAULT}/secrets/theirs", token=NODE)
    assert refused.status == 403
    assert refused.json()["message"].endswith("no relationship found between node 'n' and this object")


async def test_a_kubelet_gets_tokens_for_its_pods_only(api: ApiEnv) -> None:
    await register(api)
    await api.post(f"{DEFAULT}/serviceaccounts", {"metadata": {"name": "default"}})
    uid = await pod(api, "a", "n", "s")
    path = f"{DEFAULT}/serviceaccounts/default/token"
    bound = {"apiVersion": "v1", "kind": "Pod", "name": "a", "uid": uid}
    good = await api.post(path, {"spec": {"expirationSeconds": 3607, "boundObjectRef": bound}}, token=NODE)
    assert good.status == 201, good.body
    free = await api.post(path, {"spec": {}}, token=NODE)
    assert free.status == 403
    assert free.json()["message"].endswith("node requested token not bound to a pod")


async def test_a_kubelet_asks_for_the_audiences_that_its_pods_or_a_rule_name(api: ApiEnv) -> None:
    await register(api)
    driver = {"metadata": {"name": "d.example"}, "spec": {"tokenRequests": [{"audience": "of-driver"}]}}
    assert (await api.post("/apis/storage.k8s.io/v1/csidrivers", driver)).status == 201
    projected = {"sources": [{"serviceAccountToken": {"path": "t", "audience": "of-volume"}}]}
    volumes = [{"name": "t", "projected": projected}, {"name": "d", "csi": {"driver": "d.example"}}]
    spec = {"nodeName": "n", "serviceAccountName": "default", "containers": [{"name": "c", "image": "x"}]}
    spec["volumes"] = volumes
    await api.post(f"{DEFAULT}/serviceaccounts", {"metadata": {"name": "default"}})
    made = await api.post(f"{DEFAULT}/pods", {"metadata": {"name": "a"}, "spec": spec})
    assert made.status == 201, made.body
    bound = {"apiVersion": "v1", "kind": "Pod", "name": "a", "uid": made.json()["metadata"]["uid"]}

    async def ask(*audiences: str) -> tuple[int, str]:
        body = {"spec": {"audiences": audiences, "boundObjectRef": bound}}
        reply = await api.post(f"{DEFAULT}/serviceaccounts/default/token", body, token=NODE)
        return reply.status, reply.json().get("message", "")

    assert [(await ask(name))[0] for name in ("of-volume", "of-driver")] == [201, 201]
    status, message = await ask("elsewhere")
    assert status == 403
    assert message.endswith('audience "elsewhere" not found in pod spec volume')
    assert (await ask("of-volume", "of-driver"))[1].endswith("node may only request 0 or 1 audiences")
    rule = {"verbs": ["request-serviceaccounts-token-audience"], "apiGroups": [""], "resources": ["elsewhere"]}
    rbac = "/apis/rbac.authorization.k8s.io/v1"
    await api.post(f"{rbac}/clusterroles", {"metadata": {"name": "ask"}, "rules": [rule]})
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "ask"}
    nodes = {"kind": "Group", "apiGroup": "rbac.authorization.k8s.io", "name": "system:nodes"}
    await api.post(f"{rbac}/clusterrolebindings", {"metadata": {"name": "ask"}, "roleRef": role, "subjects": [nodes]})
    assert (await ask("elsewhere"))[0] == 201


async def test_a_kubelet_deletes_its_own_pods_only(api: ApiEnv) -> None:
    await register(api)
    await pod(api, "a", "n", "s")
    await pod(api, "b", "m", "s")
    assert (await api.delete(f"{DEFAULT}/pods/b", token=NODE)).status == 403
    assert (await api.delete(f"{DEFAULT}/pods/a", token=NODE)).status == 200


async def test_other_users_gain_nothing_from_the_nodes_rights(api: ApiEnv) -> None:
    assert (await api.get(f"{CORE}/nodes", token=BOB)).status == 403


async def test_a_kubelet_reads_the_volume_of_its_pods_claim_and_nothing_else_of_storage(api: ApiEnv) -> None:
    await register(api)
    storage = "/apis/storage.k8s.io/v1"
    volume = {
        "metadata": {"name": "pv"},
        "spec": {
            "capacity": {"storage": "1Gi"},
            "accessModes": ["ReadWriteOnce"],
            "claimRef": {"namespace": "default", "name": "data"},
            "csi": {
                "driver": "d",
                "volumeHandle": "h",
                "nodePublishSecretRef": {"namespace": "default", "name": "mount"},
            },
        },
    }
    assert (await api.post(f"{CORE}/persistentvolumes", volume)).status == 201
    assert (await api.post(f"{DEFAULT}/secrets", {"metadata": {"name": "mount"}})).status == 201
    assert (await api.get(f"{CORE}/persistentvolumes/pv", token=NODE)).status == 403
    spec = {
        "nodeName": "n",
        "containers": [{"name": "c", "image": "x"}],
        "volumes": [{"name": "d", "persistentVolumeClaim": {"claimName": "data"}}],
    }
    assert (await api.post(f"{DEFAULT}/pods", {"metadata": {"name": "p"}, "spec": spec})).status == 201
    assert (await api.get(f"{CORE}/persistentvolumes/pv", token=NODE)).status == 200
    assert (await api.get(f"{DEFAULT}/secrets/mount", token=NODE)).status == 200
    own = {"metadata": {"name": "n"}, "spec": {"drivers": []}}
    assert (await api.post(f"{storage}/csinodes", own, token=NODE)).status == 201
    other = await api.post(f"{storage}/csinodes", {**own, "metadata": {"name": "m"}}, token=NODE)
    assert other.status == 403
    assert "can only access CSINode with the same name as the requesting node" in other.json()["message"]


async def test_a_kubelet_publishes_devices_of_its_own_node_only(api: ApiEnv) -> None:
    slices = "/apis/resource.k8s.io/v1/resourceslices"
    pool = {"name": "p", "generation": 1, "resourceSliceCount": 1}
    spec = {"driver": "d.example", "nodeName": "n", "pool": pool, "devices": []}
    made = await api.post(slices, {"metadata": {"name": "mine"}, "spec": spec}, token=NODE)
    assert made.status == 201, made.body
    foreign = await api.post(slices, {"metadata": {"name": "x"}, "spec": {**spec, "nodeName": "m"}}, token=NODE)
    assert foreign.status == 403
    assert (await api.get(slices, token=NODE)).status == 403
    assert (await api.get(f"{slices}?fieldSelector=spec.nodeName%3Dn", token=NODE)).status == 200
    assert (await api.delete(f"{slices}/mine", token=NODE)).status == 200
