"""Old versions of other kinds: autoscaling/v2beta1 and v2beta2, policy/v1beta1, rbac.authorization.k8s.io/v1beta1.

What: autoscalers whose metrics had other names; budgets whose empty selector meant no pod at all. Upstream:
pkg/apis/autoscaling/v2beta1/conversion.go, pkg/apis/policy/v1beta1/conversion.go.
"""

from __future__ import annotations

from kubelite.api.autoscaling.horizontal_pod_autoscaler import HORIZONTAL_POD_AUTOSCALER
from kubelite.api.autoscaling.horizontal_pod_autoscaler_v1 import BEHAVIOR, read, without_annotations, written
from kubelite.api.autoscaling.metric_conversion import spec_from_v2, spec_to_v2, status_from_v2, status_to_v2
from kubelite.api.older.declare import older
from kubelite.api.policy.disruption_budget import POD_DISRUPTION_BUDGET
from kubelite.api.rbac.cluster_role import CLUSTER_ROLE
from kubelite.api.rbac.cluster_role_binding import CLUSTER_ROLE_BINDING
from kubelite.api.rbac.role import ROLE
from kubelite.api.rbac.role_binding import ROLE_BINDING
from kubelite.api.types import autoscaling_v2 as v2
from kubelite.api.types import autoscaling_v2beta1 as beta
from kubelite.api.types import policy_v1 as policy
from kubelite.api.types.meta_v1 import LabelSelector, LabelSelectorRequirement

NOTHING = "pdb.kubernetes.io/deprecated-v1beta1-empty-selector-match"
"""The label that no pod has: upstream's name for the empty selector of policy/v1beta1."""


def _autoscaler(autoscaler: beta.HorizontalPodAutoscaler) -> v2.HorizontalPodAutoscaler:
    spec, status, metadata = autoscaler.spec, autoscaler.status, autoscaler.metadata
    behavior = read(metadata.annotations, BEHAVIOR, v2.HorizontalPodAutoscalerBehavior)
    metadata.annotations = without_annotations(metadata.annotations)
    return v2.HorizontalPodAutoscaler(
        metadata=metadata,
        spec=v2.HorizontalPodAutoscalerSpec(
            scaleTargetRef=spec.scaleTargetRef,
            minReplicas=spec.minReplicas,
            maxReplicas=spec.maxReplicas,
            metrics=[spec_to_v2(metric) for metric in spec.metrics],
            behavior=behavior,
        ),
        status=v2.HorizontalPodAutoscalerStatus(
            observedGeneration=status.observedGeneration,
            lastScaleTime=status.lastScaleTime,
            currentReplicas=status.currentReplicas,
            desiredReplicas=status.desiredReplicas,
            currentMetrics=[status_to_v2(metric) for metric in status.currentMetrics],
            conditions=status.conditions,
        ),
    )


def _old_autoscaler(autoscaler: v2.HorizontalPodAutoscaler) -> beta.HorizontalPodAutoscaler:
    spec, status, metadata = autoscaler.spec, autoscaler.status, autoscaler.metadata
    metadata.annotations = without_annotations(metadata.annotations)
    if spec.behavior is not None:
        metadata.annotations[BEHAVIOR] = written(spec.behavior)
    return beta.HorizontalPodAutoscaler(
        metadata=metadata,
        spec=beta.HorizontalPodAutoscalerSpec(
            scaleTargetRef=spec.scaleTargetRef,
            minReplicas=spec.minReplicas,
            maxReplicas=spec.maxReplicas,
            metrics=[spec_from_v2(metric) for metric in spec.metrics],
        ),
        status=beta.HorizontalPodAutoscalerStatus(
            observedGeneration=status.observedGeneration,
            lastScaleTime=status.lastScaleTime,
            currentReplicas=status.currentReplicas or 0,
            desiredReplicas=status.desiredReplicas or 0,
            currentMetrics=[status_from_v2(metric) for metric in status.currentMetrics],
            conditions=status.conditions,
        ),
    )


def _is_empty(selector: LabelSelector | None) -> bool:
    return selector is not None and not selector.matchLabels and not selector.matchExpressions


def _budget(budget: policy.PodDisruptionBudget) -> policy.PodDisruptionBudget:
    """The empty selector meant no pod."""
    if _is_empty(budget.spec.selector):
        budget.spec.selector = LabelSelector(
            matchExpressions=[LabelSelectorRequirement(key=NOTHING, operator="Exists")]
        )
    return budget


def _old_budget(budget: policy.PodDisruptionBudget) -> policy.PodDisruptionBudget:
    """The empty selector of today is one that every pod satisfies: a label that none has is absent."""
    selector = budget.spec.selector
    if selector is None:
        return budget
    rest = [one for one in selector.matchExpressions if one.key != NOTHING]
    if _is_empty(selector):
        rest = [LabelSelectorRequirement(key=NOTHING, operator="DoesNotExist")]
    selector.matchExpressions = rest
    return budget


HORIZONTAL_POD_AUTOSCALER_V2BETA1 = older(
    HORIZONTAL_POD_AUTOSCALER,
    "v2beta1",
    "1.22",
    "1.25",
    type_=beta.HorizontalPodAutoscaler,
    to_stored=_autoscaler,
    from_stored=_old_autoscaler,
)
HORIZONTAL_POD_AUTOSCALER_V2BETA2 = older(HORIZONTAL_POD_AUTOSCALER, "v2beta2", "1.23", "1.26")
POD_DISRUPTION_BUDGET_V1BETA1 = older(
    POD_DISRUPTION_BUDGET, "v1beta1", "1.21", "1.25", to_stored=_budget, from_stored=_old_budget
)
CLUSTER_ROLE_BINDING_V1BETA1 = older(CLUSTER_ROLE_BINDING, "v1beta1", "1.17", "1.22")
CLUSTER_ROLE_V1BETA1 = older(CLUSTER_ROLE, "v1beta1", "1.17", "1.22")
ROLE_BINDING_V1BETA1 = older(ROLE_BINDING, "v1beta1", "1.17", "1.22")
ROLE_V1BETA1 = older(ROLE, "v1beta1", "1.17", "1.22")
