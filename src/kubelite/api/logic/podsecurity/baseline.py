"""The checks of the level baseline: nothing that is known to lead out of a container.

What: functions of a `View` to (reason, detail) or None. Why: each is one paragraph of the standards. Flow: `evaluate` calls those
that hold for a version. Source: pod-security-admission/policy/check_*.go; texts follow them.
"""

from __future__ import annotations

from kubelite.api.logic.podsecurity.view import View, distinct, plural, quoted
from kubelite.api.types.core_v1 import SELinuxOptions

Found = tuple[str, str] | None
CAPABILITIES = frozenset(
    ("AUDIT_WRITE", "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "MKNOD", "NET_BIND_SERVICE", "SETFCAP", "SETGID",
     "SETPCAP", "SETUID", "SYS_CHROOT")
)  # fmt: skip
SYSCTLS = (
    (0, ("kernel.shm_rmid_forced", "net.ipv4.ip_local_port_range", "net.ipv4.tcp_syncookies", "net.ipv4.ping_group_range",
         "net.ipv4.ip_unprivileged_port_start")),
    (27, ("net.ipv4.ip_local_reserved_ports",)),
    (29, ("net.ipv4.tcp_keepalive_time", "net.ipv4.tcp_fin_timeout", "net.ipv4.tcp_keepalive_intvl",
          "net.ipv4.tcp_keepalive_probes")),
    (32, ("net.ipv4.tcp_rmem", "net.ipv4.tcp_wmem")),
)  # fmt: skip
"""(version from which they are allowed, sysctls)."""
SELINUX_TYPES = frozenset(("", "container_t", "container_init_t", "container_kvm_t"))
APPARMOR = "container.apparmor.security.beta.kubernetes.io/"


def app_armor(view: View) -> Found:
    wrong = [
        f'{key}="{value}"'
        for key, value in sorted(view.annotations.items())
        if key.startswith(APPARMOR) and not (value in ("", "runtime/default") or value.startswith("localhost/"))
    ]
    pod = _unconfined(view.context.appArmorProfile)
    found = ['pod must not set AppArmor profile type to "Unconfined"'] if pod else []
    named = view.names(lambda context: _unconfined(context.appArmorProfile))
    if named:
        found.append(f'{plural("container", named)} must not set AppArmor profile type to "Unconfined"')
    if wrong:
        found.append(f"annotation{'s' if len(wrong) > 1 else ''} {', '.join(wrong)}")
    if not found:
        return None
    count = len(wrong) + len(named) + pod
    return f"forbidden AppArmor profile{'s' if count > 1 else ''}", ", ".join(found)


def _unconfined(profile: object) -> bool:
    return profile is not None and getattr(profile, "type", "") not in ("", "RuntimeDefault", "Localhost")


def capabilities(view: View) -> Found:
    names, wrong = [], []
    for name, context in view.contexts():
        bad = [one for one in (context.capabilities.add if context.capabilities else ()) if one not in CAPABILITIES]
        if bad:
            names.append(name)
            wrong += bad
    if not names:
        return None
    detail = (
        f"{plural('container', names)} must not include {quoted(distinct(wrong))} in securityContext.capabilities.add"
    )
    return "non-default capabilities", detail


def host_namespaces(view: View) -> Found:
    spec = view.spec
    flags = (("hostNetwork", spec.hostNetwork), ("hostPID", spec.hostPID), ("hostIPC", spec.hostIPC))
    wrong = [f"{name}=true" for name, value in flags if value]
    return ("host namespaces", ", ".join(wrong)) if wrong else None


def host_path(view: View) -> Found:
    wrong = [volume.name for volume in view.spec.volumes if volume.hostPath is not None]
    return ("hostPath volumes", plural("volume", wrong)) if wrong else None


def host_ports(view: View) -> Found:
    names, ports = [], []
    for container in view.containers():
        used = [port.hostPort for port in container.ports if port.hostPort]
        if used:
            names.append(container.name)
            ports += used
    if not names:
        return None
    uses = "uses" if len(names) == 1 else "use"
    shown = ", ".join(map(str, sorted(set(ports))))
    return "hostPort", f"{plural('container', names)} {uses} hostPort{'s' if len(set(ports)) > 1 else ''} {shown}"


def probe_hosts(view: View) -> Found:
    names = []
    for container in view.containers():
        actions = [getattr(container, probe) for probe in ("livenessProbe", "readinessProbe", "startupProbe")]
        if container.lifecycle is not None:
            actions += [container.lifecycle.postStart, container.lifecycle.preStop]
        parts = [
            part for one in actions if one is not None for part in (one.httpGet, one.tcpSocket) if part is not None
        ]
        if any(part.host not in ("", "127.0.0.1", "::1") for part in parts):
            names.append(container.name)
    if not names:
        return None
    return "probe or lifecycle host", f"{plural('container', names)} must not set probe or lifecycle host"


def privileged(view: View) -> Found:
    names = view.names(lambda context: bool(context.privileged))
    return (
        ("privileged", f"{plural('container', names)} must not set securityContext.privileged=true") if names else None
    )


def proc_mount(view: View) -> Found:
    names, types = [], []
    for name, context in view.contexts():
        if context.procMount not in ("", "Default"):
            names.append(name)
            types.append(context.procMount)
    if not names:
        return None
    return (
        "procMount",
        f"{plural('container', names)} must not set securityContext.procMount to {quoted(distinct(types))}",
    )


def selinux(view: View, types: frozenset[str] = SELINUX_TYPES) -> Found:
    setters, bad_types, user, role = [], [], False, False

    def wrong(options: SELinuxOptions | None) -> bool:
        nonlocal user, role
        if options is None:
            return False
        if options.type not in types:
            bad_types.append(options.type)
        user |= bool(options.user)
        role |= bool(options.role)
        return options.type not in types or bool(options.user) or bool(options.role)

    if wrong(view.context.seLinuxOptions):
        setters.append("pod")
    names = view.names(lambda context: wrong(context.seLinuxOptions))
    if names:
        setters.append(plural("container", names))
    if not setters:
        return None
    details = []
    if bad_types:
        details.append(f"type{'s' if len(set(bad_types)) > 1 else ''} {quoted(distinct(bad_types))}")
    details += ["user may not be set"] * user + ["role may not be set"] * role
    return (
        "seLinuxOptions",
        f"{' and '.join(setters)} set forbidden securityContext.seLinuxOptions: {'; '.join(details)}",
    )


def selinux_with_engine(view: View) -> Found:
    return selinux(view, SELINUX_TYPES | {"container_engine_t"})


def seccomp(view: View) -> Found:
    profile = view.context.seccompProfile
    setters = ["pod"] if profile is not None and profile.type == "Unconfined" else []
    names = view.names(
        lambda context: context.seccompProfile is not None and context.seccompProfile.type == "Unconfined"
    )
    if names:
        setters.append(plural("container", names))
    if not setters:
        return None
    return "seccompProfile", f'{" and ".join(setters)} must not set securityContext.seccompProfile.type to "Unconfined"'


def seccomp_annotations(view: View) -> Found:
    """Before v1.19 the profile was an annotation."""
    base = "seccomp.security.alpha.kubernetes.io/pod"
    keys = [base, *(f"container.seccomp.security.alpha.kubernetes.io/{one.name}" for one in view.containers())]
    wrong = [f'{key}="{view.annotations[key]}"' for key in keys if view.annotations.get(key) == "unconfined"]
    return (
        ("seccompProfile", f"forbidden annotation{'s' if len(wrong) > 1 else ''} {', '.join(wrong)}") if wrong else None
    )


def sysctls(view: View, version: int) -> Found:
    allowed = {name for since, names in SYSCTLS if version >= since for name in names}
    wrong = [one.name for one in view.context.sysctls if one.name not in allowed]
    return ("forbidden sysctls", ", ".join(wrong)) if wrong else None


def host_process(view: View) -> Found:
    options = view.context.windowsOptions
    setters = ["pod"] if options is not None and options.hostProcess else []
    names = view.names(lambda context: context.windowsOptions is not None and bool(context.windowsOptions.hostProcess))
    if names:
        setters.append(plural("container", names))
    if not setters:
        return None
    return "hostProcess", f"{' and '.join(setters)} must not set securityContext.windowsOptions.hostProcess=true"
