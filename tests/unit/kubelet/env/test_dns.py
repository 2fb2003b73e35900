"""A pod's resolver settings."""

from __future__ import annotations

import pytest

from kubelite.api.types.core_v1 import Pod
from kubelite.kubelet.env import dns
from kubelite.kubelet.interfaces import DnsConfig
from kubelite.machinery import codec

HOST = DnsConfig(["192.0.2.53"], ["example.org"], ["rotate"])
CLUSTER = DnsConfig(
    ["10.96.0.10"], ["ns.svc.cluster.local", "svc.cluster.local", "cluster.local", "example.org"], ("ndots:5",)
)


def pod(**spec):
    return codec.convert({"metadata": {"name": "p", "namespace": "ns"}, "spec": spec}, Pod)


def of(**spec):
    return dns.for_pod(pod(**spec), HOST, ["10.96.0.10"], "cluster.local")


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ({"dnsPolicy": "ClusterFirst"}, CLUSTER),
        ({"dnsPolicy": "ClusterFirst", "hostNetwork": True}, HOST),
        ({"dnsPolicy": "ClusterFirstWithHostNet", "hostNetwork": True}, CLUSTER),
        ({"dnsPolicy": "Default"}, HOST),
        (
            {
                "dnsPolicy": "None",
                "dnsConfig": {"nameservers": ["1.1.1.1"], "searches": ["a"], "options": [{"name": "edns0"}]},
            },
            DnsConfig(["1.1.1.1"], ["a"], ["edns0"]),
        ),
    ],
)
def test_each_policy(spec, expected):
    assert of(**spec) == expected


def test_own_settings_are_added_and_win():
    extra = {
        "nameservers": ["10.96.0.10", "1.1.1.1"],
        "searches": ["more"],
        "options": [{"name": "ndots", "value": "2"}],
    }
    got = of(dnsPolicy="ClusterFirst", dnsConfig=extra)
    assert got.servers == ["10.96.0.10", "1.1.1.1"]
    assert got.searches == [*CLUSTER.searches, "more"]
    assert got.options == ["ndots:2"]


def test_without_a_cluster_resolver_the_hosts_is_used():
    assert dns.for_pod(pod(dnsPolicy="ClusterFirst"), HOST, [], "cluster.local") == HOST


def test_a_resolver_file_is_read_as_the_c_library_does():
    text = "# note\nnameserver 1.1.1.1\nsearch a b\nsearch c. .\nnameserver 2.2.2.2\noptions ndots:1 rotate\n"
    assert dns.parse(text) == DnsConfig(["1.1.1.1", "2.2.2.2"], ["c", "."], ["ndots:1", "rotate"])


def test_what_is_too_much_is_left_out_with_a_complaint():
    fitted, complaints = dns.fit_limits(DnsConfig(["1", "2", "3", "4"], [f"s{n}" for n in range(40)]))
    assert fitted.servers == ["1", "2", "3"]
    assert len(fitted.searches) == 32
    assert complaints[0].endswith("the applied nameserver line is: 1 2 3")
    assert complaints[1].startswith("Search Line limits were exceeded")
