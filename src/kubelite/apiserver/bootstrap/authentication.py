"""The ConfigMap with which extension API servers check whom this server lets in.

What: `config_map` with the authorities of clients and of authenticating proxies and the proxies' headers; `merge` for
a present one.
Why: an extension server must trust the same clients, and believe this server's headers. Flow: `bootstrap.ensure`
writes it at start; authorities that another server put there stay, so that servers may be renewed one by one.
Source: pkg/controlplane/controller/clusterauthenticationtrust/cluster_authentication_trust_controller.go.
"""

from __future__ import annotations

import json
import pathlib

from kubelite.api.types.core_v1 import ConfigMap
from kubelite.api.types.meta_v1 import ObjectMeta
from kubelite.apiserver.authn.authorities import BEGIN, END
from kubelite.apiserver.config import Config

NAME, NAMESPACE = "extension-apiserver-authentication", "kube-system"
AUTHORITIES = ("client-ca-file", "requestheader-client-ca-file")


def config_map(config: Config) -> ConfigMap:
    """The object. Raises OSError for files that cannot be read."""
    data: dict[str, str] = {}
    if config.client_ca_file:
        data["client-ca-file"] = pathlib.Path(config.client_ca_file).read_text()
    if config.requestheader_client_ca_file:
        data["requestheader-client-ca-file"] = pathlib.Path(config.requestheader_client_ca_file).read_text()
        for name, values in (
            ("requestheader-allowed-names", config.requestheader_allowed_names),
            ("requestheader-username-headers", config.requestheader_username_headers),
            ("requestheader-uid-headers", config.requestheader_uid_headers),
            ("requestheader-group-headers", config.requestheader_group_headers),
            ("requestheader-extra-headers-prefix", config.requestheader_extra_headers_prefix),
        ):
            data[name] = json.dumps(list(values))
    return ConfigMap(metadata=ObjectMeta(name=NAME, namespace=NAMESPACE), data=data)


def merge(wanted: ConfigMap, found: ConfigMap) -> bool:
    """Brings the present object up to date; whether that changed it."""
    before = dict(found.data)
    for name, text in wanted.data.items():
        found.data[name] = together(found.data.get(name, ""), text) if name in AUTHORITIES else text
    return found.data != before


def together(first: str, second: str) -> str:
    """The certificates of both PEM texts, each once."""
    blocks = [f"{BEGIN}{part.partition(END)[0]}{END}" for text in (first, second) for part in text.split(BEGIN)[1:]]
    return "".join(f"{block}\n" for block in dict.fromkeys(blocks))
