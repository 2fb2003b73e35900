"""One probe of one container: waits by timer, looks in a task, counts outcomes, tells.

What: `Worker`. Why: a waiting probe costs a timer handle and nothing else. Flow: timer → look (three tries when the look itself
fails) → tally → event and callback. Source: pkg/kubelet/prober/worker.go, prober.go.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable
from typing import Final

from kubelite.api.types.core_v1 import Pod, Probe
from kubelite.kubelet.env.variables import is_name
from kubelite.kubelet.expansion import expand
from kubelite.kubelet.interfaces import Context, ProbeTarget
from kubelite.kubelet.kinds import POD
from kubelite.kubelet.podspec import field_path
from kubelite.kubelet.probes import handlers
from kubelite.kubelet.probes.handlers import Look, Outcome
from kubelite.kubelet.probes.tally import Tally
from kubelite.util.log import get_logger

log = get_logger(__name__)
TRIES: Final = 3
MAX_OUTPUT: Final = 10 * 1024
TITLES: Final = {"liveness": "Liveness", "readiness": "Readiness", "startup": "Startup"}


class Worker:
    """`changed` is called when the result changes; `slots` bounds the looks of the whole kubelet."""

    def __init__(
        self,
        context: Context,
        pod: Pod,
        pod_ip: str,
        target: ProbeTarget,
        kind: str,
        slots: asyncio.Semaphore,
        changed: Callable[[Worker], None],
    ) -> None:
        self.pod = pod
        self.target = target
        self.kind = kind
        self.container_id = target.container_id
        self.probe: Probe = getattr(target.container, f"{kind}Probe")
        self.tally = Tally.of(self.probe, None)
        self._context = context
        self._pod_ip = pod_ip
        self._slots = slots
        self._changed = changed
        self._timer: asyncio.TimerHandle | None = None
        self._task: asyncio.Task[None] | None = None

    @property
    def period(self) -> float:
        return float(self.probe.periodSeconds or 10)

    def follow(self, pod: Pod, pod_ip: str, target: ProbeTarget) -> None:
        """The same container as the newest sync sees it."""
        self.pod, self._pod_ip, self.target = pod, pod_ip, target

    def start(self) -> None:
        """Begin, unless it runs: the first look when the initial delay since the container's start is over.

        After a restart of the kubelet many containers are past it: their looks are spread over one period.
        """
        if self._timer is not None or self._task is not None:
            return
        left = (self.probe.initialDelaySeconds or 0) - (time.time() - self.target.started_at)
        spread = random.random() * self.period if left < -self.period else 0.0
        self._schedule(max(left, spread, 0.0))

    def stop(self) -> None:
        """No more looks; the result stays."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._task is not None and self._task is not asyncio.current_task():
            self._task.cancel()
        self._task = None

    def _schedule(self, seconds: float) -> None:
        self._timer = asyncio.get_running_loop().call_later(seconds, self._fire)

    def _fire(self) -> None:
        self._timer = None
        self._task = asyncio.get_running_loop().create_task(self._round())

    async def _round(self) -> None:
        started = time.monotonic()
        task = asyncio.current_task()
        try:
            async with self._slots:
                outcome, text = await self._look()
            if self._task is task:
                self._settle(outcome, text)
        except Exception as error:
            log.exception("Probe failed unexpectedly", error, pod=self.pod.metadata.name, kind=self.kind)
        finally:
            # stop() takes the task away: then this was the last round.
            if self._task is task:
                self._task = None
                self._schedule(max(0.0, self.period - (time.monotonic() - started)))

    def _settle(self, outcome: Outcome, text: str) -> None:
        title = TITLES[self.kind]
        if outcome is Outcome.UNKNOWN:
            self._event("Unhealthy", f"{title} probe errored and resulted in unknown state: {text}")
            return
        if outcome is Outcome.WARNING:
            self._event("ProbeWarning", f"{title} probe warning: {text}")
        elif outcome is Outcome.FAILURE:
            self._event("Unhealthy", f"{title} probe failed: {text}")
        if self.tally.note(outcome is not Outcome.FAILURE):
            self._changed(self)

    def _event(self, reason: str, text: str) -> None:
        where = field_path(self.pod, self.target.container.name)
        self._context.recorder.event(POD, self.pod, "Warning", reason, text, where)

    async def _look(self) -> Look:
        text = ""
        for _ in range(TRIES):
            outcome, text = await self._look_once()
            if outcome is not Outcome.UNKNOWN:
                return outcome, text
        return Outcome.UNKNOWN, text

    async def _look_once(self) -> Look:
        seconds = float(self.probe.timeoutSeconds or 1)
        ports = self.target.container.ports
        try:
            if self.probe.exec:
                return await self._command(self.probe.exec.command, seconds)
            if self.probe.httpGet:
                return await handlers.http(self.probe.httpGet, self._pod_ip, ports, seconds)
            if self.probe.tcpSocket:
                return await handlers.tcp(self.probe.tcpSocket, self._pod_ip, ports, seconds)
            if self.probe.grpc:
                return await handlers.grpc(self.probe.grpc, self._pod_ip, seconds)
        except ValueError as error:
            return Outcome.UNKNOWN, str(error)
        return Outcome.UNKNOWN, f"missing probe handler for {self.pod.metadata.name}:{self.target.container.name}"

    async def _command(self, command: list[str], seconds: float) -> Look:
        plain = {env.name: env.value or "" for env in self.target.container.env if is_name(env.name)}
        words = [expand(word, plain) for word in command]
        try:
            # The runtime kills the command at the limit; the extra second is for its answer.
            async with asyncio.timeout(seconds + 1.0):
                result = await self._context.runtime.exec_sync(self.container_id, words, seconds)
        except TimeoutError:
            return Outcome.FAILURE, f'command timed out: "{" ".join(words)}" timed out after {seconds:g}s'
        except Exception as error:  # noqa: BLE001 - the runtime's errors are many; each means that nothing is known
            return Outcome.UNKNOWN, str(error)
        output = (result.stdout + result.stderr)[:MAX_OUTPUT].decode("utf-8", "replace")
        return (Outcome.SUCCESS if result.exit_code == 0 else Outcome.FAILURE), output
