"""Old versions of the workloads: apps/v1beta1, apps/v1beta2, extensions/v1beta1 and batch/v1beta1.

What: their defaults, and fields that have gone. Selector and labels were taken from the template, a Deployment replaced pods one
by one and for ever, a StatefulSet or DaemonSet waited until somebody deleted its pods. Upstream: pkg/apis/{apps,extensions}/
v1beta1/defaults.go and the conversions that keep `rollbackTo` and `templateGeneration` in annotations.
"""

from __future__ import annotations

from typing import Any

from kubelite.api.apps.controller_revision import CONTROLLER_REVISION
from kubelite.api.apps.daemon_set import DAEMON_SET, TEMPLATE_GENERATION, template_generation
from kubelite.api.apps.deployment import DEPLOYMENT, ROLLING_UPDATE
from kubelite.api.apps.replica_set import REPLICA_SET
from kubelite.api.apps.stateful_set import STATEFUL_SET
from kubelite.api.batch.cron_job import CRON_JOB
from kubelite.api.older.declare import older, with_defaults
from kubelite.api.types import apps_v1 as apps
from kubelite.api.types import extensions_v1beta1 as beta
from kubelite.api.types.meta_v1 import LabelSelector
from kubelite.machinery import codec

EXTENSIONS = "extensions"
ROLLBACK_TO = "deprecated.deployment.rollback.to"
FOR_EVER = 2**31 - 1
"""No deadline, no limit."""


def _from_template(obj: Any) -> None:
    """Selector and labels are the template's labels."""
    labels = obj.spec.template.metadata.labels
    if not labels:
        return
    if obj.spec.selector is None:
        obj.spec.selector = LabelSelector(matchLabels=dict(labels))
    if not obj.metadata.labels:
        obj.metadata.labels = dict(labels)


def _rolling(deployment: beta.Deployment, step: int | str) -> None:
    strategy = deployment.spec.strategy
    strategy.type = strategy.type or ROLLING_UPDATE
    if strategy.type != ROLLING_UPDATE:
        return
    strategy.rollingUpdate = strategy.rollingUpdate or apps.RollingUpdateDeployment()
    if strategy.rollingUpdate.maxUnavailable is None:
        strategy.rollingUpdate.maxUnavailable = step
    if strategy.rollingUpdate.maxSurge is None:
        strategy.rollingUpdate.maxSurge = step


def _deployment_of_extensions(deployment: beta.Deployment) -> apps.Deployment:
    """One pod at a time, without deadline; every old ReplicaSet is kept."""
    _from_template(deployment)
    _rolling(deployment, 1)
    if deployment.spec.progressDeadlineSeconds is None:
        deployment.spec.progressDeadlineSeconds = FOR_EVER
    if deployment.spec.revisionHistoryLimit is None:
        deployment.spec.revisionHistoryLimit = FOR_EVER
    return _deployment(deployment)


def _deployment_of_apps(deployment: beta.Deployment) -> apps.Deployment:
    """Two old ReplicaSets are kept."""
    _from_template(deployment)
    if deployment.spec.revisionHistoryLimit is None:
        deployment.spec.revisionHistoryLimit = 2
    return _deployment(deployment)


def _plain(obj: Any, type_: Any) -> Any:
    """The same object without what only the old version has."""
    return codec.decode(codec.encode(obj), type_)


def _deployment(deployment: beta.Deployment) -> apps.Deployment:
    rollback = deployment.spec.rollbackTo
    found: apps.Deployment = _plain(deployment, apps.Deployment)
    if rollback is not None:
        found.metadata.annotations[ROLLBACK_TO] = str(rollback.revision or 0)
    return found


def _old_deployment(deployment: apps.Deployment) -> beta.Deployment:
    found: beta.Deployment = _plain(deployment, beta.Deployment)
    text = found.metadata.annotations.pop(ROLLBACK_TO, "")
    if text.isascii() and text.isdigit() and len(text) < 19:
        found.spec.rollbackTo = beta.RollbackConfig(revision=int(text))
    return found


def _daemon_set(daemon_set: beta.DaemonSet) -> apps.DaemonSet:
    """Pods are replaced when somebody deletes them."""
    _from_template(daemon_set)
    strategy = daemon_set.spec.updateStrategy
    strategy.type = strategy.type or "OnDelete"
    found: apps.DaemonSet = _plain(daemon_set, apps.DaemonSet)
    if daemon_set.spec.templateGeneration:
        found.metadata.annotations[TEMPLATE_GENERATION] = str(daemon_set.spec.templateGeneration)
    return found


def _old_daemon_set(daemon_set: apps.DaemonSet) -> beta.DaemonSet:
    found: beta.DaemonSet = _plain(daemon_set, beta.DaemonSet)
    found.spec.templateGeneration = template_generation(daemon_set) or None
    found.metadata.annotations.pop(TEMPLATE_GENERATION, None)
    return found


def _stateful_set(stateful_set: apps.StatefulSet) -> None:
    """Pods are replaced when somebody deletes them."""
    _from_template(stateful_set)
    stateful_set.spec.updateStrategy.type = stateful_set.spec.updateStrategy.type or "OnDelete"


DEPLOYMENT_EXTENSIONS = older(
    DEPLOYMENT,
    "v1beta1",
    "1.8",
    "1.16",
    group=EXTENSIONS,
    type_=beta.Deployment,
    to_stored=_deployment_of_extensions,
    from_stored=_old_deployment,
)
DAEMON_SET_EXTENSIONS = older(
    DAEMON_SET,
    "v1beta1",
    "1.8",
    "1.16",
    group=EXTENSIONS,
    type_=beta.DaemonSet,
    to_stored=_daemon_set,
    from_stored=_old_daemon_set,
)
REPLICA_SET_EXTENSIONS = older(
    REPLICA_SET, "v1beta1", "1.8", "1.16", group=EXTENSIONS, to_stored=with_defaults(_from_template)
)
DEPLOYMENT_V1BETA1 = older(
    DEPLOYMENT,
    "v1beta1",
    "1.8",
    "1.16",
    type_=beta.Deployment,
    to_stored=_deployment_of_apps,
    from_stored=_old_deployment,
)
STATEFUL_SET_V1BETA1 = older(STATEFUL_SET, "v1beta1", "1.8", "1.16", to_stored=with_defaults(_stateful_set))
CONTROLLER_REVISION_V1BETA1 = older(CONTROLLER_REVISION, "v1beta1", "1.8", "1.16")
CONTROLLER_REVISION_V1BETA2 = older(CONTROLLER_REVISION, "v1beta2", "1.9", "1.16")
DAEMON_SET_V1BETA2 = older(DAEMON_SET, "v1beta2", "1.9", "1.16")
DEPLOYMENT_V1BETA2 = older(DEPLOYMENT, "v1beta2", "1.9", "1.16")
REPLICA_SET_V1BETA2 = older(REPLICA_SET, "v1beta2", "1.9", "1.16")
STATEFUL_SET_V1BETA2 = older(STATEFUL_SET, "v1beta2", "1.9", "1.16")
CRON_JOB_V1BETA1 = older(CRON_JOB, "v1beta1", "1.21", "1.25")
