"""Which door opens to whom."""

from __future__ import annotations

import pytest

from kubelite.kubelet.http.auth import certificate_user, subresources


@pytest.mark.parametrize(
    ("path", "names"),
    [
        ("/stats/summary", ("stats",)),
        ("/metrics/resource", ("metrics",)),
        ("/metricsx", ("proxy",)),
        ("/pods", ("pods", "proxy")),
        ("/healthz", ("healthz", "proxy")),
        ("/configz", ("configz", "proxy")),
        ("/exec/ns/pod/c", ("proxy",)),
        ("/containerLogs/ns/pod/c", ("proxy",)),
    ],
)
def test_each_path_is_a_subresource_of_nodes(path, names):
    assert subresources(path) == names


def test_a_certificate_names_user_and_groups():
    peer = {"subject": ((("organizationName", "g1"),), (("organizationName", "g2"),), (("commonName", "me"),))}
    user = certificate_user(peer)
    assert (user.name, user.groups) == ("me", ("g1", "g2", "system:authenticated"))
