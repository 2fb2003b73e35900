"""ResourceQuota: nothing is written that the quotas of its namespace do not allow.

What: reserves the usage of a request in the status of each quota that counts it, then lets it pass. Why: two requests, or
two servers, must never both get the last free place. Flow: quotas of the namespace (followed, so that a namespace without
quotas costs a look into a dictionary) → `api.logic.quota.check` on what the cache has → one update of each quota for all
requests that wait, checked again on the state that is replaced (compare-and-swap). What a write that fails after this has
reserved is given back by the quota controller. A dry run is checked and reserves nothing.

Last in the chain, so that nothing is reserved for what another plugin refuses.
Source: apiserver/pkg/admission/plugin/resourcequota.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from kubelite.api.core.resource_quota import RESOURCE_QUOTA
from kubelite.api.logic.quota import check
from kubelite.api.logic.quota.evaluators import DEVICE_CLAIMS, NEVER, Evaluator, evaluator, of_devices
from kubelite.api.resource.device_class import DEVICE_CLASS
from kubelite.api.types.core_v1 import ResourceQuota, ScopedResourceSelectorRequirement
from kubelite.api.types.resource_v1 import DeviceClass
from kubelite.apiserver.admission.plugin import CREATE, UPDATE, Plugin, denied
from kubelite.apiserver.admission.settings import only
from kubelite.apiserver.request import AdmissionRequest
from kubelite.machinery.errors import StatusError
from kubelite.machinery.kind import Kind

FIELDS = ("apiGroup", "resource", "matchContains", "matchScopes")


@dataclass(slots=True)
class _Waiter:
    """A request that waits for its reservation."""

    charge: check.Charge
    done: asyncio.Future[None]


class QuotaAdmission(Plugin):
    """The plugin of one server."""

    name = "ResourceQuota"

    def __init__(self, registry: Any, configuration: Mapping[str, Any] | None = None) -> None:
        self._registry = registry
        self._limited = _limited(configuration or {})
        self._quotas: dict[str, dict[str, ResourceQuota]] = {}
        self._waiting: dict[str, list[_Waiter]] = {}
        self._working: dict[str, asyncio.Task[None]] = {}
        if registry.scheme.by_kind(RESOURCE_QUOTA.api_version, RESOURCE_QUOTA.kind) is not None:
            registry.subscribe(RESOURCE_QUOTA, self._quota_changed)
        self._names: dict[str, str] = {}
        self._of_devices = of_devices(self._names)
        if registry.scheme.by_kind(DEVICE_CLASS.api_version, DEVICE_CLASS.kind) is not None:
            registry.subscribe(DEVICE_CLASS, self._class_changed)

    def handles(self, operation: str, kind: Kind, subresource: str) -> bool:
        if not kind.namespaced or operation not in (CREATE, UPDATE) or (kind.group, kind.plural) in NEVER:
            return False
        return (operation, subresource) in evaluator(kind.group, kind.plural).writes

    def validate(self, request: AdmissionRequest) -> Any:
        """None, or an awaitable, for what no quota is about."""
        quotas = self._quotas.get(request.namespace)
        if quotas is None and not self._limited:
            return None
        kind = request.kind
        devices = (kind.group, kind.plural) == DEVICE_CLAIMS
        by = self._of_devices if devices else evaluator(kind.group, kind.plural)
        limited = [one for one in self._limited if (one.group, one.plural) == (kind.group, kind.plural)]
        if not limited and not _any_concerns(quotas, by):
            return None
        try:
            charge = check.charge(by, request.object, request.old, self._registry.now(), limited)
            wanted = check.check((quotas or {}).values(), charge)
        except check.Refused as refused:
            raise denied(request, str(refused)) from None
        if not wanted or request.dry_run:
            return None
        return self._reserve(request, charge)

    def _quota_changed(self, key: str, old: bytes | None, new: bytes | None) -> None:
        namespace, _, name = key.rpartition("/")
        if new is not None:
            self._quotas.setdefault(namespace, {})[name] = msgspec.json.decode(new, type=ResourceQuota)
            return
        quotas = self._quotas.get(namespace, {})
        quotas.pop(name, None)
        if not quotas:
            self._quotas.pop(namespace, None)

    def _class_changed(self, key: str, old: bytes | None, new: bytes | None) -> None:
        """A class of devices may have a name among the extended resources: what claims use counts under it, too."""
        found = msgspec.json.decode(new, type=DeviceClass).spec.extendedResourceName if new is not None else ""
        name = key.rpartition("/")[2]
        if found:
            self._names[name] = found
        else:
            self._names.pop(name, None)
        self._of_devices = of_devices(self._names)

    async def _reserve(self, request: AdmissionRequest, charge: check.Charge) -> None:
        """Joins the requests that wait in the namespace; raises StatusError 403 if it is refused after all."""
        namespace = request.namespace
        waiter = _Waiter(charge, asyncio.get_running_loop().create_future())
        self._waiting.setdefault(namespace, []).append(waiter)
        if namespace not in self._working:
            self._working[namespace] = asyncio.get_running_loop().create_task(self._work(namespace))
        try:
            await waiter.done
        except check.Refused as refused:
            raise denied(request, str(refused)) from None

    async def _work(self, namespace: str) -> None:
        """Serves the requests of one namespace in rounds until none waits; one round at a time, so that they share updates."""
        try:
            while waiters := self._waiting.pop(namespace, None):
                try:
                    await self._round(namespace, waiters)
                except Exception as failure:  # noqa: BLE001 - each of those who wait gets it
                    for waiter in waiters:
                        _refuse(waiter, failure)
                for waiter in waiters:
                    if not waiter.done.done():
                        waiter.done.set_result(None)
        finally:
            self._working.pop(namespace, None)
            for waiter in self._waiting.pop(namespace, ()):  # only when the server ends in the middle
                waiter.done.cancel()

    async def _round(self, namespace: str, waiters: Sequence[_Waiter]) -> None:
        if not self._registry.cache.is_current():
            await self._registry.cache.fresh()
        for name in sorted(self._quotas.get(namespace, ())):
            concerned = [one for one in waiters if self._is_drawn_on(namespace, name, one)]
            if concerned:
                await self._charge(namespace, name, concerned)

    async def _charge(self, namespace: str, name: str, waiters: Sequence[_Waiter]) -> None:
        """Writes the usage of all of them into one quota, and refuses those for whom there is no room."""
        refused: list[tuple[_Waiter, Exception]] = []

        def edit(quota: ResourceQuota) -> None:
            refused.clear()  # the last try counts
            for waiter in waiters:
                try:
                    quota.status.used = check.recheck(quota, waiter.charge) or quota.status.used
                except check.Refused as error:
                    refused.append((waiter, error))

        try:
            await self._registry.change(RESOURCE_QUOTA, name, namespace, edit, subresource="status")
        except StatusError as error:
            if error.code != 404:  # a quota that is gone limits nothing
                raise
            refused.clear()
        for waiter, why in refused:
            _refuse(waiter, why)

    def _is_drawn_on(self, namespace: str, name: str, waiter: _Waiter) -> bool:
        """Whether the quota counts the request, which has not been refused yet."""
        quota = self._quotas.get(namespace, {}).get(name)
        if quota is None or waiter.done.done():
            return False
        try:
            return check.recheck(quota, waiter.charge) is not None
        except check.Refused as refused:
            _refuse(waiter, refused)
            return False


def _refuse(waiter: _Waiter, error: Exception) -> None:
    if not waiter.done.done():
        waiter.done.set_exception(error)


def _any_concerns(quotas: Mapping[str, ResourceQuota] | None, by: Evaluator) -> bool:
    return any(by.matches(name) for quota in (quotas or {}).values() for name in quota.status.hard)


def _limited(configuration: Mapping[str, Any]) -> tuple[check.Limited, ...]:
    """The limitedResources of the plugin's configuration. Raises ValueError for one that is malformed."""
    found = []
    for one in only(dict(configuration), ("limitedResources",), QuotaAdmission.name).get("limitedResources") or ():
        only(one, FIELDS, f"{QuotaAdmission.name}: limitedResources")
        if not one.get("resource"):
            raise ValueError(f"configuration of {QuotaAdmission.name}: limitedResources[].resource must be set")
        scopes = msgspec.convert(one.get("matchScopes") or [], list[ScopedResourceSelectorRequirement])
        contains = tuple(one.get("matchContains") or ())
        found.append(check.Limited(one.get("apiGroup") or "", one["resource"], contains, tuple(scopes)))
    return tuple(found)
