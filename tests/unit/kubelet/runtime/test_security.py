from __future__ import annotations

import pytest

from kubelite.kubelet.interfaces import SyncError
from kubelite.kubelet.runtime import security
from kubelite.rpc import cri_v1_pb2 as pb
from tests.unit.kubelet.podbuilder import make_pod

ROOT = pb.Image(id="i", uid=pb.Int64Value(value=0))
USER = pb.Image(id="i", uid=pb.Int64Value(value=1000))
NAMED = pb.Image(id="i", username="app")


def context_of(own=None, shared=None, image=ROOT, **spec):
    pod = make_pod([{"name": "web", "image": "i", "securityContext": own or {}}], securityContext=shared or {}, **spec)
    return security.container_context(pod, pod.spec.containers[0], image, seccomp_default=False, root_dir="/var/lib/k")


def test_the_containers_own_values_win_over_the_pods():
    context = context_of({"runAsUser": 5}, {"runAsUser": 7, "runAsGroup": 8, "fsGroup": 9, "supplementalGroups": [4]})
    assert (context.run_as_user.value, context.run_as_group.value) == (5, 8)
    assert list(context.supplemental_groups) == [4, 9]


@pytest.mark.parametrize(("image", "user", "name"), [(ROOT, 0, ""), (USER, 1000, ""), (NAMED, 0, "app")])
def test_without_a_wish_the_images_user_runs(image, user, name):
    context = context_of(image=image)
    assert (context.run_as_user.value, context.run_as_username) == (user, name)


@pytest.mark.parametrize(
    ("own", "image", "complaint"),
    [
        ({"runAsNonRoot": True}, ROOT, "container has runAsNonRoot and image will run as root"),
        ({"runAsNonRoot": True, "runAsUser": 0}, USER, "container's runAsUser breaks non-root policy"),
        ({"runAsNonRoot": True}, NAMED, "image has non-numeric user (app), cannot verify user is non-root"),
    ],
)
def test_root_is_refused_where_it_is_not_wanted(own, image, complaint):
    with pytest.raises(SyncError) as raised:
        context_of(own, image=image)
    assert raised.value.reason == "CreateContainerConfigError" and complaint in raised.value.message


def test_a_user_that_is_not_root_may_run():
    assert context_of({"runAsNonRoot": True}, image=USER).run_as_user.value == 1000
    assert context_of({"runAsNonRoot": True, "runAsUser": 3}).run_as_user.value == 3


def test_seccomp_profiles_are_translated():
    kinds = pb.SecurityProfile
    assert context_of().seccomp.profile_type == kinds.Unconfined
    assert context_of({"seccompProfile": {"type": "RuntimeDefault"}}).seccomp.profile_type == kinds.RuntimeDefault
    local = context_of({"seccompProfile": {"type": "Localhost", "localhostProfile": "p.json"}}).seccomp
    assert (local.profile_type, local.localhost_ref) == (kinds.Localhost, "/var/lib/k/seccomp/p.json")


def test_a_privileged_container_is_unconfined_and_sees_all_of_proc():
    context = context_of({"privileged": True, "seccompProfile": {"type": "RuntimeDefault"}})
    assert context.privileged and not context.masked_paths
    assert context.seccomp.profile_type == pb.SecurityProfile.Unconfined
    assert "/proc/kcore" in context_of().masked_paths


def test_namespaces_are_shared_as_the_pod_asks():
    own = context_of().namespace_options
    assert (own.network, own.pid, own.ipc) == (pb.POD, pb.CONTAINER, pb.POD)
    host = context_of(hostNetwork=True, hostPID=True, hostIPC=True).namespace_options
    assert (host.network, host.pid, host.ipc) == (pb.NODE, pb.NODE, pb.NODE)
    assert context_of(shareProcessNamespace=True).namespace_options.pid == pb.POD


def test_capabilities_lose_their_prefix_and_escalation_can_be_forbidden():
    context = context_of(
        {"capabilities": {"add": ["CAP_NET_ADMIN"], "drop": ["ALL"]}, "allowPrivilegeEscalation": False}
    )
    assert list(context.capabilities.add_capabilities) == ["NET_ADMIN"]
    assert list(context.capabilities.drop_capabilities) == ["ALL"] and context.no_new_privs
