"""What drivers are told of pods: volumes in the pod's spec, secrets, pod information, tokens; and told again."""

from __future__ import annotations

import base64
import json

import pytest

from kubelite.kubelet.interfaces import SyncError
from kubelite.kubelet.volumes.csi import manager, names
from tests.integration.csi.world import DRIVER, World

SECRETS = "/api/v1/namespaces/{}/secrets"
BOTH = ["Persistent", "Ephemeral"]


async def secret(world: World, name: str, namespace: str = "default", **data: str) -> None:
    encoded = {key: base64.b64encode(value.encode()).decode() for key, value in data.items()}
    await world.api.post("/api/v1/namespaces", {"metadata": {"name": namespace}})
    reply = await world.api.post(SECRETS.format(namespace), {"metadata": {"name": name}, "data": encoded})
    assert reply.status == 201, reply.body


async def test_a_volume_in_the_pods_spec_is_made_for_it_and_goes_with_it(world: World):
    driver = world.driver("--capability=STAGE_UNSTAGE_VOLUME")
    await world.registered()
    await world.describe(volumeLifecycleModes=BOTH, podInfoOnMount=True)
    await secret(world, "key", password="pw")
    inline = {
        "driver": DRIVER,
        "volumeAttributes": {"size": "1"},
        "nodePublishSecretRef": {"name": "key"},
        "fsType": "xfs",
    }
    path = await world.mount(world.pod("p", inline=inline))
    assert path == world.root / "pods/uid-p/volumes/kubernetes.io~csi/data/mount"
    handle = names.inline_handle("uid-p", "data")
    call = driver.calls("NodePublishVolume")[0]
    assert call["volume_id"] == handle
    assert call["secrets"] == {"password": "pw"}
    assert call["volume_context"] == {
        "size": "1",
        "csi.storage.k8s.io/pod.name": "p",
        "csi.storage.k8s.io/pod.namespace": "default",
        "csi.storage.k8s.io/pod.uid": "uid-p",
        "csi.storage.k8s.io/serviceAccount.name": "default",
        "csi.storage.k8s.io/ephemeral": "true",
    }
    assert "staging_target_path" not in call
    assert await world.in_use() == []
    await world.restart()
    await world.met()
    await world.manager.unmount("uid-p")
    assert driver.calls("NodeUnpublishVolume")[0]["volume_id"] == handle
    assert driver.calls("NodeStageVolume", "NodeUnstageVolume") == []


@pytest.mark.parametrize(
    ("modes", "inline", "why"),
    [
        (None, True, 'volume mode "Ephemeral" not supported by driver disks.example.com (no CSIDriver object)'),
        (
            ["Persistent"],
            True,
            'volume mode "Ephemeral" not supported by driver disks.example.com (only supports ["Persistent"])',
        ),
        (
            ["Ephemeral"],
            False,
            'volume mode "Persistent" not supported by driver disks.example.com (only supports ["Ephemeral"])',
        ),
    ],
)
async def test_what_a_driver_does_not_say_that_it_can_is_refused(world: World, modes, inline, why):
    world.driver()
    await world.registered()
    if modes is not None:
        await world.describe(volumeLifecycleModes=modes)
    await world.volume("v")
    pod = world.pod("p", inline={"driver": DRIVER}) if inline else world.pod("p", "v")
    with pytest.raises(SyncError) as caught:
        await world.mount(pod)
    assert caught.value.message.endswith(
        f"kubernetes.io/csi: mounter.SetupAt failed to check volume lifecycle mode: {why}"
    )


async def test_secrets_of_a_volume_go_to_the_call_that_they_are_for(world: World):
    driver = world.driver("--capability=STAGE_UNSTAGE_VOLUME")
    await world.registered()
    await world.describe()
    await secret(world, "stage", "vault", a="1")
    await secret(world, "publish", "vault", b="2")
    await world.volume(
        "v",
        csi_nodeStageSecretRef={"name": "stage", "namespace": "vault"},
        csi_nodePublishSecretRef={"name": "publish", "namespace": "vault"},
    )
    await world.mount(world.pod("p", "v"))
    assert driver.calls("NodeStageVolume")[0]["secrets"] == {"a": "1"}
    assert driver.calls("NodePublishVolume")[0]["secrets"] == {"b": "2"}


async def test_a_secret_that_is_missing_is_named(world: World):
    world.driver()
    await world.registered()
    await world.describe()
    await world.volume("v", csi_nodePublishSecretRef={"name": "absent", "namespace": "vault"})
    with pytest.raises(SyncError) as caught:
        await world.mount(world.pod("p", "v"))
    assert caught.value.message == (
        'MountVolume.SetUp failed for volume "v" : fetching NodePublishSecretRef vault/absent failed: failed to find the'
        ' secret absent in the namespace vault with error: secrets "absent" not found'
    )


async def stored(world: World, name: str, **fields) -> object:
    """A pod that the API knows, for tokens are bound to it."""
    await world.api.post("/api/v1/namespaces/default/serviceaccounts", {"metadata": {"name": "default"}})
    made = world.pod(name, **fields)
    spec = {"containers": [{"name": "c", "image": "x"}], "serviceAccountName": "default", "nodeName": "node-1"}
    reply = await world.api.post("/api/v1/namespaces/default/pods", {"metadata": {"name": name}, "spec": spec})
    made.metadata.uid = reply.json()["metadata"]["uid"]
    return made


@pytest.mark.parametrize("hidden", [False, True])
async def test_a_driver_gets_tokens_of_the_pod_for_the_audiences_that_it_asks_for(world: World, hidden):
    driver = world.driver()
    await world.registered()
    await world.describe(
        tokenRequests=[{"audience": "vault"}, {"audience": "", "expirationSeconds": 1200}],
        requiresRepublish=True,
        serviceAccountTokenInSecrets=hidden,
    )
    await world.volume("v")
    await world.mount(await stored(world, "p", claim="v"))
    call = driver.calls("NodePublishVolume")[0]
    texts = call["secrets" if hidden else "volume_context"]
    tokens = json.loads(texts["csi.storage.k8s.io/serviceAccount.tokens"])
    assert set(tokens) == {"vault", ""}
    claims = json.loads(base64.urlsafe_b64decode(tokens["vault"]["token"].split(".")[1] + "=="))
    assert claims["aud"] == ["vault"]
    assert claims["kubernetes.io"]["pod"]["name"] == "p"
    assert tokens[""]["expirationTimestamp"].endswith("Z")


async def test_a_driver_that_wants_it_publishes_again_and_the_pod_is_told_when_it_cannot(world: World, monkeypatch):
    driver = world.driver()
    await world.registered()
    await world.describe(requiresRepublish=True)
    await world.volume("v")
    pod = world.pod("p", "v")
    path = await world.mount(pod)
    await world.manager.update(pod)
    assert len(driver.calls("NodePublishVolume")) == 1
    monkeypatch.setattr(manager, "AGAIN_SECONDS", 0.0)
    await world.manager.update(pod)
    await world.until(lambda: len(driver.calls("NodePublishVolume")) == 2)
    driver.fail(NodePublishVolume=["INTERNAL", "gone"])
    text = 'MountVolume.SetUp failed for volume "v" : rpc error: code = Internal desc = gone'

    async def told() -> bool:
        await world.manager.update(pod)
        return ("FailedMount", text) in world.events

    await world.eventually(told)
    assert (path / "context.json").exists()


async def test_nothing_is_published_again_for_drivers_that_do_not_ask(world: World, monkeypatch):
    monkeypatch.setattr(manager, "AGAIN_SECONDS", 0.0)
    driver = world.driver()
    await world.registered()
    await world.describe()
    await world.volume("v")
    pod = world.pod("p", "v")
    await world.mount(pod)
    await world.manager.update(pod)
    await world.cared_for(pod)
    assert len(driver.calls("NodePublishVolume")) == 1


async def test_what_another_kubelet_has_mounted_is_looked_after_too(world: World, monkeypatch):
    driver = world.driver()
    await world.registered()
    await world.describe(requiresRepublish=True)
    await world.volume("v")
    pod = world.pod("p", "v")
    await world.mount(pod)
    await world.restart()
    await world.met()
    await world.manager.update(pod)
    await world.until(lambda: len(driver.calls("NodePublishVolume")) == 2)
    monkeypatch.setattr(manager, "AGAIN_SECONDS", 0.0)
    await world.cared_for(pod)
    await world.manager.update(pod)
    await world.until(lambda: len(driver.calls("NodePublishVolume")) == 3)


async def test_a_pod_that_goes_is_not_waited_for_by_a_driver_that_hangs(world: World, monkeypatch):
    monkeypatch.setattr(manager, "AGAIN_SECONDS", 0.0)
    driver = world.driver()
    await world.registered()
    await world.describe(requiresRepublish=True)
    await world.volume("v")
    pod = world.pod("p", "v")
    await world.mount(pod)
    driver.fail(NodePublishVolume=["HANG", ""])
    await world.manager.update(pod)
    await world.until(lambda: len(driver.calls("NodePublishVolume")) == 2)
    await world.manager.unmount("uid-p")
    assert len(driver.calls("NodeUnpublishVolume")) == 1
