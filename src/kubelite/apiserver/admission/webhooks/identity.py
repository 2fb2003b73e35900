"""As whom the server speaks to webhooks: the users of a kubeconfig file, found by the webhook's name and port.

What: `Identities.name_of(host, port)` finds the user. Why: a webhook may want to know that it is the API server that asks. Flow:
the plugin's settings name the file → users called `name.namespace.svc`, `host:port`, `*.example.com` or `*` → the user of the
current context → nobody. Source: apiserver/pkg/util/webhook/authentication.go.
"""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from kubelite.apiserver.admission.settings import only

if TYPE_CHECKING:
    from kubelite.client.config import ClientConfig

VERSIONS = ("apiserver.config.k8s.io/v1", "apiserver.config.k8s.io/v1alpha1")
KIND = "WebhookAdmissionConfiguration"
HTTPS = 443


def of_settings(configuration: dict[str, Any], plugin: str) -> Identities:
    """What the settings of a webhook plugin say. Raises ValueError for settings that cannot be used."""
    path = only(configuration, ("kubeConfigFile",), plugin).get("kubeConfigFile") or ""
    if configuration and (configuration.get("kind") != KIND or configuration.get("apiVersion") not in VERSIONS):
        raise ValueError(f"configuration of {plugin}: want kind {KIND} of {VERSIONS[0]}")
    if path and not os.path.isabs(path):
        raise ValueError(f"configuration of {plugin}: kubeConfigFile must be an absolute file path: {path!r}")
    return Identities(path)


class Identities:
    """The users of the file at `path`; "" for none. Raises ValueError for a file that cannot be used."""

    def __init__(self, path: str = "") -> None:
        self._users: dict[str, ClientConfig] = {}
        self._default = ""
        if not path:
            return
        from kubelite.client.config import load_identities
        from kubelite.client.errors import ConfigError

        try:
            self._users, current = load_identities(path)
        except ConfigError as error:
            raise ValueError(str(error)) from error
        for name, user in self._users.items():
            if user.exec is not None or user.impersonate_user:
                raise ValueError(f"{path}: user {name!r}: webhooks are not told of exec plugins and impersonation")
        self._default = "*" if "*" in self._users else current

    def name_of(self, host: str, port: int) -> str:
        """Which user speaks to a webhook; "" for nobody."""
        if not self._users:
            return ""
        parts = f"{host}:{port}".split(".")
        wanted = [f"{host}:{port}", *([host] if port == HTTPS else [])]
        for start in range(1, len(parts)):
            suffix = ".".join(parts[start:])
            wanted += [f"*.{suffix}", *([f"*.{suffix.removesuffix(f':{port}')}"] if port == HTTPS else [])]
        return next((name for name in (*wanted, self._default) if name in self._users), "")

    def config(self, name: str, server: str, authority: bytes, tls_name: str) -> ClientConfig:
        """The settings of connections to a webhook as that user."""
        from kubelite.client.config import ClientConfig

        user = self._users.get(name) or ClientConfig(server=server)
        return replace(user, server=server, ca_data=authority, tls_server_name=tls_name)
