"""Webhook configurations: who outside the server is asked about writes, and when.

What: ValidatingWebhookConfiguration and MutatingWebhookConfiguration. Why: both are lists of webhooks that differ in one field.
Flow: one set of rules, two declarations. Upstream: pkg/apis/admissionregistration/validation, v1/defaults.go.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from kubelite.api import columns, webhook_client
from kubelite.api import validation as check
from kubelite.api.admissionregistration import expressions, rules
from kubelite.api.types import admissionregistration_v1 as v1
from kubelite.api.types.meta_v1 import LabelSelector
from kubelite.machinery import fielderrors as fe
from kubelite.machinery import names
from kubelite.machinery.fielderrors import FieldErrors, Path
from kubelite.machinery.kind import Column, Kind

Configuration = v1.ValidatingWebhookConfiguration | v1.MutatingWebhookConfiguration
Webhook = v1.ValidatingWebhook | v1.MutatingWebhook
SIDE_EFFECTS = ("None", "NoneOnDryRun")
REVIEW_VERSIONS = ("v1", "v1beta1")


def set_defaults(configuration: Configuration) -> None:
    """Failing means refusing, after ten seconds; everything matches; mutating webhooks are called once."""
    for webhook in configuration.webhooks:
        webhook.failurePolicy = webhook.failurePolicy or "Fail"
        webhook.matchPolicy = webhook.matchPolicy or "Equivalent"
        webhook.namespaceSelector = webhook.namespaceSelector or LabelSelector()
        webhook.objectSelector = webhook.objectSelector or LabelSelector()
        if webhook.timeoutSeconds is None:
            webhook.timeoutSeconds = 10
        if isinstance(webhook, v1.MutatingWebhook):
            webhook.reinvocationPolicy = webhook.reinvocationPolicy or "Never"
        webhook_client.default_port(webhook.clientConfig)
        rules.default_rules(webhook.rules)


def validate(configuration: Configuration) -> FieldErrors:
    """Each webhook is right and has a name of its own."""
    errors: FieldErrors = []
    seen: set[str] = set()
    webhooks: Sequence[Webhook] = configuration.webhooks
    for index, webhook in enumerate(webhooks):
        path = Path("webhooks").index(index)
        errors += _validate_webhook(webhook, path)
        errors += webhook_client.validate_review_versions(
            webhook.admissionReviewVersions, REVIEW_VERSIONS, path / "admissionReviewVersions"
        )
        if webhook.name and webhook.name in seen:
            errors.append(fe.duplicate(path / "name", webhook.name))
        seen.add(webhook.name)
    return errors


def _validate_webhook(webhook: Webhook, path: Path) -> FieldErrors:
    errors = _validate_name(webhook.name, path / "name")
    for index, rule in enumerate(webhook.rules):
        errors += rules.validate_rule(rule, (path / "rules").index(index))
    errors += rules.choice(path / "failurePolicy", webhook.failurePolicy, rules.FAILURE_POLICIES)
    errors += rules.choice(path / "matchPolicy", webhook.matchPolicy, rules.MATCH_POLICIES)
    if not webhook.sideEffects:
        errors.append(fe.required(path / "sideEffects", f"must specify one of {', '.join(SIDE_EFFECTS)}"))
    else:
        errors += rules.choice(path / "sideEffects", webhook.sideEffects, SIDE_EFFECTS)
    seconds = webhook.timeoutSeconds
    if seconds is not None and not 1 <= seconds <= 30:
        detail = "the timeout value must be between 1 and 30 seconds"
        errors.append(fe.invalid(path / "timeoutSeconds", seconds, detail))
    errors += check.label_selector(webhook.namespaceSelector, path / "namespaceSelector")
    errors += check.label_selector(webhook.objectSelector, path / "objectSelector")
    if isinstance(webhook, v1.MutatingWebhook):
        here = path / "reinvocationPolicy"
        errors += rules.choice(here, webhook.reinvocationPolicy, rules.REINVOCATION_POLICIES)
    errors += webhook_client.validate(webhook.clientConfig, path / "clientConfig")
    errors += rules.validate_conditions(webhook.matchConditions, path / "matchConditions")
    return errors + expressions.check_conditions(webhook.matchConditions, path / "matchConditions")


def _validate_name(name: str, path: Path) -> FieldErrors:
    """A name in a domain: at least three parts."""
    if not name:
        return [fe.required(path)]
    wrong = names.dns1123_subdomain(name)
    if wrong:
        return [fe.invalid(path, name, ",".join(wrong))]
    if name.count(".") < 2:
        return [fe.invalid(path, name, "should be a domain with at least three segments separated by dots")]
    return []


def row(configuration: Configuration, now: datetime) -> list[Any]:
    """The cells in the order of `COLUMNS`."""
    return columns.cells(configuration.metadata.name, configuration, now, len(configuration.webhooks))


COLUMNS = (
    Column(name="Name", format="name", description="Name of the configuration."),
    Column(name="Webhooks", type="integer", description="How many webhooks it has."),
    Column(name="Age", description="How long the object exists."),
)


def _declare(kind: str, type_: type[Configuration]) -> Kind:
    return Kind(
        group=rules.GROUP,
        version="v1",
        kind=kind,
        plural=f"{kind.lower()}s",
        type=type_,
        namespaced=False,
        categories=rules.CATEGORIES,
        set_defaults=set_defaults,
        validate=validate,
        has_generation=True,
        unconditional_update=False,
        columns=COLUMNS,
        row=row,
    )


VALIDATING_WEBHOOK_CONFIGURATION = _declare("ValidatingWebhookConfiguration", v1.ValidatingWebhookConfiguration)
MUTATING_WEBHOOK_CONFIGURATION = _declare("MutatingWebhookConfiguration", v1.MutatingWebhookConfiguration)
