"""The metrics of dynamic admission, under upstream's names.

Source: apiserver/pkg/admission/metrics/metrics.go, plugin/policy/validating/metrics, plugin/policy/mutating/metrics.
"""

from __future__ import annotations

from kubelite.apiserver import metrics

_LATENCY = (0.005, 0.025, 0.1, 0.5, 1.0, 2.5, 10.0, 25.0)
CONTROLLER = metrics.REGISTRY.histogram(
    "apiserver_admission_controller_admission_duration_seconds",
    "Admission controller latency histogram in seconds, identified by name and broken out for each operation and API "
    "resource and type (validate or admit).",
    ("name", "operation", "rejected", "type"),
    (0.005, 0.025, 0.1, 0.5, 1.0, 2.5),
)
WEBHOOK = metrics.REGISTRY.histogram(
    "apiserver_admission_webhook_admission_duration_seconds",
    "Admission webhook latency histogram in seconds, identified by name and broken out for each operation and API "
    "resource and type (validate or admit).",
    ("name", "operation", "rejected", "type"),
    _LATENCY,
)
REJECTIONS = metrics.REGISTRY.counter(
    "apiserver_admission_webhook_rejection_count",
    "Admission webhook rejection count, identified by name and broken out for each admission type (validating or admit) "
    "and operation.",
    ("error_type", "name", "operation", "rejection_code", "type"),
)
FAIL_OPEN = metrics.REGISTRY.counter(
    "apiserver_admission_webhook_fail_open_count",
    "Admission webhook fail open count, identified by name and broken out for each admission type (validating or mutating).",
    ("name", "type"),
)
REQUESTS = metrics.REGISTRY.counter(
    "apiserver_admission_webhook_request_total",
    "Admission webhook request total, identified by name and broken out for each admission type (validating or mutating) "
    "and operation.",
    ("code", "name", "operation", "rejected", "type"),
)
CONDITION_ERRORS = metrics.REGISTRY.counter(
    "apiserver_admission_match_condition_evaluation_errors_total",
    "Admission match condition evaluation errors count, identified by name of resource containing the match condition and "
    "broken out for each kind containing matchConditions (webhook or policy), operation and admission type (validate or admit).",
    ("kind", "name", "operation", "type"),
)
EXCLUSIONS = metrics.REGISTRY.counter(
    "apiserver_admission_match_condition_exclusions_total",
    "Admission match condition evaluation exclusions count, identified by name of resource containing the match condition and "
    "broken out for each kind containing matchConditions (webhook or policy), operation and admission type (validate or admit).",
    ("kind", "name", "operation", "type"),
)
POLICY_CHECKS = metrics.REGISTRY.counter(
    "apiserver_validating_admission_policy_check_total",
    "Validation admission policy check total, labeled by policy and further identified by binding and enforcement action taken.",
    ("enforcement_action", "error_type", "policy", "policy_binding"),
)
POLICY_DURATION = metrics.REGISTRY.histogram(
    "apiserver_validating_admission_policy_check_duration_seconds",
    "Validation admission latency for individual validation expressions in seconds, labeled by policy and further including "
    "binding and enforcement action taken.",
    ("enforcement_action", "error_type", "policy", "policy_binding"),
    (0.0000005, 0.001, 0.01, 0.1, 1.0),
)
MUTATION_CHECKS = metrics.REGISTRY.counter(
    "apiserver_mutating_admission_policy_check_total",
    "Mutation admission policy check total, labeled by policy and further identified by binding.",
    ("error_type", "policy", "policy_binding"),
)
MUTATION_DURATION = metrics.REGISTRY.histogram(
    "apiserver_mutating_admission_policy_check_duration_seconds",
    "Mutation admission latency for individual mutation expressions in seconds, labeled by policy and binding.",
    ("error_type", "policy", "policy_binding"),
    (0.0000005, 0.001, 0.01, 0.1, 1.0),
)
MOST_CODE = 600
"""Codes above are counted as this one, as upstream does."""
