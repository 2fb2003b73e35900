"""Security contexts of pods and containers, sysctls, and what each operating system allows.

Upstream: validatePodSpecSecurityContext, ValidateSecurityContext, validateSysctls, validateLinux, validateWindows.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any

from kubelite.api import validation as check
from kubelite.api.core.pod.validation.paths import descending_path
from kubelite.api.types import core_v1 as v1
from kubelite.machinery import fielderrors as fe
from kubelite.machinery import names
from kubelite.machinery.fielderrors import FieldErrors, Path

_SEGMENT = "[a-z0-9]([-_a-z0-9]*[a-z0-9])?"
_SYSCTL_FORMAT = f"^({_SEGMENT}[\\./])*{_SEGMENT}$"
_SYSCTL = re.compile(_SYSCTL_FORMAT[:-1] + r"\Z")
_SYSCTL_MAX = 253
_PROFILE_TYPES = ("Localhost", "RuntimeDefault", "Unconfined")
_NOT_ON_LINUX = "windows options cannot be set for a linux pod"
_NOT_ON_WINDOWS = "cannot be set for a windows pod"
_IPC_SYSCTLS = ("kernel.shm", "kernel.msg", "fs.mqueue.")
_WINDOWS_POD = (
    "appArmorProfile",
    "seLinuxOptions",
    "seccompProfile",
    "fsGroup",
    "fsGroupChangePolicy",
    "sysctls",
    "runAsUser",
    "runAsGroup",
    "supplementalGroups",
    "supplementalGroupsPolicy",
    "seLinuxChangePolicy",
)
_WINDOWS_CONTAINER = (
    "appArmorProfile",
    "seLinuxOptions",
    "seccompProfile",
    "capabilities",
    "readOnlyRootFilesystem",
    "privileged",
    "allowPrivilegeEscalation",
    "procMount",
    "runAsUser",
    "runAsGroup",
)
ContainerPaths = Iterable[tuple[Any, Path]]


def validate_pod_security(context: v1.PodSecurityContext, spec: v1.PodSpec, path: Path) -> FieldErrors:
    """The mistakes in the pod's security context, and in the host namespaces beside it."""
    errors: FieldErrors = []
    for name in ("fsGroup", "runAsUser", "runAsGroup"):
        number = getattr(context, name)
        if number is not None:
            errors += check.complaints(path / name, number, names.user_id(number))
    for index, group in enumerate(context.supplementalGroups):
        errors += check.complaints((path / "supplementalGroups").index(index), group, names.user_id(group))
    if spec.shareProcessNamespace and spec.hostPID:
        detail = "ShareProcessNamespace and HostPID cannot both be enabled"
        errors.append(fe.invalid(path / "shareProcessNamespace", True, detail))
    if context.sysctls:
        errors += _sysctls(context.sysctls, spec, path / "sysctls")
    for name, allowed in (
        ("fsGroupChangePolicy", ("Always", "OnRootMismatch")),
        ("supplementalGroupsPolicy", ("Merge", "Strict")),
        ("seLinuxChangePolicy", ("MountOption", "Recursive")),
    ):
        value = getattr(context, name)
        if value and value not in allowed:
            errors.append(fe.not_supported(path / name, value, allowed))
    return errors + _profiles(context, path)


def _profiles(context: v1.PodSecurityContext | v1.SecurityContext, path: Path) -> FieldErrors:
    errors: FieldErrors = []
    if context.seccompProfile is not None:
        errors += _seccomp(context.seccompProfile, path / "seccompProfile")
    if context.windowsOptions is not None:
        errors += _windows_options(context.windowsOptions, path / "windowsOptions")
    if context.appArmorProfile is not None:
        errors += _app_armor(context.appArmorProfile, path / "appArmorProfile")
    return errors


def _seccomp(profile: v1.SeccompProfile, path: Path) -> FieldErrors:
    errors: FieldErrors = []
    if not profile.type:
        errors.append(fe.required(path / "type", "type is required when seccompProfile is set"))
    elif profile.type not in _PROFILE_TYPES:
        errors.append(fe.not_supported(path / "type", profile.type, _PROFILE_TYPES))
    here = path / "localhostProfile"
    if profile.type == "Localhost":
        if not profile.localhostProfile:
            errors.append(fe.required(here, "must be set when seccomp type is Localhost"))
        else:
            errors += descending_path(profile.localhostProfile, here)
    elif profile.localhostProfile:
        errors.append(fe.invalid(here, profile, "can only be set when seccomp type is Localhost"))
    return errors


def _app_armor(profile: v1.AppArmorProfile, path: Path) -> FieldErrors:
    here, text = path / "localhostProfile", profile.localhostProfile
    if not profile.type:
        return [fe.required(path / "type", "type is required when appArmorProfile is set")]
    if profile.type not in _PROFILE_TYPES:
        return [fe.not_supported(path / "type", profile.type, _PROFILE_TYPES)]
    if profile.type != "Localhost":
        return [fe.invalid(here, text, "can only be set when AppArmor type is Localhost")] if text else []
    if not text.strip():
        if text:
            return [fe.invalid(here, text, "must not be padded with whitespace")]
        return [fe.required(here, "must be set when AppArmor type is Localhost")]
    errors = [] if text == text.strip() else [fe.invalid(here, text, "must not be padded with whitespace")]
    if len(text.encode()) > 4095:
        errors.append(fe.too_long(here, 4095))
    return errors


def _sysctls(sysctls: list[v1.Sysctl], spec: v1.PodSpec, path: Path) -> FieldErrors:
    errors: FieldErrors = []
    seen: set[str] = set()
    for index, sysctl in enumerate(sysctls):
        here, name = path.index(index) / "name", sysctl.name
        if not name:
            errors.append(fe.required(here))
        elif len(name) > _SYSCTL_MAX or not _SYSCTL.match(name):
            detail = f"must have at most {_SYSCTL_MAX} characters and match regex {_SYSCTL_FORMAT}"
            errors.append(fe.invalid(here, name, detail))
        elif name in seen:
            errors.append(fe.duplicate(here, name))
        seen.add(name)
        dotted = name.replace("/", ".")
        if spec.hostNetwork and dotted.startswith("net."):
            errors.append(fe.invalid(here, name, "may not be specified when 'hostNetwork' is true"))
        elif spec.hostIPC and (dotted.startswith(_IPC_SYSCTLS) or dotted == "kernel.sem"):
            errors.append(fe.invalid(here, name, "may not be specified when 'hostIPC' is true"))
    return errors


def validate_container_security(context: v1.SecurityContext, path: Path, host_users: bool) -> FieldErrors:
    """The mistakes in a container's security context."""
    errors: FieldErrors = []
    for name in ("runAsUser", "runAsGroup"):
        number = getattr(context, name)
        if number is not None:
            errors += check.complaints(path / name, number, names.user_id(number))
    if context.procMount:
        if host_users and context.procMount == "Unmasked":
            detail = "`hostUsers` must be false to use `Unmasked`"
            errors.append(fe.invalid(path / "procMount", context.procMount, detail))
        errors += check.one_of(path / "procMount", context.procMount, ("Default", "Unmasked"))
    if context.allowPrivilegeEscalation is False:
        if context.privileged:
            detail = "cannot set `allowPrivilegeEscalation` to false and `privileged` to true"
            errors.append(fe.invalid(path, context, detail))
        if context.capabilities is not None and "CAP_SYS_ADMIN" in context.capabilities.add:
            detail = "cannot set `allowPrivilegeEscalation` to false and `capabilities.Add` CAP_SYS_ADMIN"
            errors.append(fe.invalid(path, context, detail))
    return errors + _profiles(context, path)


_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_NETBIOS = re.compile(r'[^\\/:*?"<>|.][^\\/:*?"<>|]{0,14}\Z')
_DOMAIN_LABEL = "[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?"
_DOMAIN = re.compile(rf"{_DOMAIN_LABEL}(?:\.{_DOMAIN_LABEL})*\Z")
_BAD_USER = re.compile(r'["/\\:;|=,+*?<>@\[\]]')


def _windows_options(options: v1.WindowsSecurityContextOptions, path: Path) -> FieldErrors:
    errors: FieldErrors = []
    if options.gmsaCredentialSpecName:
        name = options.gmsaCredentialSpecName
        errors += check.complaints(path / "gmsaCredentialSpecName", name, names.dns1123_subdomain(name))
    if len(options.gmsaCredentialSpec.encode()) > 64 * 1024:
        detail = "gmsaCredentialSpec size must be under 64 KiB"
        errors.append(fe.invalid(path / "gmsaCredentialSpec", options.gmsaCredentialSpec, detail))
    if options.runAsUserName:
        errors += check.complaints(
            path / "runAsUserName", options.runAsUserName, _windows_user_complaints(options.runAsUserName)
        )
    return errors


def _windows_user_complaints(text: str) -> list[str]:
    if _CONTROL.search(text):
        return ["runAsUserName cannot contain control characters"]
    if text.count("\\") > 1:
        return ["runAsUserName cannot contain more than one backslash"]
    domain, slash, user = text.rpartition("\\")
    found = []
    if len(domain) >= 256:
        found.append("runAsUserName's Domain length must be under 256 characters")
    if slash and not (_NETBIOS.match(domain) or _DOMAIN.match(domain)):
        found.append("runAsUserName's Domain doesn't match the NetBios nor the DNS format")
    if not user:
        found.append("runAsUserName's User cannot be empty")
    elif len(user) > 104:
        found.append("runAsUserName's User length must not be longer than 104 characters")
    if user and not user.strip(". "):
        found.append("runAsUserName's User cannot contain only periods or spaces")
    if _BAD_USER.search(user):
        found.append("runAsUserName's User cannot contain the following characters: \"/\\:;|=,+*?<>@[]")
    return found


def validate_os(spec: v1.PodSpec, containers: Callable[[], ContainerPaths], path: Path) -> FieldErrors:
    """A pod that names its operating system must not ask for what the other one has."""
    os = spec.os
    if os is None:
        return []
    if not os.name:
        return [fe.required(path / "os" / "name", "cannot be empty")]
    if os.name not in ("linux", "windows"):
        return [fe.not_supported(path / "os", os.name, ("linux", "windows"))]
    errors: FieldErrors = []
    context, here = spec.securityContext, path / "securityContext"
    if os.name == "linux":
        if context is not None and context.windowsOptions is not None:
            errors.append(fe.forbidden(here / "windowsOptions", _NOT_ON_LINUX))
        for container, where in containers():
            own = container.securityContext
            if own is not None and own.windowsOptions is not None:
                errors.append(fe.forbidden(where / "securityContext" / "windowsOptions", _NOT_ON_LINUX))
        return errors
    errors += _set_fields(context, _WINDOWS_POD, here)
    for name in ("hostUsers", "shareProcessNamespace"):
        if getattr(spec, name) is not None:
            errors.append(fe.forbidden(path / name, _NOT_ON_WINDOWS))
    errors += [fe.forbidden(path / name, _NOT_ON_WINDOWS) for name in ("hostPID", "hostIPC") if getattr(spec, name)]
    for container, where in containers():
        errors += _set_fields(container.securityContext, _WINDOWS_CONTAINER, where / "securityContext")
    return errors


def _set_fields(context: Any | None, fields: Iterable[str], path: Path) -> FieldErrors:
    if context is None:
        return []
    return [
        fe.forbidden(path / name, _NOT_ON_WINDOWS) for name in fields if getattr(context, name) not in (None, "", [])
    ]


def validate_host_process(spec: v1.PodSpec, containers: ContainerPaths, path: Path) -> FieldErrors:
    """Windows host-process containers come all or none, and need the host's network."""
    context = spec.securityContext
    for_pod = context.windowsOptions.hostProcess if context is not None and context.windowsOptions is not None else None
    errors: FieldErrors = []
    total = chosen = 0
    for container, where in containers:
        total += 1
        own = container.securityContext
        own_choice = own.windowsOptions.hostProcess if own is not None and own.windowsOptions is not None else None
        if for_pod is not None and own_choice is not None and for_pod != own_choice:
            shown = "true" if for_pod else "false"
            detail = f"pod hostProcess value must be identical if both are specified, was {shown}"
            errors.append(fe.invalid(where / "securityContext" / "windowsOptions" / "hostProcess", own_choice, detail))
        chosen += 1 if (own_choice if own_choice is not None else for_pod) else 0
    if not chosen:
        return errors
    if chosen != total:
        detail = "If pod contains any hostProcess containers then all containers must be HostProcess containers"
        errors.append(fe.invalid(path, "", detail))
    if not spec.hostNetwork:
        detail = "hostNetwork must be true if pod contains any hostProcess containers"
        errors.append(fe.invalid(path / "hostNetwork", False, detail))
    return errors


def validate_host_users(spec: v1.PodSpec, path: Path) -> FieldErrors:
    """A pod with its own user namespace cannot share the host's other namespaces."""
    if spec.hostUsers is not False:
        return []
    found = (("hostNetwork", spec.hostNetwork), ("HostPID", spec.hostPID), ("HostIPC", spec.hostIPC))
    return [fe.forbidden(path / name, "when `pod.Spec.HostUsers` is false") for name, shared in found if shared]
