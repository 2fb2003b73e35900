"""Events about pods and their containers, in upstream's words."""

from __future__ import annotations

from typing import Any

from kubelite.api.types.core_v1 import Pod
from kubelite.client.recorder import Recorder as ClientRecorder
from kubelite.kubelet import podspec
from kubelite.kubelet.interfaces import Recorder
from kubelite.kubelet.kinds import POD
from kubelite.kubelet.plan import Plan


class EventWriter:
    """`interfaces.Recorder` over the client's recorder."""

    def __init__(self, recorder: ClientRecorder) -> None:
        self._recorder = recorder

    def event(self, kind: Any, obj: Any, type_: str, reason: str, message: str, field_path: str = "") -> None:
        self._recorder.event(kind, obj, type_, reason, message, field_path=field_path)


class Reporter:
    """Says what happened to whom."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder

    def pod(self, pod: Pod, type_: str, reason: str, message: str) -> None:
        self._recorder.event(POD, pod, type_, reason, message)

    def container(self, pod: Pod, name: str, type_: str, reason: str, message: str) -> None:
        self._recorder.event(POD, pod, type_, reason, message, field_path=podspec.field_path(pod, name))

    def waits(self, pod: Pod, plan: Plan) -> dict[str, tuple[str, str]]:
        """Tells of the containers in back-off; container → (reason, message)."""
        reasons = {}
        for wait in plan.waits:
            text = (
                f"back-off {_seconds(wait.whole)} restarting failed container={wait.name} pod={podspec.full_name(pod)}"
            )
            reasons[wait.name] = ("CrashLoopBackOff", text)
            message = f"Back-off restarting failed container {wait.name} in pod {podspec.full_name(pod)}"
            self.container(pod, wait.name, "Warning", "BackOff", message)
        return reasons


def _seconds(seconds: float) -> str:
    """As Go prints whole seconds: `10s`, `2m40s`, `5m0s`."""
    whole = int(seconds)
    return f"{whole // 60}m{whole % 60}s" if whole >= 60 else f"{whole}s"
