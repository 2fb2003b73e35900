"""KubeSchedulerConfiguration, kubescheduler.config.k8s.io/v1.

What: its types with upstream's names and defaults. Why: a configuration file written for kube-scheduler configures this one.
Upstream: staging/src/k8s.io/kube-scheduler/config/v1/types.go, component-base/config/v1alpha1.
"""

from __future__ import annotations

from typing import Any

from msgspec import Struct, field

API_VERSION = "kubescheduler.config.k8s.io/v1"
KIND = "KubeSchedulerConfiguration"


class LeaderElection(Struct, kw_only=True):
    leaderElect: bool = True
    leaseDuration: str = "15s"
    renewDeadline: str = "10s"
    retryPeriod: str = "2s"
    resourceLock: str = "leases"
    resourceName: str = "kube-scheduler"
    resourceNamespace: str = "kube-system"


class ClientConnection(Struct, kw_only=True):
    """How the API server is spoken to; unlike upstream, there is no limit unless the file sets one."""

    kubeconfig: str = ""
    acceptContentTypes: str = ""
    contentType: str = "application/json"
    qps: float = 0
    burst: int = 0


class Plugin(Struct, kw_only=True):
    name: str = ""
    weight: int | None = None


class PluginSet(Struct, kw_only=True):
    enabled: list[Plugin] = field(default_factory=list)
    disabled: list[Plugin] = field(default_factory=list)


class Plugins(Struct, kw_only=True):
    preEnqueue: PluginSet = field(default_factory=PluginSet)
    queueSort: PluginSet = field(default_factory=PluginSet)
    preFilter: PluginSet = field(default_factory=PluginSet)
    filter: PluginSet = field(default_factory=PluginSet)
    postFilter: PluginSet = field(default_factory=PluginSet)
    preScore: PluginSet = field(default_factory=PluginSet)
    score: PluginSet = field(default_factory=PluginSet)
    reserve: PluginSet = field(default_factory=PluginSet)
    permit: PluginSet = field(default_factory=PluginSet)
    preBind: PluginSet = field(default_factory=PluginSet)
    bind: PluginSet = field(default_factory=PluginSet)
    postBind: PluginSet = field(default_factory=PluginSet)
    multiPoint: PluginSet = field(default_factory=PluginSet)


POINTS = Plugins.__struct_fields__[:-1]
"""The extension points that can be configured one by one."""


class PluginConfig(Struct, kw_only=True):
    name: str = ""
    args: Any = None


class Profile(Struct, kw_only=True):
    schedulerName: str | None = None
    percentageOfNodesToScore: int | None = None
    plugins: Plugins | None = None
    pluginConfig: list[PluginConfig] = field(default_factory=list)


class ManagedResource(Struct, kw_only=True):
    name: str = ""
    ignoredByScheduler: bool = False


class TLS(Struct, kw_only=True):
    insecure: bool = False
    serverName: str = ""
    certFile: str = ""
    keyFile: str = ""
    caFile: str = ""
    certData: str = ""
    keyData: str = ""
    caData: str = ""


class Extender(Struct, kw_only=True):
    urlPrefix: str = ""
    filterVerb: str = ""
    preemptVerb: str = ""
    prioritizeVerb: str = ""
    weight: int = 0
    bindVerb: str = ""
    enableHTTPS: bool = False
    tlsConfig: TLS | None = None
    httpTimeout: str = "5s"
    nodeCacheCapable: bool = False
    managedResources: list[ManagedResource] = field(default_factory=list)
    ignorable: bool = False


class Configuration(Struct, kw_only=True):
    """The whole file."""

    apiVersion: str = ""
    kind: str = ""
    parallelism: int = 16
    leaderElection: LeaderElection = field(default_factory=LeaderElection)
    clientConnection: ClientConnection = field(default_factory=ClientConnection)
    enableProfiling: bool = True
    enableContentionProfiling: bool = True
    percentageOfNodesToScore: int | None = None
    podInitialBackoffSeconds: int = 1
    podMaxBackoffSeconds: int = 10
    profiles: list[Profile] = field(default_factory=list)
    extenders: list[Extender] = field(default_factory=list)
    delayCacheUntilActive: bool = False
