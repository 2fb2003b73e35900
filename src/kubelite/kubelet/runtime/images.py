"""Makes sure that a container's image is on the node, by its pull policy and with back-off.

What: `Images.ensure(pod, container, ...)` returns the image's id and description, or raises SyncError with the reason that
`kubectl get pods` shows. Pulls in progress are bounded; waiting ones queue. The back-off of an image grows from 10 s to 5 min.
Upstream: pkg/kubelet/images/image_manager.go, pkg/credentialprovider (docker config secrets).
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import msgspec

from kubelite.api.types.core_v1 import Pod
from kubelite.kubelet.cri import Cri, CriError
from kubelite.kubelet.imageref import normalize
from kubelite.kubelet.interfaces import AnyContainer, SyncError
from kubelite.rpc import cri_v1_pb2 as pb

INITIAL_WAIT = 10.0
LONGEST_WAIT = 300.0

Tell = Callable[[str, str, str], None]
"""(type, reason, message): an event about the container."""

Secrets = Callable[[Pod], Awaitable[list[dict[str, Any]]]]
"""The docker configurations (`auths` maps) of the pod's imagePullSecrets."""


@dataclass(slots=True)
class _Failure:
    wait: float
    failed_at: float
    message: str


@dataclass(frozen=True, slots=True)
class PresentImage:
    id: str
    image: Any
    """The CRI `Image`."""


class Images:
    """One per kubelet. `_failures` is bounded: entries older than twice the longest wait are dropped."""

    def __init__(self, cri: Cri, secrets: Secrets, *, parallel: int) -> None:
        self._cri = cri
        self._secrets = secrets
        self._slots = asyncio.Semaphore(max(1, parallel))
        self._failures: dict[tuple[str, str], _Failure] = {}

    async def ensure(self, pod: Pod, container: AnyContainer, sandbox_config: Any, tell: Tell) -> PresentImage:
        """The image, pulled if its policy wants that."""
        reference = normalize(container.image)
        if not reference:
            text = f'Failed to apply default image tag "{container.image}": couldn\'t parse image name "{container.image}": invalid reference format'  # noqa: E501
            tell("Warning", "InspectFailed", text)
            raise SyncError("InvalidImageName", text)
        policy = container.imagePullPolicy or "IfNotPresent"
        present = await self._cri.image_status(reference)
        if present is not None and policy != "Always":
            text = f'Container image "{container.image}" already present on machine and can be accessed by the pod'
            tell("Normal", "Pulled", text)
            return PresentImage(present.id, present)
        if policy == "Never":
            text = f'Container image "{container.image}" is not present with pull policy of Never'
            tell("Warning", "ErrImageNeverPull", text)
            raise SyncError("ErrImageNeverPull", text)
        return await self._pull(pod, container.image, reference, sandbox_config, tell)

    async def _pull(self, pod: Pod, image: str, reference: str, sandbox_config: Any, tell: Tell) -> PresentImage:
        key = (pod.metadata.uid, reference)
        failure = self._failures.get(key)
        if failure is not None and time.monotonic() < failure.failed_at + failure.wait:
            text = f'Back-off pulling image "{image}": ErrImagePull: {failure.message}'
            tell("Normal", "BackOff", f'Back-off pulling image "{image}"')
            raise SyncError("ImagePullBackOff", text)
        tell("Normal", "Pulling", f'Pulling image "{image}"')
        started = time.monotonic()
        async with self._slots:
            pulling = time.monotonic()
            try:
                await self._pull_with_secrets(pod, reference, sandbox_config)
                present = await self._cri.image_status(reference)
            except CriError as error:
                self._note_failure(key, error.text)
                tell("Warning", "Failed", f'Failed to pull image "{image}": {error.text}')
                raise SyncError("ErrImagePull", error.text) from error
        self._failures.pop(key, None)
        if present is None:
            raise SyncError("ErrImagePull", f'image "{image}" is gone right after its pull')
        now = time.monotonic()
        tell(
            "Normal",
            "Pulled",
            f'Successfully pulled image "{image}" in {_duration(now - pulling)} ({_duration(now - started)} including '
            f"waiting). Image size: {present.size} bytes.",
        )
        return PresentImage(present.id, present)

    def _note_failure(self, key: tuple[str, str], message: str) -> None:
        now = time.monotonic()
        self._failures = {k: f for k, f in self._failures.items() if now - f.failed_at < 2 * LONGEST_WAIT}
        before = self._failures.get(key)
        wait = min(LONGEST_WAIT, before.wait * 2) if before else INITIAL_WAIT
        self._failures[key] = _Failure(wait, now, message)

    def next_try(self, pod: Pod, container: AnyContainer) -> float:
        """Seconds until a failed pull may be tried again."""
        failure = self._failures.get((pod.metadata.uid, normalize(container.image)))
        return max(0.0, failure.failed_at + failure.wait - time.monotonic()) if failure else 0.0

    async def _pull_with_secrets(self, pod: Pod, reference: str, sandbox_config: Any) -> None:
        """Tries each credential that matches the registry, then none."""
        credentials = _credentials(await self._secrets(pod), reference) if pod.spec.imagePullSecrets else []
        first: CriError | None = None
        for auth in (*credentials, None):
            try:
                await self._cri.pull_image(reference, auth, sandbox_config)
            except CriError as error:
                first = first or error
            else:
                return
        if first is not None:
            raise first


def _duration(seconds: float) -> str:
    """As Go prints durations of this size, rounded to milliseconds."""
    if seconds < 1:
        return f"{round(seconds * 1000)}ms"
    if seconds < 60:
        return f"{round(seconds, 3):g}s"
    return f"{int(seconds // 60)}m{round(seconds % 60, 3):g}s"


def decode_docker_config(data: bytes, legacy: bool) -> dict[str, Any]:
    """The registry → credential map of a `.dockerconfigjson` or (legacy) `.dockercfg`; {} when malformed."""
    try:
        value = msgspec.json.decode(data)
    except msgspec.DecodeError:
        return {}
    auths = value if legacy else value.get("auths", {}) if isinstance(value, dict) else {}
    return auths if isinstance(auths, dict) else {}


def _credentials(configs: list[dict[str, Any]], reference: str) -> list[Any]:
    found = []
    for auths in configs:
        for server, entry in auths.items():
            if isinstance(entry, dict) and _serves(str(server), reference):
                found.append(_auth_config(str(server), entry))
    return found


def _serves(server: str, reference: str) -> bool:
    host = server.removeprefix("https://").removeprefix("http://").rstrip("/")
    for suffix in ("/v1", "/v2"):
        host = host.removesuffix(suffix)
    if host in ("index.docker.io", "registry-1.docker.io"):
        host = "docker.io"
    return reference == host or reference.startswith(host + "/")


def _auth_config(server: str, entry: dict[str, Any]) -> Any:
    user, password = str(entry.get("username", "")), str(entry.get("password", ""))
    if not user and entry.get("auth"):
        try:
            user, _, password = base64.b64decode(str(entry["auth"])).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            user = password = ""
    return pb.AuthConfig(username=user, password=password, server_address=server)
