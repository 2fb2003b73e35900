"""Kubeconfig files are read and merged as kubectl does."""

from __future__ import annotations

import base64
import stat
from pathlib import Path

import pytest

from kubelite.client.config import ClientConfig, default_config, in_cluster, load_kubeconfig, read_kubeconfig
from kubelite.client.credentials import Credentials
from kubelite.client.errors import ConfigError

CONFIG = """
apiVersion: v1
kind: Config
current-context: one
clusters:
- name: c1
  cluster: {server: "https://one:6443", certificate-authority: pki/ca.crt}
- name: c2
  cluster: {server: "https://two:6443/prefix/", certificate-authority-data: PEM, insecure-skip-tls-verify: true}
users:
- name: u1
  user: {client-certificate: /abs/c.crt, client-key: k.key}
- name: u2
  user: {token: secret}
contexts:
- name: one
  context: {cluster: c1, user: u1, namespace: team}
- name: two
  context: {cluster: c2, user: u2}
- name: broken
  context: {cluster: nowhere, user: u1}
""".replace("PEM", base64.b64encode(b"PEM").decode())


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "config"
    path.write_text(CONFIG)
    return path


def test_the_current_context_with_file_names_made_absolute(file: Path):
    config = load_kubeconfig(str(file))
    assert config == ClientConfig(
        server="https://one:6443",
        ca_file=str(file.parent / "pki/ca.crt"),
        cert_file="/abs/c.crt",
        key_file=str(file.parent / "k.key"),
        namespace="team",
        context="one",
    )


def test_another_context_with_inline_data(file: Path):
    config = load_kubeconfig(str(file), "two")
    assert (config.server, config.ca_data, config.token, config.insecure) == (
        "https://two:6443/prefix",
        b"PEM",
        "secret",
        True,
    )
    assert config.namespace == "default"
    assert "secret" not in repr(config)


@pytest.mark.parametrize(
    ("context", "text"),
    [("absent", 'context "absent" does not exist'), ("broken", 'cluster "nowhere" does not exist')],
)
def test_what_is_missing_is_named(file: Path, context: str, text: str):
    with pytest.raises(ConfigError, match=text):
        load_kubeconfig(str(file), context)


def test_the_first_file_of_kubeconfig_wins_and_missing_ones_are_skipped(file: Path, tmp_path: Path, monkeypatch):
    other = tmp_path / "other"
    other.write_text("current-context: two\nclusters:\n- {name: c2, cluster: {server: 'https://mine'}}\n")
    monkeypatch.setenv("KUBECONFIG", f"{other}:{tmp_path}/absent:{file}")
    config = load_kubeconfig()
    assert (config.context, config.server, config.token) == ("two", "https://mine", "secret")


@pytest.mark.parametrize("text", ["[1, 2]", "a: b: c", "\x00"])
def test_garbage_is_refused_with_the_name_of_the_file(tmp_path: Path, text: str):
    path = tmp_path / "config"
    path.write_text(text)
    with pytest.raises(ConfigError, match=str(path)):
        read_kubeconfig(str(path))


def test_a_named_file_must_exist(tmp_path: Path):
    with pytest.raises(ConfigError, match="no such file"):
        load_kubeconfig(str(tmp_path / "absent"))


def test_without_any_file_a_pod_uses_its_service_account(tmp_path: Path, monkeypatch):
    (tmp_path / "token").write_text("t")
    (tmp_path / "namespace").write_text("team\n")
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.96.0.1")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", "443")
    config = in_cluster(str(tmp_path))
    assert (config.server, config.token_file, config.namespace) == (
        "https://10.96.0.1:443",
        str(tmp_path / "token"),
        "team",
    )


def test_nothing_at_all_is_said_as_kubectl_says_it(tmp_path: Path, monkeypatch):
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "absent"))
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    with pytest.raises(ConfigError, match="no configuration has been provided"):
        default_config()


async def test_an_exec_plugin_gives_the_token(tmp_path: Path):
    plugin = tmp_path / "plugin"
    plugin.write_text(
        '#!/bin/sh\necho \'{"kind":"ExecCredential","apiVersion":"client.authentication.k8s.io/v1",'
        '"status":{"token":"\'"$NAME-$1"\'"}}\'\n'
    )
    plugin.chmod(plugin.stat().st_mode | stat.S_IXUSR)
    user = f"exec: {{command: {plugin}, args: [x], env: [{{name: NAME, value: n}}], apiVersion: client.authentication.k8s.io/v1}}"
    config = tmp_path / "config"
    config.write_text(
        f"current-context: a\ncontexts: [{{name: a, context: {{cluster: c, user: u}}}}]\n"
        f"clusters: [{{name: c, cluster: {{server: 'https://x'}}}}]\nusers: [{{name: u, user: {{{user}}}}}]\n"
    )
    assert await Credentials(load_kubeconfig(str(config))).headers() == b"Authorization: Bearer n-x\r\n"


async def test_a_missing_exec_plugin_is_named(tmp_path: Path):
    from kubelite.client.config import ExecPlugin

    config = ClientConfig(server="https://x", exec=ExecPlugin(command=str(tmp_path / "absent"), install_hint="get it"))
    with pytest.raises(ConfigError, match=r"absent not found\n\nget it"):
        await Credentials(config).headers()
