"""Security contexts: what the pod and the container ask, joined, and as CRI messages. Pure.

Upstream: pkg/securitycontext/util.go, pkg/kubelet/kuberuntime/security_context.go.
"""

from __future__ import annotations

from typing import Any

from kubelite.api.types.core_v1 import AppArmorProfile, Pod, SeccompProfile, SecurityContext
from kubelite.kubelet.interfaces import AnyContainer, SyncError
from kubelite.kubelet.podspec import all_containers
from kubelite.kubelet.runtime.platform import DEFAULT_MASKED, DEFAULT_READONLY
from kubelite.rpc import cri_v1_pb2 as pb


def effective(pod: Pod, container: AnyContainer) -> SecurityContext:
    """The container's security context with the pod's values where it has none of its own."""
    own = container.securityContext or SecurityContext()
    shared = pod.spec.securityContext
    joined = SecurityContext(
        allowPrivilegeEscalation=own.allowPrivilegeEscalation,
        appArmorProfile=own.appArmorProfile,
        capabilities=own.capabilities,
        privileged=own.privileged,
        procMount=own.procMount,
        readOnlyRootFilesystem=own.readOnlyRootFilesystem,
        runAsGroup=own.runAsGroup,
        runAsNonRoot=own.runAsNonRoot,
        runAsUser=own.runAsUser,
        seLinuxOptions=own.seLinuxOptions,
        seccompProfile=own.seccompProfile,
    )
    if shared is None:
        return joined
    for name in ("runAsUser", "runAsGroup", "runAsNonRoot", "seLinuxOptions", "seccompProfile", "appArmorProfile"):
        if getattr(joined, name) is None:
            setattr(joined, name, getattr(shared, name))
    return joined


def namespace_options(pod: Pod, target_id: str = "") -> Any:
    """Which namespaces are shared with the pod, the node, or (ephemeral containers) one container."""
    spec = pod.spec
    pid = pb.CONTAINER
    if spec.hostPID:
        pid = pb.NODE
    elif spec.shareProcessNamespace:
        pid = pb.POD
    if target_id and pid == pb.CONTAINER:
        pid = pb.TARGET
    return pb.NamespaceOption(
        network=pb.NODE if spec.hostNetwork else pb.POD,
        ipc=pb.NODE if spec.hostIPC else pb.POD,
        pid=pid,
        target_id=target_id if pid == pb.TARGET else "",
    )


def seccomp(profile: SeccompProfile | None, privileged: bool, default: bool, root_dir: str) -> Any:
    """The CRI profile; a container that names none is unconfined unless `default`."""
    kinds = pb.SecurityProfile
    if privileged:
        return kinds(profile_type=kinds.Unconfined)
    if profile is None:
        return kinds(profile_type=kinds.RuntimeDefault if default else kinds.Unconfined)
    if profile.type == "RuntimeDefault":
        return kinds(profile_type=kinds.RuntimeDefault)
    if profile.type == "Localhost":
        return kinds(profile_type=kinds.Localhost, localhost_ref=f"{root_dir}/seccomp/{profile.localhostProfile}")
    return kinds(profile_type=kinds.Unconfined)


def apparmor(profile: AppArmorProfile | None) -> Any | None:
    kinds = pb.SecurityProfile
    if profile is None:
        return None
    if profile.type == "Localhost":
        return kinds(profile_type=kinds.Localhost, localhost_ref=profile.localhostProfile)
    kind = kinds.RuntimeDefault if profile.type == "RuntimeDefault" else kinds.Unconfined
    return kinds(profile_type=kind)


def _groups(pod: Pod) -> list[int]:
    shared = pod.spec.securityContext
    if shared is None:
        return []
    groups = list(shared.supplementalGroups)
    if shared.fsGroup is not None:
        groups.append(shared.fsGroup)
    return groups


def _policy(pod: Pod) -> Any:
    shared = pod.spec.securityContext
    strict = shared is not None and shared.supplementalGroupsPolicy == "Strict"
    return pb.Strict if strict else pb.Merge


def _selinux(context: SecurityContext) -> Any | None:
    options = context.seLinuxOptions
    if options is None:
        return None
    return pb.SELinuxOption(user=options.user, role=options.role, type=options.type, level=options.level or "")


def sandbox_context(pod: Pod, root_dir: str) -> Any:
    """The sandbox's `LinuxSandboxSecurityContext`."""
    shared = pod.spec.securityContext
    privileged = any(c.securityContext is not None and c.securityContext.privileged for _, c in all_containers(pod))
    context = pb.LinuxSandboxSecurityContext(
        namespace_options=namespace_options(pod),
        privileged=privileged,
        supplemental_groups=_groups(pod),
        supplemental_groups_policy=_policy(pod),
        seccomp=pb.SecurityProfile(profile_type=pb.SecurityProfile.RuntimeDefault),
    )
    if shared is None:
        return context
    if shared.seccompProfile is not None:
        context.seccomp.CopyFrom(seccomp(shared.seccompProfile, False, False, root_dir))
    if shared.runAsUser is not None:
        context.run_as_user.value = shared.runAsUser
    if shared.runAsGroup is not None and shared.runAsUser is not None:
        context.run_as_group.value = shared.runAsGroup
    return context


def container_context(
    pod: Pod, container: AnyContainer, image: Any, *, seccomp_default: bool, root_dir: str, target_id: str = ""
) -> Any:
    """The container's `LinuxContainerSecurityContext`; SyncError when it must not run as root but would."""
    wanted = effective(pod, container)
    _check_user(pod, container, wanted, image)
    privileged = bool(wanted.privileged)
    context = pb.LinuxContainerSecurityContext(
        namespace_options=namespace_options(pod, target_id),
        privileged=privileged,
        readonly_rootfs=bool(wanted.readOnlyRootFilesystem),
        no_new_privs=wanted.allowPrivilegeEscalation is False,
        supplemental_groups=_groups(pod),
        supplemental_groups_policy=_policy(pod),
        seccomp=seccomp(wanted.seccompProfile, privileged, seccomp_default, root_dir),
        selinux_options=_selinux(wanted),
        apparmor=apparmor(wanted.appArmorProfile),
    )
    if wanted.capabilities is not None:
        context.capabilities.add_capabilities.extend(_capability(name) for name in wanted.capabilities.add)
        context.capabilities.drop_capabilities.extend(_capability(name) for name in wanted.capabilities.drop)
    if wanted.procMount != "Unmasked" and not privileged:
        context.masked_paths.extend(DEFAULT_MASKED)
        context.readonly_paths.extend(DEFAULT_READONLY)
    if wanted.runAsUser is not None:
        context.run_as_user.value = wanted.runAsUser
    elif image is not None and image.username:
        context.run_as_username = image.username
    elif image is not None and image.HasField("uid"):
        context.run_as_user.value = image.uid.value
    else:
        context.run_as_user.value = 0
    if wanted.runAsGroup is not None:
        context.run_as_group.value = wanted.runAsGroup
    return context


def _capability(name: str) -> str:
    return name.removeprefix("CAP_")


def _check_user(pod: Pod, container: AnyContainer, wanted: SecurityContext, image: Any) -> None:
    """runAsNonRoot (verifyRunAsNonRoot)."""
    if not wanted.runAsNonRoot:
        return
    where = f'(pod: "{pod.metadata.name}_{pod.metadata.namespace}({pod.metadata.uid})", container: {container.name})'
    if wanted.runAsUser is not None:
        if wanted.runAsUser == 0:
            raise SyncError("CreateContainerConfigError", f"container's runAsUser breaks non-root policy {where}")
        return
    if image is not None and image.username:
        text = f"container has runAsNonRoot and image has non-numeric user ({image.username}), cannot verify user is non-root"
        raise SyncError("CreateContainerConfigError", f"{text} {where}")
    if image is None or not image.HasField("uid") or image.uid.value == 0:
        text = "container has runAsNonRoot and image will run as root"
        raise SyncError("CreateContainerConfigError", f"{text} {where}")
