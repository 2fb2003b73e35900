"""What the cloud controller manager asks of a place where machines stand.

What: `Provider` with its three parts, each None where the place has none. Why: controllers are the same everywhere; only the
provider knows how an address, an instance or a route is made. Flow: `server` makes the provider that `--cloud-provider` names and
hands its parts to the controllers. Source: k8s.io/cloud-provider/cloud.go.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Protocol

from kubelite.api.types.core_v1 import LoadBalancerIngress, NodeAddress, Service
from kubelite.controllers.context import Component
from kubelite.controllers.objects import Node


class ProviderError(Exception):
    """What was asked for cannot be had now; the text tells people why."""


class LoadBalancers(Protocol):
    """Makes Services reachable from outside."""

    async def ensure(self, service: Service, nodes: Sequence[Node]) -> list[LoadBalancerIngress]:
        """The addresses of the Service's load balancer, made if there is none. Raises ProviderError."""

    async def update(self, service: Service, nodes: Sequence[Node]) -> None:
        """The Service's load balancer leads to these nodes from now on. Raises ProviderError."""

    async def delete(self, service: Service) -> None:
        """The Service needs no load balancer any more; called again for one that is gone already."""


@dataclass(frozen=True, slots=True)
class Instance:
    """What the place knows of a node's machine; empty texts where it knows nothing."""

    provider_id: str
    addresses: tuple[NodeAddress, ...] = ()
    zone: str = ""
    region: str = ""
    type: str = ""


class Instances(Protocol):
    """The machines behind the nodes."""

    async def metadata(self, node: Node) -> Instance | None:
        """The machine of a node, None if it does not exist."""


class MachineState(Enum):
    """What a provider says of a machine."""

    PRESENT = "present"
    SHUT_DOWN = "shut down"
    GONE = "gone"


class Machines(Protocol):
    """Whether the machines behind the nodes are there. Only providers that know it for certain have this part."""

    async def state(self, node: Node) -> MachineState:
        """Of a node's machine. Raises ProviderError where that is not known now."""


@dataclass(frozen=True, slots=True)
class Route:
    """A way to the pods `target` of a node. `node` is empty for a way to nobody known; a `blackhole` leads nowhere."""

    node: str
    target: str
    addresses: tuple[NodeAddress, ...] = ()
    blackhole: bool = False


class Routes(Protocol):
    """The ways between the nodes' pods."""

    async def list(self) -> list[Route]:
        """The routes that are there, and are the provider's. Raises ProviderError."""

    async def create(self, hint: str, route: Route) -> None:
        """Make a route; `hint`, the node's UID, may serve for its name. Raises ProviderError."""

    async def delete(self, route: Route) -> None:
        """Remove a route that `list` has shown; called again for one that is gone already. Raises ProviderError."""


@dataclass(frozen=True, slots=True)
class Provider:
    """`extra` are the provider's own controllers."""

    name: str
    load_balancers: LoadBalancers | None = None
    instances: Instances | None = None
    machines: Machines | None = None
    routes: Routes | None = None
    extra: dict[str, Component] = field(default_factory=dict)
