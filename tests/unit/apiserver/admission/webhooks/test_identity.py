"""As whom the server speaks to which webhook."""

from __future__ import annotations

import json
import pathlib
from typing import Any

import pytest

from kubelite.apiserver.admission.webhooks.identity import Identities, of_settings

SETTINGS = {"apiVersion": "apiserver.config.k8s.io/v1", "kind": "WebhookAdmissionConfiguration"}
NAMES = (
    "hook.ns.svc",
    "other.ns.svc:8443",
    "webhook.example.com",
    "*.example.com",
    "*.deep.example.com:8443",
    "*.example.org",
)


def kubeconfig(path: pathlib.Path, users: dict[str, dict[str, Any]], current: str = "") -> str:
    document: dict[str, Any] = {"users": [{"name": name, "user": user} for name, user in users.items()]}
    if current:
        document |= {"current-context": "c", "contexts": [{"name": "c", "context": {"user": current}}]}
    (path / "hooks").write_text(json.dumps(document))
    return str(path / "hooks")


@pytest.mark.parametrize(
    ("host", "port", "user"),
    [
        ("hook.ns.svc", 443, "hook.ns.svc"),
        ("hook.ns.svc", 8443, ""),
        ("other.ns.svc", 8443, "other.ns.svc:8443"),
        ("other.ns.svc", 443, ""),
        ("webhook.example.com", 443, "webhook.example.com"),
        ("another.example.com", 443, "*.example.com"),
        ("a.b.example.com", 443, "*.example.com"),
        ("a.deep.example.com", 8443, "*.deep.example.com:8443"),
        ("example.com", 443, ""),
        ("a.example.org", 443, "*.example.org"),
        ("10.0.0.1", 443, ""),
    ],
)
def test_the_name_that_fits_best_is_taken(tmp_path: pathlib.Path, host: str, port: int, user: str) -> None:
    identities = Identities(kubeconfig(tmp_path, {name: {"token": name} for name in NAMES}))
    assert identities.name_of(host, port) == user


def test_whoever_has_no_name_of_his_own_meets_the_star_or_the_current_user(tmp_path: pathlib.Path) -> None:
    users = {"me": {"token": "m"}, "hook.ns.svc": {"token": "h"}}
    assert Identities(kubeconfig(tmp_path, users, "me")).name_of("other.ns.svc", 443) == "me"
    assert Identities(kubeconfig(tmp_path, {**users, "*": {"token": "s"}}, "me")).name_of("other.ns.svc", 443) == "*"
    assert Identities(kubeconfig(tmp_path, users)).name_of("other.ns.svc", 443) == ""
    assert Identities().name_of("hook.ns.svc", 443) == ""


def test_a_user_brings_his_token_and_certificate_and_no_server(tmp_path: pathlib.Path) -> None:
    user = {"token": "t", "client-certificate": "c.crt", "client-key": "c.key"}
    made = Identities(kubeconfig(tmp_path, {"*": user})).config("*", "https://10.0.0.1:8443", b"CA", "hook.ns.svc")
    assert (made.server, made.ca_data, made.tls_server_name) == ("https://10.0.0.1:8443", b"CA", "hook.ns.svc")
    assert (made.token, made.cert_file, made.key_file) == ("t", str(tmp_path / "c.crt"), str(tmp_path / "c.key"))
    nobody = Identities().config("", "https://10.0.0.1:8443", b"CA", "hook.ns.svc")
    assert (nobody.token, nobody.cert_file, nobody.server) == ("", "", "https://10.0.0.1:8443")


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({**SETTINGS, "kubeConfigFile": "hooks"}, "must be an absolute file path"),
        ({**SETTINGS, "kubeConfigFile": "/does/not/exist"}, "no such file"),
        ({**SETTINGS, "kind": "Webhook"}, "want kind WebhookAdmissionConfiguration"),
        ({"kubeConfigFile": "/tmp/x"}, "want kind WebhookAdmissionConfiguration"),
        ({**SETTINGS, "other": 1}, "unknown field 'other'"),
    ],
)
def test_settings_that_cannot_be_used_are_refused(settings: dict[str, Any], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        of_settings(settings, "ValidatingAdmissionWebhook")


def test_users_that_need_a_program_are_refused(tmp_path: pathlib.Path) -> None:
    path = kubeconfig(tmp_path, {"*": {"exec": {"command": "/bin/true"}}})
    with pytest.raises(ValueError, match="exec plugins"):
        of_settings({**SETTINGS, "kubeConfigFile": path}, "MutatingAdmissionWebhook")
    assert of_settings({}, "MutatingAdmissionWebhook").name_of("a", 443) == ""
