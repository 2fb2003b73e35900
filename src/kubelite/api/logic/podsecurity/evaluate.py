"""All checks of a level, over one pod.

What: `evaluate` gives the `Violation`s, `summary` their text. Why: which checks hold depends on level and version. Flow: table of
checks → those that hold → what they found, baseline before restricted, each in the order of their names as upstream.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from itertools import pairwise
from typing import NamedTuple

from kubelite.api.logic.podsecurity import baseline, restricted
from kubelite.api.logic.podsecurity.baseline import Found
from kubelite.api.logic.podsecurity.levels import BASELINE, LATEST, PRIVILEGED, RESTRICTED, Level
from kubelite.api.logic.podsecurity.view import View
from kubelite.api.types.core_v1 import PodSpec


class Violation(NamedTuple):
    """`privileged (container "a" must not set securityContext.privileged=true)`."""

    reason: str
    detail: str


class Check(NamedTuple):
    """`name` orders them; `since` and `until` are versions, the latter not included; `overrides` names a baseline check."""

    name: str
    level: str
    run: Callable[[View], Found]
    since: int = 0
    until: int = LATEST + 1
    overrides: str = ""
    linux_only_since: int = LATEST + 1
    """From this version on it does not concern Windows pods."""


CHECKS = (
    Check("appArmorProfile", BASELINE, baseline.app_armor),
    Check("capabilities_baseline", BASELINE, baseline.capabilities),
    Check("hostNamespaces", BASELINE, baseline.host_namespaces),
    Check("hostPathVolumes", BASELINE, baseline.host_path),
    Check("hostPorts", BASELINE, baseline.host_ports),
    Check("hostProbesAndHostLifecycle", BASELINE, baseline.probe_hosts, since=34),
    Check("privileged", BASELINE, baseline.privileged),
    Check("procMount", BASELINE, baseline.proc_mount),
    Check("seLinuxOptions", BASELINE, baseline.selinux, until=31),
    Check("seLinuxOptions", BASELINE, baseline.selinux_with_engine, since=31),
    Check("seccompProfile_baseline", BASELINE, baseline.seccomp_annotations, until=19),
    Check("seccompProfile_baseline", BASELINE, baseline.seccomp, since=19),
    *(
        Check("sysctls", BASELINE, partial(baseline.sysctls, version=since), since, until)
        for since, until in pairwise((*(since for since, _ in baseline.SYSCTLS), LATEST + 1))
    ),
    Check("windowsHostProcess", BASELINE, baseline.host_process),
    Check("allowPrivilegeEscalation", RESTRICTED, restricted.escalation, since=8, linux_only_since=25),
    Check("capabilities_restricted", RESTRICTED, restricted.capabilities, 22, LATEST + 1, "capabilities_baseline", 25),
    Check("restrictedVolumes", RESTRICTED, restricted.volumes),
    Check("runAsNonRoot", RESTRICTED, restricted.non_root),
    Check("runAsUser", RESTRICTED, restricted.user, since=23),
    Check("seccompProfile_restricted", RESTRICTED, restricted.seccomp, 19, LATEST + 1, "seccompProfile_baseline", 25),
)


def evaluate(level: Level, annotations: Mapping[str, str], spec: PodSpec) -> list[Violation]:
    """Why the pod is not of the level; empty if it is."""
    if level.name == PRIVILEGED:
        return []
    view = View(annotations, spec)
    wanted = [
        check
        for check in CHECKS
        if check.since <= level.version < check.until and (check.level == BASELINE or level.name == RESTRICTED)
    ]
    overridden = {check.overrides for check in wanted}
    found: list[Violation] = []
    for check in wanted:
        if check.name in overridden or (view.is_windows and level.version >= check.linux_only_since):
            continue
        result = check.run(view)
        if result is not None:
            found.append(Violation(*result))
    return found


def summary(violations: list[Violation], *, details: bool = True) -> str:
    """`privileged (…), hostPort (…)`, or the reasons alone."""
    if details:
        return ", ".join(f"{one.reason} ({one.detail})" if one.detail else one.reason for one in violations)
    return ", ".join(one.reason for one in violations)
