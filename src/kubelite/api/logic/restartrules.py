"""Restart rules of containers: what their exit codes ask for. Pure.

Upstream: pkg/api/v1/pod/util.go (FindMatchingContainerRestartRule, AllContainersCouldRestart).
"""

from __future__ import annotations

from kubelite.api.types.core_v1 import Container, EphemeralContainer, PodSpec

RESTART = "Restart"
RESTART_ALL = "RestartAllContainers"
FEATURE = "RestartAllContainersOnContainerExits"
"""What a node declares that acts on RESTART_ALL."""


def action(container: Container | EphemeralContainer, exit_code: int) -> str:
    """What the first rule that fits the exit code asks for; "" if none does."""
    for rule in container.restartPolicyRules:
        codes = rule.exitCodes
        if codes is None:
            continue
        inside = exit_code in codes.values
        if inside == (codes.operator == "In"):
            return rule.action
    return ""


def could_restart_all(spec: PodSpec) -> bool:
    """Whether some exit of some container restarts all of them, so that none has ended for good."""
    return any(
        rule.action == RESTART_ALL
        for container in (*spec.initContainers, *spec.containers)
        for rule in container.restartPolicyRules
    )
