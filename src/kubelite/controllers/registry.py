"""All controllers by name: the only list of them.

What: name → factory. Why: `--controllers` selects by these names, which are upstream's (cmd/kube-controller-manager/names).
Flow: `server` picks names, calls the factories with the Context and runs what they return.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from importlib import import_module
from pathlib import Path
from typing import Any

from kubelite.controllers.context import Component, Context

Factory = Callable[[Context], Component]


def _load(module: str, name: str) -> Any:
    """Imported on demand: a controller that is switched off costs nothing."""
    return getattr(import_module(f"kubelite.controllers.{module}"), name)


def _plain(module: str, name: str) -> Factory:
    return lambda context: _load(module, name)(context)


def _replica_sets(context: Context) -> Component:
    controller: Component = _load("replicaset.controller", "ReplicaSetController")(
        context, _load("replicaset.flavours", "SETS")
    )
    return controller


def _replication_controllers(context: Context) -> Component:
    controller: Component = _load("replicaset.controller", "ReplicaSetController")(
        context, _load("replicaset.flavours", "CONTROLLERS")
    )
    return controller


def _node_ipam(context: Context) -> Component:
    settings = context.settings
    pools = _load("nodeipam.plan", "pools")(
        settings.cluster_cidr, settings.node_cidr_mask_size, settings.node_cidr_mask_size_ipv6
    )
    controller: Component = _load("nodeipam.controller", "NodeIpamController")(context, pools)
    return controller


def _root_ca(context: Context) -> Component:
    controller: Component = _load("rootca.controller", "RootCaController")(context, context.ca_bundle)
    return controller


def _node_lifecycle(context: Context) -> Component:
    settings = context.settings
    rates = _load("nodelifecycle.plan", "Rates")(
        primary=settings.node_eviction_rate,
        secondary=settings.secondary_node_eviction_rate,
        large_cluster=settings.large_cluster_size_threshold,
        unhealthy_share=settings.unhealthy_zone_threshold,
    )
    controller: Component = _load("nodelifecycle.controller", "NodeLifecycleController")(
        context, settings.node_monitor_grace_period, settings.node_startup_grace_period, rates
    )
    return controller


def _pod_gc(context: Context) -> Component:
    controller: Component = _load("podgc.controller", "PodGcController")(
        context, context.settings.terminated_pod_gc_threshold
    )
    return controller


def _resource_quota(context: Context) -> Component:
    controller: Component = _load("resourcequota.controller", "ResourceQuotaController")(
        context, context.settings.resource_quota_sync_period
    )
    return controller


def _csr_signing(context: Context) -> Component:
    authorities = _load("csrsigning.settings", "authorities")(context.settings)
    longest = timedelta(seconds=context.settings.cluster_signing_duration)
    controller: Component = _load("csrsigning.controller", "SigningController")(context, authorities, longest)
    return controller


def _autoscaler(context: Context) -> Component:
    flags = context.settings
    settings = _load("podautoscaler.controller", "Settings")(
        sync_period=flags.horizontal_pod_autoscaler_sync_period,
        downscale_stabilization=flags.horizontal_pod_autoscaler_downscale_stabilization,
        tolerance=flags.horizontal_pod_autoscaler_tolerance,
        cpu_initialization_period=flags.horizontal_pod_autoscaler_cpu_initialization_period,
        initial_readiness_delay=flags.horizontal_pod_autoscaler_initial_readiness_delay,
    )
    controller: Component = _load("podautoscaler.controller", "AutoscalerController")(context, settings)
    return controller


def _token_controller(context: Context) -> Component:
    path = context.settings.service_account_private_key_file
    key = Path(path).read_bytes() if path else b""
    controller: Component = _load("serviceaccounttoken.controller", "TokenController")(context, key, context.ca_bundle)
    return controller


def _legacy_token_cleaner(context: Context) -> Component:
    controller: Component = _load("legacytokencleaner.controller", "LegacyTokenCleaner")(
        context, context.settings.legacy_service_account_token_clean_up_period
    )
    return controller


def _volume_binder(context: Context) -> Component:
    controller: Component = _load("volumebinder.controller", "VolumeBinder")(
        context, context.settings.pvclaimbinder_sync_period
    )
    return controller


def _local_path(context: Context) -> Component:
    controller: Component = _load("localpath.controller", "LocalPathProvisioner")(
        context, context.settings.local_volume_dir
    )
    return controller


CONTROLLERS: Mapping[str, Factory] = {
    "bootstrap-signer-controller": _plain("bootstrapsigner.controller", "BootstrapSigner"),
    "certificatesigningrequest-approving-controller": _plain("csrapproving.controller", "ApprovingController"),
    "certificatesigningrequest-cleaner-controller": _plain("csrcleaner.controller", "CleanerController"),
    "certificatesigningrequest-signing-controller": _csr_signing,
    "clusterrole-aggregation-controller": _plain(
        "clusterroleaggregation.controller", "ClusterRoleAggregationController"
    ),
    "cronjob-controller": _plain("cronjob.controller", "CronJobController"),
    "daemonset-controller": _plain("daemonset.controller", "DaemonSetController"),
    "deployment-controller": _plain("deployment.controller", "DeploymentController"),
    "disruption-controller": _plain("poddisruption.controller", "DisruptionController"),
    "endpoints-controller": _plain("endpoints.controller", "EndpointsController"),
    "endpointslice-controller": _plain("endpointslice.controller", "EndpointSliceController"),
    "endpointslice-mirroring-controller": _plain(
        "endpointslicemirroring.controller", "EndpointSliceMirroringController"
    ),
    "ephemeral-volume-controller": _plain("ephemeralvolume.controller", "EphemeralVolumeController"),
    "garbage-collector-controller": _plain("garbagecollector.controller", "GarbageCollector"),
    "horizontal-pod-autoscaler-controller": _autoscaler,
    "job-controller": _plain("job.controller", "JobController"),
    "legacy-serviceaccount-token-cleaner-controller": _legacy_token_cleaner,
    "local-path-provisioner-controller": _local_path,
    "namespace-controller": _plain("namespace.controller", "NamespaceController"),
    "node-ipam-controller": _node_ipam,
    "node-lifecycle-controller": _node_lifecycle,
    "pod-garbage-collector-controller": _pod_gc,
    "persistentvolume-attach-detach-controller": _plain("attachdetach.controller", "AttachDetachController"),
    "persistentvolume-binder-controller": _volume_binder,
    "persistentvolume-expander-controller": _plain("volumeexpand.controller", "ExpandController"),
    "persistentvolume-protection-controller": _plain("pvprotection.controller", "VolumeProtectionController"),
    "persistentvolumeclaim-protection-controller": _plain("pvcprotection.controller", "ClaimProtectionController"),
    "replicaset-controller": _replica_sets,
    "replicationcontroller-controller": _replication_controllers,
    "resourceclaim-controller": _plain("resourceclaim.controller", "ResourceClaimController"),
    "resourcequota-controller": _resource_quota,
    "root-ca-certificate-publisher-controller": _root_ca,
    "service-cidr-controller": _plain("servicecidr.controller", "ServiceCidrController"),
    "serviceaccount-controller": _plain("serviceaccount.controller", "ServiceAccountController"),
    "serviceaccount-token-controller": _token_controller,
    "statefulset-controller": _plain("statefulset.controller", "StatefulSetController"),
    "storageversion-garbage-collector-controller": _plain("storageversiongc.controller", "StorageVersionCollector"),
    "taint-eviction-controller": _plain("tainteviction.controller", "TaintEvictionController"),
    "token-cleaner-controller": _plain("tokencleaner.controller", "TokenCleaner"),
    "ttl-after-finished-controller": _plain("ttlafterfinished.controller", "TtlAfterFinishedController"),
    "ttl-controller": _plain("ttl.controller", "TtlController"),
    "volumeattributesclass-protection-controller": _plain("vacprotection.controller", "ClassProtectionController"),
}


def selected(words: Sequence[str]) -> list[str]:
    """The names that `--controllers` asks for: `*` for all, `name` for one, `-name` to leave one out.

    Raises ValueError for a name that is no controller.
    """
    known = set(CONTROLLERS)
    named = {word.removeprefix("-") for word in words if word != "*"}
    unknown = sorted(named - known)
    if unknown:
        raise ValueError(f'"{unknown[0]}" is not in the list of known controllers')
    left_out = {word[1:] for word in words if word.startswith("-")}
    if "*" in words:
        return [name for name in CONTROLLERS if name not in left_out]
    return [name for name in CONTROLLERS if name in words]
