from __future__ import annotations

import pathlib

import pytest

from kubelite.kubelet.config import Config
from kubelite.kubelet.interfaces import SyncError
from kubelite.kubelet.runtime import mounts
from kubelite.kubelet.runtime.sandbox import HostName, hostname_of
from kubelite.rpc import cri_v1_pb2 as pb
from tests.unit.kubelet.podbuilder import make_pod


def no_sub_path(pod, volume, container, index, source, path):
    return f"{source}/{path}"


def mounts_of(tmp_path, volume_mounts, variables=None, **container):
    spec = {"name": "web", "image": "i", "volumeMounts": volume_mounts, **container}
    pod = make_pod([spec])
    made = mounts.container_mounts(
        pod, pod.spec.containers[0], {"v": "/host/v"}, variables or {}, no_sub_path, "/host/hosts", str(tmp_path), 3
    )
    return {mount.container_path: mount for mount in made}


def test_a_container_gets_its_volumes_hosts_and_termination_log(tmp_path):
    made = mounts_of(
        tmp_path, [{"name": "v", "mountPath": "/data", "readOnly": True, "mountPropagation": "HostToContainer"}]
    )
    data = made["/data"]
    assert (data.host_path, data.readonly, data.propagation) == ("/host/v", True, pb.PROPAGATION_HOST_TO_CONTAINER)
    assert made["/etc/hosts"].host_path == "/host/hosts"
    log = made["/dev/termination-log"].host_path
    assert log.endswith("/pods/u1/containers/web/termination-3") and pathlib.Path(log).read_bytes() == b""


@pytest.mark.parametrize(
    ("source", "wanted"),
    [
        ({"configMap": {"name": "c"}}, True),
        ({"secret": {"secretName": "s"}}, True),
        ({"downwardAPI": {"items": []}}, True),
        ({"projected": {"sources": []}}, True),
        ({"emptyDir": {}}, False),
    ],
    ids=["configMap", "secret", "downwardAPI", "projected", "emptyDir"],
)
def test_only_volumes_that_the_kubelet_does_not_write_are_writable(tmp_path, source, wanted):
    spec = {"name": "web", "image": "i", "volumeMounts": [{"name": "v", "mountPath": "/d"}]}
    pod = make_pod([spec], volumes=[{"name": "v", **source}])
    made = mounts.container_mounts(
        pod, pod.spec.containers[0], {"v": "/host/v"}, {}, no_sub_path, "/host/hosts", str(tmp_path), 0
    )
    assert next(m.readonly for m in made if m.container_path == "/d") is wanted


def test_a_volume_over_the_hosts_file_wins(tmp_path):
    assert mounts_of(tmp_path, [{"name": "v", "mountPath": "/etc/hosts"}])["/etc/hosts"].host_path == "/host/v"


def test_sub_paths_may_use_variables(tmp_path):
    made = mounts_of(tmp_path, [{"name": "v", "mountPath": "/d", "subPathExpr": "$(POD)/x"}], {"POD": "p1"})
    assert made["/d"].host_path == "/host/v/p1/x"


@pytest.mark.parametrize(
    "mount",
    [{"name": "none", "mountPath": "/d"}, {"name": "v", "mountPath": "/d", "subPathExpr": "$(NONE)"}],
    ids=["unknown volume", "unknown variable"],
)
def test_what_cannot_be_mounted_is_a_configuration_error(tmp_path, mount):
    with pytest.raises(SyncError) as raised:
        mounts_of(tmp_path, [mount])
    assert raised.value.reason == "CreateContainerConfigError"


def test_the_hosts_file_names_the_pod_and_its_aliases():
    pod = make_pod(hostAliases=[{"ip": "1.2.3.4", "hostnames": ["a", "b"]}])
    text = mounts.hosts_file(pod, HostName("pod", ""), ["10.0.0.5"], "")
    assert text.startswith("# Kubernetes-managed hosts file.\n127.0.0.1\tlocalhost\n")
    assert "\n10.0.0.5\tpod\n" in text and text.endswith("# Entries added by HostAliases.\n1.2.3.4\ta\tb\n")


def test_a_subdomain_gives_the_pod_its_full_name():
    pod = make_pod(hostname="web-0", subdomain="web")
    hostname = hostname_of(pod, Config(), "node")
    assert hostname == HostName("web-0", "web.ns.svc.cluster.local")
    assert "10.0.0.5\tweb-0.web.ns.svc.cluster.local\tweb-0\n" in mounts.hosts_file(pod, hostname, ["10.0.0.5"], "")


def test_on_the_hosts_network_the_pod_has_the_hosts_name_and_file():
    pod = make_pod(hostNetwork=True)
    assert hostname_of(pod, Config(), "node").name == "node"
    assert mounts.hosts_file(pod, HostName("node", ""), [], "127.0.0.1 x\n").endswith("(host network).\n127.0.0.1 x\n")


def test_a_long_pod_name_is_cut_to_a_host_name():
    pod = make_pod(meta={"name": "a" * 62 + "-b"})
    assert hostname_of(pod, Config(), "node").name == "a" * 62
