"""What of the cluster a mount needs beside pod and volume: the CSIDriver, secrets, tokens.

What: `Objects`. Why: each is asked for when a volume is mounted, and never watched: a node without CSI volumes pays nothing.
Raises ValueError with upstream's text, StatusError, ConnectionFailed. Source: pkg/volume/csi/csi_util.go, csi_mounter.go.
"""

from __future__ import annotations

import base64

from kubelite.api.types.core_v1 import Pod, Secret, SecretReference
from kubelite.api.types.storage_v1 import CSIDriver
from kubelite.client.client import Client
from kubelite.kubelet.kinds import CSI_DRIVER, SECRET
from kubelite.kubelet.volumes.csi.volume import tokens_attribute
from kubelite.kubelet.volumes.tokens import TokenCache
from kubelite.machinery.errors import StatusError


class Objects:
    """See the module."""

    def __init__(self, client: Client, tokens: TokenCache) -> None:
        self.client = client
        self._tokens = tokens

    async def driver(self, name: str) -> CSIDriver | None:
        """What the cluster says of the driver; None where it says nothing."""
        try:
            found: CSIDriver = await self.client.get(CSI_DRIVER, name)
        except StatusError as error:
            if error.code == 404:
                return None
            raise
        return found

    async def secret(self, reference: SecretReference | None, field: str) -> dict[str, str]:
        """The contents of a secret that a volume names in `field`; nothing where it names none."""
        if reference is None:
            return {}
        name, space = reference.name, reference.namespace
        try:
            found: Secret = await self.client.get(SECRET, name, space)
            return {key: base64.b64decode(value).decode() for key, value in found.data.items()}
        except StatusError as error:
            why = f"failed to find the secret {name} in the namespace {space} with error: {error.message}"
            raise ValueError(f"fetching {field} {space}/{name} failed: {why}") from error
        except UnicodeDecodeError as error:
            raise ValueError(f"fetching {field} {space}/{name} failed: {error}") from error

    async def tokens(self, pod: Pod, driver: CSIDriver | None) -> dict[str, str]:
        """The attribute with a token of the pod for each audience that the driver asks for."""
        found = []
        for request in driver.spec.tokenRequests if driver is not None else ():
            token = await self._tokens.find(pod, request.audience, request.expirationSeconds)
            found.append((request.audience, token.text, token.expires))
        return tokens_attribute(found)

    def tokens_due(self, pod_uid: str) -> bool:
        """Whether a token of the pod should be renewed."""
        return self._tokens.due(pod_uid)
