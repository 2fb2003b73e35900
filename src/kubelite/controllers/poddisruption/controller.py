"""Keeps the status of each PodDisruptionBudget, from which evictions are allowed or refused.

What: the wiring of `plan`. Flow: changes of budgets, pods and their controllers → key → pods and sizes → status. Objects of other
kinds are asked for their scale when a budget needs it; a change of theirs is seen with the next change of a pod. A second loop
takes back marks of disruptions that did not come (`marks`).
"""

from __future__ import annotations

import asyncio
import copy
from collections.abc import Sequence
from typing import Any

from kubelite.api.policy.disruption_budget import POD_DISRUPTION_BUDGET
from kubelite.api.types.meta_v1 import OwnerReference
from kubelite.api.types.policy_v1 import PodDisruptionBudget
from kubelite.client.controller import Controller, Result
from kubelite.client.informer import Change, object_key
from kubelite.controllers import objects
from kubelite.controllers.context import Context
from kubelite.controllers.kinds import DEPLOYMENT, POD, REPLICA_SET, REPLICATION_CONTROLLER, STATEFUL_SET
from kubelite.controllers.poddisruption.marks import StaleMarks
from kubelite.controllers.poddisruption.plan import Observed, Outcome, Size, counts_by_size, outcome
from kubelite.controllers.podindex import BY_NAMESPACE, pods_informer
from kubelite.controllers.scale import NoSuchKind, Scales
from kubelite.machinery import labels
from kubelite.machinery.errors import StatusError
from kubelite.machinery.meta import controller_of

NAME = "disruption-controller"
_SIZED = (REPLICA_SET, REPLICATION_CONTROLLER, STATEFUL_SET, DEPLOYMENT)


class DisruptionController:
    """See the module."""

    def __init__(self, context: Context) -> None:
        self._client = context.client
        self._clock = context.clock
        self._budgets = context.informers.get(POD_DISRUPTION_BUDGET)
        if BY_NAMESPACE not in self._budgets.indexes:
            self._budgets.add_indexers({BY_NAMESPACE: lambda budget: (budget.metadata.namespace,)})
        self._pods = pods_informer(context)
        self._owners = {kind.kind: context.informers.get(kind) for kind in _SIZED}
        self._scales = Scales(context.client, context.clock.monotonic)
        self._recorder = context.recorder("controllermanager")
        self._marks = StaleMarks(context)
        self.loop = Controller(NAME, self.reconcile, workers=2, observe=context.observe)
        self.loop.watch(self._budgets)
        self.loop.watch(self._pods, self._keys_of_pod)
        for informer in self._owners.values():
            self.loop.watch(informer, self._keys_of_owner)

    async def run(self) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(self.loop.run(self._budgets, self._pods, *self._owners.values()))
            group.create_task(self._marks.run())

    async def reconcile(self, key: str) -> Result | None:
        """The status of one budget."""
        budget: PodDisruptionBudget | None = self._budgets.get(key)
        if budget is None:
            return None
        pods = [pod for pod in self._pods.by_index(BY_NAMESPACE, budget.metadata.namespace) if _selects(budget, pod)]
        sizes = await self._sizes(pods) if counts_by_size(budget) else {}
        found = outcome(Observed(budget, pods, sizes, self._clock.now()))
        self._tell(budget, found, empty=not pods)
        for pod in pods:
            if pod.metadata.name in found.overdue:
                message = f"Pod was expected by PDB {key} to be deleted but it wasn't"
                self._recorder.event(POD, pod, "Warning", "NotDeleted", message)
        if found.status != budget.status:
            await self._write(budget, found)
        return Result(found.recheck) if found.recheck else None

    async def _sizes(self, pods: Sequence[objects.Pod]) -> dict[str, Size | str]:
        """The size behind each pod's controller, by the controller's uid."""
        found: dict[str, Size | str] = {}
        for pod in pods:
            controller = controller_of(pod)
            if controller is not None and controller.uid not in found:
                found[controller.uid] = await self._size_of(pod.metadata.namespace, controller)
        return found

    async def _size_of(self, namespace: str, controller: OwnerReference) -> Size | str:
        """How many pods a controller, or the Deployment behind it, wants; of other kinds the server knows."""
        if controller.apiVersion.partition("/")[0] not in ("apps", "v1") or controller.kind not in self._owners:
            return await self._scale_of(namespace, controller)
        owner = self._owner(namespace, controller)
        above = controller_of(owner) if owner is not None else None
        if above is not None and above.kind == DEPLOYMENT.kind:
            owner = self._owner(namespace, above)
        if owner is None:
            return ""
        return Size(owner.metadata.uid, 1 if owner.spec.replicas is None else owner.spec.replicas)

    async def _scale_of(self, namespace: str, controller: OwnerReference) -> Size | str:
        """The size of any object with a scale. Source: getScaleController."""
        try:
            resource = await self._scales.resource(controller.apiVersion, controller.kind)
            if not resource.scalable:
                name = f"{resource.plural}.{resource.group}" if resource.group else resource.plural
                return f"{name} does not implement the scale subresource"
            scale, _ = await self._scales.get(controller.apiVersion, controller.kind, namespace, controller.name)
        except NoSuchKind as error:
            return str(error)
        except StatusError as error:
            return "" if error.code == 404 else error.message
        if scale.metadata.uid != controller.uid:
            return ""
        return Size(controller.uid, scale.spec.replicas or 0)

    def _owner(self, namespace: str, reference: Any) -> Any | None:
        informer = self._owners.get(reference.kind)
        found = informer.get(f"{namespace}/{reference.name}") if informer is not None else None
        return found if found is not None and found.metadata.uid == reference.uid else None

    def _tell(self, budget: PodDisruptionBudget, found: Outcome, *, empty: bool) -> None:
        def event(type_: str, reason: str, message: str) -> None:
            self._recorder.event(POD_DISRUPTION_BUDGET, budget, type_, reason, message)

        if empty:
            event("Normal", "NoPods", "No matching pods found")
        if found.failure:
            message = f"Failed to calculate the number of expected pods: {found.failure}"
            event("Warning", "CalculateExpectedPodCountFailed", message)
        if found.unmanaged:
            text = (
                f"Pods selected by this PodDisruptionBudget (selector: {_selector(budget)}) were found to be unmanaged. "
                "As a result, the status of the PDB cannot be calculated correctly, which may result in undefined "
                'behavior. To account for these pods please set ".spec.minAvailable" field of the PDB to an integer value.'
            )
            event("Warning", "UnmanagedPods", text)

    async def _write(self, budget: PodDisruptionBudget, found: Outcome) -> None:
        changed = copy.copy(budget)
        changed.status = found.status
        try:
            await self._client.update(POD_DISRUPTION_BUDGET, changed, subresource="status")
        except StatusError as error:
            if error.code != 404:
                raise

    def _keys_of_pod(self, change: Change[objects.Pod]) -> list[str]:
        pods = [pod for pod in change if pod is not None]
        budgets = self._budgets.by_index(BY_NAMESPACE, change.object.metadata.namespace)
        return [object_key(budget) for budget in budgets if any(_selects(budget, pod) for pod in pods)]

    def _keys_of_owner(self, change: Change[Any]) -> list[str]:
        """The budgets of the namespace, if the size has changed."""
        old, new = change
        if old is not None and new is not None and old.spec.replicas == new.spec.replicas:
            return []
        budgets = self._budgets.by_index(BY_NAMESPACE, change.object.metadata.namespace)
        return [object_key(budget) for budget in budgets]


def _selector(budget: PodDisruptionBudget) -> labels.Selector:
    return labels.from_label_selector(budget.spec.selector)


def _selects(budget: PodDisruptionBudget, pod: objects.Pod) -> bool:
    return budget.spec.selector is not None and _selector(budget).matches(pod.metadata.labels)
