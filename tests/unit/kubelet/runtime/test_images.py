from __future__ import annotations

import base64

import pytest

from kubelite.kubelet.runtime.images import _credentials, decode_docker_config

AUTH = base64.b64encode(b"user:pass:word").decode()


@pytest.mark.parametrize(
    ("server", "reference", "found"),
    [
        ("registry.test", "registry.test/app:1", True),
        ("https://registry.test/v2/", "registry.test/app:1", True),
        ("registry.test/team", "registry.test/team/app:1", True),
        ("registry.test/team", "registry.test/other/app:1", False),
        ("registry.test", "registry.test.evil/app:1", False),
        ("https://index.docker.io/v1/", "docker.io/library/app:1", True),
    ],
)
def test_a_credential_is_used_for_its_registry_only(server, reference, found):
    credentials = _credentials([{server: {"auth": AUTH}}], reference)
    assert bool(credentials) is found
    if found:
        assert (credentials[0].username, credentials[0].password) == ("user", "pass:word")


def test_both_forms_of_docker_configuration_are_read():
    assert decode_docker_config(b'{"auths":{"r":{"auth":"x"}}}', False) == {"r": {"auth": "x"}}
    assert decode_docker_config(b'{"r":{"auth":"x"}}', True) == {"r": {"auth": "x"}}
    assert decode_docker_config(b"nonsense", False) == {} == decode_docker_config(b"[1]", False)
