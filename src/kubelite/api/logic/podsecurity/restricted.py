"""The checks that the level restricted adds: what hardening guides ask for.

What: functions of a `View` to (reason, detail) or None. Flow: `evaluate` calls those that hold for a version. Source:
pod-security-admission/policy/check_*.go; texts follow them.
"""

from __future__ import annotations

from kubelite.api.logic.podsecurity.baseline import Found
from kubelite.api.logic.podsecurity.view import View, distinct, plural, quoted

VOLUMES = frozenset(
    (
        "configMap",
        "csi",
        "downwardAPI",
        "emptyDir",
        "ephemeral",
        "image",
        "persistentVolumeClaim",
        "projected",
        "secret",
    )
)
_PROFILES = ("RuntimeDefault", "Localhost")
_PROFILE = 'securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost"'


def escalation(view: View) -> Found:
    names = view.names(lambda context: context.allowPrivilegeEscalation is not False)
    if not names:
        return None
    return (
        "allowPrivilegeEscalation != false",
        f"{plural('container', names)} must set securityContext.allowPrivilegeEscalation=false",
    )


def capabilities(view: View) -> Found:
    not_dropping, adding, added = [], [], []
    for name, context in view.contexts():
        found = context.capabilities
        if found is None or "ALL" not in found.drop:
            not_dropping.append(name)
        bad = [one for one in (found.add if found is not None else ()) if one != "NET_BIND_SERVICE"]
        if bad:
            adding.append(name)
            added += bad
    details = []
    if not_dropping:
        details.append(f'{plural("container", not_dropping)} must set securityContext.capabilities.drop=["ALL"]')
    if adding:
        shown = quoted(distinct(added))
        details.append(f"{plural('container', adding)} must not include {shown} in securityContext.capabilities.add")
    return ("unrestricted capabilities", "; ".join(details)) if details else None


def volumes(view: View) -> Found:
    names, types = [], []
    for volume in view.spec.volumes:
        kinds = [field for field in volume.__struct_fields__ if field != "name" and getattr(volume, field) is not None]
        bad = [kind for kind in kinds if kind not in VOLUMES]
        if bad:
            names.append(volume.name)
            types += bad
    if not names:
        return None
    kinds = distinct(types)
    uses = "uses" if len(names) == 1 else "use"
    many = "s" if len(kinds) > 1 else ""
    return "restricted volume types", f"{plural('volume', names)} {uses} restricted volume type{many} {quoted(kinds)}"


def non_root(view: View) -> Found:
    pod = view.context.runAsNonRoot
    forbidden = view.names(lambda context: context.runAsNonRoot is False)
    missing = view.names(lambda context: context.runAsNonRoot is None) if pod is not True else []
    setters = (["pod"] if pod is False and missing else []) + ([plural("container", forbidden)] if forbidden else [])
    reason = "runAsNonRoot != true"
    if setters:
        return reason, f"{' and '.join(setters)} must not set securityContext.runAsNonRoot=false"
    if missing:
        return reason, f"pod or {plural('container', missing)} must set securityContext.runAsNonRoot=true"
    return None


def user(view: View) -> Found:
    setters = ["pod"] if view.context.runAsUser == 0 else []
    names = view.names(lambda context: context.runAsUser == 0)
    if names:
        setters.append(plural("container", names))
    return ("runAsUser=0", f"{' and '.join(setters)} must not set runAsUser=0") if setters else None


def seccomp(view: View) -> Found:
    pod = view.context.seccompProfile
    pod_right = pod is not None and pod.type in _PROFILES
    pod_wrong = pod is not None and not pod_right
    wrong = view.names(lambda one: one.seccompProfile is not None and one.seccompProfile.type not in _PROFILES)
    missing = view.names(lambda one: one.seccompProfile is None) if not pod_right else []
    types = [pod.type] if pod_wrong and pod is not None else []
    types += [
        one.seccompProfile.type
        for _, one in view.contexts()
        if one.seccompProfile and one.seccompProfile.type not in _PROFILES
    ]
    setters = (["pod"] if pod_wrong else []) + ([plural("container", wrong)] if wrong else [])
    if setters:
        forbidden = (
            f"{' and '.join(setters)} must not set securityContext.seccompProfile.type to {quoted(distinct(types))}"
        )
        return "seccompProfile", forbidden
    if missing:
        return "seccompProfile", f"pod or {plural('container', missing)} must set {_PROFILE}"
    return None
