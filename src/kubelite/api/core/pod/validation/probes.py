"""Probes and lifecycle hooks.

Upstream: validateProbe, validateHandler, validateLifecycle.
"""

from __future__ import annotations

from kubelite.api import validation as check
from kubelite.api.types import core_v1 as v1
from kubelite.machinery import fielderrors as fe
from kubelite.machinery import names
from kubelite.machinery.fielderrors import FieldErrors, Path

_SECOND_HANDLER = "may not specify more than 1 handler type"
_NUMBERS = ("initialDelaySeconds", "timeoutSeconds", "periodSeconds", "successThreshold", "failureThreshold")
_SCHEMES = ("HTTP", "HTTPS")
_STOP_SIGNALS_NEED_OS = "may not be set for containers with empty `spec.os.name`"

AnyContainer = v1.Container | v1.EphemeralContainer


def validate_probes(container: AnyContainer, grace: int | None, path: Path) -> FieldErrors:
    """The mistakes in the three probes and the hooks of a container that keeps running."""
    errors: FieldErrors = []
    if container.lifecycle is not None:
        errors += validate_lifecycle(container.lifecycle, grace, path / "lifecycle")
    for name in ("livenessProbe", "readinessProbe", "startupProbe"):
        probe: v1.Probe | None = getattr(container, name)
        if probe is not None:
            errors += _probe(probe, name, grace, path / name)
    return errors


def _probe(probe: v1.Probe, name: str, grace: int | None, path: Path) -> FieldErrors:
    errors = _handler(probe, grace, path)
    for number in _NUMBERS:
        value = getattr(probe, number)
        if value is not None and value < 0:
            errors += check.non_negative(value, path / number)
    seconds = probe.terminationGracePeriodSeconds
    if seconds is not None:
        here = path / "terminationGracePeriodSeconds"
        if seconds <= 0:
            errors.append(fe.invalid(here, seconds, "must be greater than 0"))
        if name == "readinessProbe":
            errors.append(fe.invalid(here, seconds, "must not be set for readinessProbes"))
    if name != "readinessProbe" and probe.successThreshold != 1:
        errors.append(fe.invalid(path / "successThreshold", probe.successThreshold or 0, "must be 1"))
    return errors


def validate_lifecycle(lifecycle: v1.Lifecycle, grace: int | None, path: Path) -> FieldErrors:
    """The mistakes in the hooks; `grace` is the pod's grace period, which bounds a sleep."""
    errors: FieldErrors = []
    if lifecycle.postStart is not None:
        errors += _handler(lifecycle.postStart, grace, path / "postStart")
    if lifecycle.preStop is not None:
        errors += _handler(lifecycle.preStop, grace, path / "preStop")
    return errors


def validate_stop_signal(container: AnyContainer, os_name: str, path: Path) -> FieldErrors:
    """A stop signal is named for the operating system of the pod."""
    if container.lifecycle is None or not container.lifecycle.stopSignal or os_name:
        return []
    return [fe.forbidden(path / "lifecycle" / "stopSignal", _STOP_SIGNALS_NEED_OS)]


def _handler(handler: v1.Probe | v1.LifecycleHandler, grace: int | None, path: Path) -> FieldErrors:
    """Exactly one way to act, and that one in order."""
    errors: FieldErrors = []
    found = [
        name for name in ("exec", "httpGet", "tcpSocket", "grpc", "sleep") if getattr(handler, name, None) is not None
    ]
    if not found:
        return [fe.required(path, "must specify a handler type")]
    for name in found[1:]:
        errors.append(fe.forbidden(path / name, _SECOND_HANDLER))
    action = getattr(handler, found[0])
    here = path / found[0]
    if found[0] == "exec":
        if not action.command:
            errors.append(fe.required(here / "command"))
    elif found[0] == "httpGet":
        errors += _http_get(action, here)
    elif found[0] == "sleep":
        errors += _sleep(action, grace, here)
    else:
        errors += check.port_number_or_name(here / "port", action.port)
    return errors


def _http_get(action: v1.HTTPGetAction, path: Path) -> FieldErrors:
    errors: FieldErrors = []
    if not action.path:
        errors.append(fe.required(path / "path"))
    errors += check.port_number_or_name(path / "port", action.port)
    if action.scheme not in _SCHEMES:
        errors.append(fe.not_supported(path / "scheme", action.scheme, _SCHEMES))
    for header in action.httpHeaders:
        errors += check.complaints(path / "httpHeaders", header.name, names.http_header(header.name))
    return errors


def _sleep(action: v1.SleepAction, grace: int | None, path: Path) -> FieldErrors:
    seconds = action.seconds or 0
    if grace is None or 0 <= seconds <= grace:
        return []
    detail = f"must be non-negative and less than terminationGracePeriodSeconds ({grace})"
    return [fe.invalid(path, seconds, detail)]
