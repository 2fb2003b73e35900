"""Events about pods and their containers, in upstream's words."""

from __future__ import annotations

from typing import Any

from kubelite.api.types.core_v1 import Pod
from kubelite.client.recorder import Recorder as ClientRecorder
from kubelite.kubelet import podspec
from kubelite.kubelet.interfaces import Recorder
from kubelite.kubelet.kinds import POD


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
