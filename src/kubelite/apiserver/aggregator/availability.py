"""Whether an extension API server can be used: its service, its endpoints, and an answer from itself.

What: `judge` looks at service and endpoints, without I/O; `check` also asks the server for its discovery document. Why: a
client of a dead extension server gets 503 at once instead of a timeout, and the condition says what is missing.
Flow: `remote` asks after each change of one of these and now and then; the answer becomes the condition Available.
Source: kube-aggregator/pkg/controllers/status/remote/remote_available_controller.go.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import NamedTuple

from kubelite.api.types.apiregistration_v1 import APIServiceSpec
from kubelite.api.types.core_v1 import Service
from kubelite.api.types.discovery_v1 import EndpointSlice
from kubelite.apiserver.aggregator.backend import Backend, Unreachable
from kubelite.apiserver.aggregator.declared import PASSED, Availability

ATTEMPTS = 5
"""Questions at a time: one good answer is enough, and they may go to different endpoints."""
ANSWER_SECONDS = 6.0
SERVICE_LABEL = "kubernetes.io/service-name"


class Verdict(NamedTuple):
    """The condition, and the discovery document that came with it."""

    availability: Availability
    document: bytes = b""


def judge(spec: APIServiceSpec, service: Service | None, slices: Iterable[EndpointSlice]) -> Availability | None:
    """What is wrong with service or endpoints; None if nothing is."""
    wanted = spec.service
    assert wanted is not None
    what = f'service/{wanted.name} in "{wanted.namespace}"'
    if service is None:
        return Availability("False", "ServiceNotFound", f"{what} is not present")
    if service.spec.type not in ("", "ClusterIP"):
        return None
    number = wanted.port or 443
    port = next((one for one in service.spec.ports if one.port == number), None)
    if port is None:
        return Availability("False", "ServicePortError", f"{what} is not listening on port {number}")
    own = [one for one in slices if one.metadata.labels.get(SERVICE_LABEL) == wanted.name]
    if not own:
        return Availability("False", "EndpointsNotFound", f"cannot find endpointslices for {what}")
    name = port.name or ""
    if not any(_serves(one, name) for one in own):
        text = f'endpoints for {what} have no addresses with port name "{name}"'
        return Availability("False", "MissingEndpoints", text)
    return None


def _serves(one: EndpointSlice, port_name: str) -> bool:
    if not any((port.name or "") == port_name for port in one.ports):
        return False
    return any(
        endpoint.addresses and (endpoint.conditions is None or endpoint.conditions.ready is not False)
        for endpoint in one.endpoints or ()
    )


def discovery_path(spec: APIServiceSpec) -> str:
    """A path that the server must serve."""
    return f"/apis/{spec.group}/{spec.version}" if spec.group else f"/api/{spec.version}"


async def check(spec: APIServiceSpec, backend: Backend) -> Verdict:
    """Asks the server itself, several times at once; the first good answer counts."""
    tasks = [asyncio.ensure_future(_ask(spec, backend)) for _ in range(ATTEMPTS)]
    why = ""
    try:
        for done in asyncio.as_completed(tasks):
            document, why = await done
            if not why:
                return Verdict(PASSED, document)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    return Verdict(Availability("False", "FailedDiscoveryCheck", why))


async def _ask(spec: APIServiceSpec, backend: Backend) -> tuple[bytes, str]:
    """(document, what is wrong or "")."""
    path = discovery_path(spec)
    url = f"https://{backend.name}:{backend.port}{path}"
    try:
        place = backend.place()
        host = f"[{place[0]}]" if ":" in place[0] else place[0]
        url = f"https://{host}:{place[1]}{path}"
        async with asyncio.timeout(ANSWER_SECONDS):
            answer = await backend.ask(path, "application/json", ANSWER_SECONDS)
    except TimeoutError:
        return b"", f"timed out waiting for {url}"
    except Unreachable as error:
        return b"", f'failing or missing response from {url}: Get "{url}": {error}'
    if not 200 <= answer.status < 300:
        return b"", f"failing or missing response from {url}: bad status from {url}: {answer.status}"
    return answer.body, ""
