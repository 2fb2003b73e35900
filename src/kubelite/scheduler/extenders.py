"""HTTP extenders: servers that have a say in each decision.

What: `Extender` speaks the protocol of kube-scheduler/extender/v1 with one server; `Extended.attempt` is a decision in which
extenders take part. Why: rules outside the process keep working. Flow: own filters → each extender's filter → own scores + 10
× weight × theirs → the node, checked once more, as pods and nodes may have changed while extenders were thinking; nothing
fits: preemption, whose candidates extenders may thin out. The whole pod and nodes are read from the API server for them.
An extender that fails fails the attempt, unless it is `ignorable`. Upstream: pkg/scheduler/extender.go.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
import numpy as np

from kubelite.api.core.node import NODE
from kubelite.api.core.pod.kind import POD
from kubelite.client.client import Client
from kubelite.client.config import ClientConfig
from kubelite.client.errors import ConnectionFailed
from kubelite.machinery import times
from kubelite.machinery.errors import StatusError
from kubelite.scheduler import events
from kubelite.scheduler.config import types
from kubelite.scheduler.cycle import Scheduler
from kubelite.scheduler.events import Listener, Registered
from kubelite.scheduler.framework import AttemptFailed, Cycle, Diagnosis, PodRefused, Rejection, Scores, Why
from kubelite.scheduler.nodes import Mask
from kubelite.scheduler.plugins.default_preemption import Candidates
from kubelite.scheduler.plugins.victims import Victims
from kubelite.scheduler.pods import PodInfo
from kubelite.util.log import get_logger

log = get_logger(__name__)
JSON = {"Content-Type": "application/json", "Accept": "application/json"}
POINTS = 10
"""An extender's score of 0 to 10 weighs as much as a plugin's of 0 to 100."""


class ExtenderFailed(AttemptFailed):
    """The extender did not answer, or said that something is wrong."""


class FilterResult(msgspec.Struct, rename="pascal"):
    nodes: Any = None
    node_names: list[str] | None = None
    failed_nodes: dict[str, str] | None = None
    failed_and_unresolvable_nodes: dict[str, str] | None = None
    error: str = ""


class HostPriority(msgspec.Struct, rename="pascal"):
    host: str = ""
    score: int = 0


class MetaPod(msgspec.Struct):
    uid: str = msgspec.field(name="UID", default="")


class MetaVictims(msgspec.Struct):
    pods: list[MetaPod] | None = msgspec.field(name="Pods", default=None)
    violations: int = msgspec.field(name="NumPDBViolations", default=0)


class PreemptResult(msgspec.Struct, rename="pascal"):
    node_name_to_meta_victims: dict[str, MetaVictims] | None = None


class BindResult(msgspec.Struct, rename="pascal"):
    error: str = ""


def client_for(settings: types.Extender) -> Client:
    """A client of the extender's server, with its TLS settings."""
    tls, url = settings.tlsConfig or types.TLS(), settings.urlPrefix
    if settings.enableHTTPS and url.startswith("http://"):
        url = "https://" + url.removeprefix("http://")
    scheme, _, rest = url.partition("://")
    host = rest.split("/", 1)[0]
    config = ClientConfig(
        server=f"{scheme}://{host}",
        ca_file=tls.caFile,
        ca_data=base64.b64decode(tls.caData),
        cert_file=tls.certFile,
        cert_data=base64.b64decode(tls.certData),
        key_file=tls.keyFile,
        key_data=base64.b64decode(tls.keyData),
        insecure=tls.insecure,
        tls_server_name=tls.serverName,
    )
    return Client.from_config(config, user_agent="kubelite-scheduler")


class Extender(Listener):
    """One server."""

    def __init__(self, settings: types.Extender) -> None:
        self.settings, self.client = settings, client_for(settings)
        self.seconds = times.parse_duration(settings.httpTimeout)
        self._path = "/" + settings.urlPrefix.partition("://")[2].partition("/")[2].strip("/")
        self.name = settings.urlPrefix
        self.events: Registered = dict.fromkeys(events.ALL)
        self.ignorable = settings.ignorable
        self._managed = frozenset(resource.name for resource in settings.managedResources)

    def interested(self, info: PodInfo) -> bool:
        """Whether the pod asks for a resource that the extender manages, or it manages all."""
        if not self._managed:
            return True
        containers = (*info.pod.spec.containers, *info.pod.spec.initContainers)
        asked = (c.resources for c in containers if c.resources is not None)
        return any(self._managed & {*resources.requests, *resources.limits} for resources in asked)

    async def ask(self, verb: str, body: Mapping[str, Any], type_: type[Any]) -> Any:
        """The answer to one call. Raises ExtenderFailed."""
        path = f"{self._path.rstrip('/')}/{verb}"
        try:
            answer = await self.client.request(
                "POST", path, body=msgspec.json.encode(body), headers=JSON, raw=True, seconds=self.seconds
            )
            if answer.status != 200:
                url = f"{self.settings.urlPrefix.rstrip('/')}/{verb}"
                raise ExtenderFailed(f"failed {verb} with extender at URL {url}, code {answer.status}")
            return msgspec.json.decode(answer.body, type=type_)
        except (ConnectionFailed, StatusError, OSError, TimeoutError, msgspec.DecodeError) as error:
            raise ExtenderFailed(f"extender at {self.settings.urlPrefix}: {error}") from None

    async def bind(self, info: PodInfo, node: str) -> None:
        """Has the extender bind the pod. Raises ExtenderFailed."""
        meta = info.pod.metadata
        body = {"PodName": meta.name, "PodNamespace": meta.namespace, "PodUID": meta.uid, "Node": node}
        result = await self.ask(self.settings.bindVerb, body, BindResult)
        if result.error:
            raise ExtenderFailed(result.error)


class Extended:
    """All extenders of a scheduler, and decisions with them."""

    def __init__(self, extenders: Iterable[types.Extender], client: Client) -> None:
        self.extenders = [Extender(settings) for settings in extenders]
        self.client = client

    def interested(self, info: PodInfo) -> list[Extender]:
        return [extender for extender in self.extenders if extender.interested(info)]

    def binder(self, info: PodInfo) -> Extender | None:
        """The extender that binds this pod, if one does."""
        return next((e for e in self.interested(info) if e.settings.bindVerb), None)

    async def close(self) -> None:
        for extender in self.extenders:
            await extender.client.close()

    async def attempt(self, scheduler: Scheduler, info: PodInfo) -> str | Diagnosis:
        """A decision. Raises ExtenderFailed and what reading the API server raises."""
        extenders, world = self.interested(info), scheduler.world
        with world.nominations.aside_for(info):
            cycle = Cycle(info, world)
            try:
                fitting, rejections = scheduler.feasible(cycle)
            except PodRefused as refusal:
                return scheduler.refuse(cycle, refusal)
        talk = _Talk(self.client, scheduler, info)
        if fitting.any():
            fitting, rejections = await talk.filter(extenders, fitting)
            if not fitting.any():
                with world.nominations.aside_for(info):
                    rejections = [*scheduler.rejections(Cycle(info, world)), *rejections]
        if not fitting.any():
            return await self._nothing(scheduler, info, rejections, talk, extenders)
        extra = await talk.prioritize(extenders, fitting)
        with world.nominations.aside_for(info):
            cycle = Cycle(info, world)
            try:
                still, rejections = scheduler.feasible(cycle)
            except PodRefused as refusal:
                return scheduler.refuse(cycle, refusal)
            both = fitting[: still.size] & still[: fitting.size]
            if not both.any():
                return scheduler.diagnose(cycle, rejections)
            return scheduler.choose(cycle, scheduler.best(cycle, both, lambda _: extra))

    async def _nothing(
        self,
        scheduler: Scheduler,
        info: PodInfo,
        rejections: list[Rejection],
        talk: _Talk,
        extenders: list[Extender],
    ) -> Diagnosis:
        """Preemption: first what would be done, then what extenders leave of it."""
        seen: Candidates = {}

        def note(candidates: Candidates) -> Candidates:
            seen.update(candidates)
            return candidates

        with scheduler.world.nominations.aside_for(info):
            result = scheduler.diagnose(Cycle(info, scheduler.world), rejections, note)
        asked = [extender for extender in extenders if extender.settings.preemptVerb]
        if result.preemption is None or not asked:
            return result
        left = await talk.preempt(asked, seen)
        with scheduler.world.nominations.aside_for(info):
            return scheduler.diagnose(Cycle(info, scheduler.world), rejections, lambda _: left)


class _Talk:
    """What is said to extenders about one pod."""

    def __init__(self, client: Client, scheduler: Scheduler, info: PodInfo) -> None:
        self.client, self.scheduler, self.info = client, scheduler, info
        self.nodes = scheduler.nodes
        self._pod: Any = None
        self._whole: dict[str, msgspec.Raw] = {}
        self._victims: dict[str, msgspec.Raw] = {}

    async def _arguments(self, extender: Extender, fitting: Mask) -> dict[str, Any]:
        names = [self.nodes.names[p] for p in np.flatnonzero(fitting)]
        body: dict[str, Any] = {"Pod": await self._whole_pod(), "Nodes": None, "NodeNames": None}
        if extender.settings.nodeCacheCapable:
            body["NodeNames"] = names
        else:
            whole = await self._whole_nodes()
            body["Nodes"] = {"metadata": {}, "items": [whole[name] for name in names if name in whole]}
        return body

    async def _whole_pod(self) -> Any:
        if self._pod is None:
            meta = self.info.pod.metadata
            answer = await self.client.request("GET", POD.path(meta.namespace, meta.name))
            self._pod = msgspec.Raw(answer.body)
        return self._pod

    async def _whole_nodes(self) -> dict[str, msgspec.Raw]:
        if not self._whole:
            answer = await self.client.request("GET", NODE.path(), query={"resourceVersion": "0"})
            for item in msgspec.json.decode(answer.body, type=_Items).items:
                self._whole[msgspec.json.decode(item, type=_Named).metadata.name] = item
        return self._whole

    async def filter(self, extenders: list[Extender], fitting: Mask) -> tuple[Mask, list[Rejection]]:
        """What the extenders leave of the nodes."""
        rejections: list[Rejection] = []
        for extender in extenders:
            if not extender.settings.filterVerb or not fitting.any():
                continue
            try:
                body = await self._arguments(extender, fitting)
                result = await extender.ask(extender.settings.filterVerb, body, FilterResult)
                if result.error:
                    raise ExtenderFailed(result.error)
            except ExtenderFailed as error:
                if not extender.settings.ignorable:
                    raise
                log.warning("Passed over an extender", url=extender.settings.urlPrefix, error=error)
                continue
            kept = self._kept(result, extender) & fitting
            out = fitting & ~kept
            if out.any():
                rejections.append(Rejection(extender.settings.urlPrefix, out, self._why(result, out)))
                fitting = kept
        return fitting, rejections

    def _kept(self, result: FilterResult, extender: Extender) -> Mask:
        if extender.settings.nodeCacheCapable:
            names = result.node_names or []
        else:
            items = (result.nodes or {}).get("items") or []
            names = [item.get("metadata", {}).get("name", "") for item in items]
        return self._mask(names)

    def _why(self, result: FilterResult, out: Mask) -> tuple[Why, ...]:
        found: list[Why] = []
        told = {**(result.failed_nodes or {}), **(result.failed_and_unresolvable_nodes or {})}
        found.append(Why("", out & ~self._mask(told)))
        for hopeless, table in ((True, result.failed_and_unresolvable_nodes), (False, result.failed_nodes)):
            for text in dict.fromkeys((table or {}).values()):
                names = [name for name, words in (table or {}).items() if words == text]
                found.append(Why(text, out & self._mask(names), hopeless))
        return tuple(found)

    def _mask(self, names: Iterable[str]) -> Mask:
        mask = np.zeros(self.nodes.capacity, bool)
        mask[[self.nodes.index[name] for name in names if name in self.nodes.index]] = True
        return mask

    async def prioritize(self, extenders: list[Extender], fitting: Mask) -> Scores:
        """The weighted points of all extenders; one that fails adds none."""
        total = np.zeros(self.nodes.capacity)
        for extender in extenders:
            if not extender.settings.prioritizeVerb:
                continue
            try:
                body = await self._arguments(extender, fitting)
                answer = await extender.ask(extender.settings.prioritizeVerb, body, list[HostPriority])
            except ExtenderFailed as error:
                log.warning("Passed over the scores of an extender", url=extender.settings.urlPrefix, error=error)
                continue
            for one in answer:
                position = self.nodes.index.get(one.host)
                if position is not None:
                    total[position] += one.score * extender.settings.weight * POINTS
        return total

    async def preempt(self, extenders: list[Extender], candidates: Candidates) -> Candidates:
        """What the extenders leave of the candidates."""
        for extender in extenders:
            body = await self._preemption(extender, candidates)
            try:
                result = await extender.ask(extender.settings.preemptVerb, body, PreemptResult)
                candidates = self._left(candidates, result.node_name_to_meta_victims or {}, extender)
            except ExtenderFailed as error:
                if not extender.settings.ignorable:
                    raise
                log.warning("Passed over an extender", url=extender.settings.urlPrefix, error=error)
            if not candidates:
                break
        return candidates

    async def _preemption(self, extender: Extender, candidates: Candidates) -> dict[str, Any]:
        """Whole pods for an extender that does not keep them itself."""
        body: dict[str, Any] = {
            "Pod": await self._whole_pod(),
            "NodeNameToVictims": None,
            "NodeNameToMetaVictims": None,
        }
        known, told = extender.settings.nodeCacheCapable, {}
        for position, victims in candidates.items():
            pods: list[Any] = [{"UID": pod.uid} for pod in victims.pods]
            if not known:
                pods = [await self._victim(pod) for pod in victims.pods]
            told[self.nodes.names[position]] = {"Pods": pods, "NumPDBViolations": victims.violations}
        body["NodeNameToMetaVictims" if known else "NodeNameToVictims"] = told
        return body

    async def _victim(self, victim: PodInfo) -> msgspec.Raw:
        if victim.uid not in self._victims:
            meta = victim.pod.metadata
            answer = await self.client.request("GET", POD.path(meta.namespace, meta.name))
            self._victims[victim.uid] = msgspec.Raw(answer.body)
        return self._victims[victim.uid]

    def _left(self, candidates: Candidates, answer: dict[str, MetaVictims], extender: Extender) -> Candidates:
        left: Candidates = {}
        for name, victims in answer.items():
            position = self.nodes.index.get(name, -1)
            if position not in candidates:
                continue
            there = {pod.uid: pod for pod in self.nodes.pods[position].values()}
            chosen = tuple(there[pod.uid] for pod in victims.pods or () if pod.uid in there)
            if chosen:
                ordered = tuple(sorted(chosen, key=lambda info: info.importance))
                left[position] = Victims(ordered, victims.violations, ())
            elif not extender.settings.ignorable:
                raise ExtenderFailed(f'expected at least one victim pod on node "{name}"')
        return left


class _Items(msgspec.Struct):
    items: list[msgspec.Raw] = msgspec.field(default_factory=list)


class _Meta(msgspec.Struct):
    name: str = ""


class _Named(msgspec.Struct):
    metadata: _Meta
