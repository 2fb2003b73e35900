"""What is reported of webhooks: warnings, the audit log, metrics."""

from __future__ import annotations

import json
import pathlib

import pytest

from kubelite.apiserver.admission import observed
from tests.apienv import api_server
from tests.integration.admission.hookserver import (
    MUTATING,
    VALIDATING,
    create,
    deny,
    hook_server,
    patched,
    register,
    set_data,
    webhook,
)


@pytest.mark.parametrize("level", ["Metadata", "Request"])
async def test_the_audit_log_says_who_changed_what(level: str, tmp_path: pathlib.Path) -> None:
    log, rules = tmp_path / "audit.log", tmp_path / "policy.yaml"
    rules.write_text(f"apiVersion: audit.k8s.io/v1\nkind: Policy\nrules: [{{level: {level}}}]\n")
    answer = {**patched(set_data("a", "1")), "auditAnnotations": {"key": "value"}}
    settings = {"audit_log_path": str(log), "audit_policy_file": str(rules)}
    async with hook_server(change=lambda request: answer) as hooks, api_server(**settings) as api:
        await register(api, MUTATING, webhook(hooks.client("change")))
        assert (await create(api)).status == 201
    events = [json.loads(line) for line in log.read_text().splitlines()]
    (made,) = [
        one for one in events if one["requestURI"].endswith("/configmaps") and one["stage"] == "ResponseComplete"
    ]
    found = made["annotations"]
    said = {"configuration": "test", "webhook": "one.example.com"}
    assert json.loads(found["mutation.webhook.admission.k8s.io/round_0_index_0"]) == {**said, "mutated": True}
    assert found["one.example.com/key"] == "value"
    patch_said = found.get("patch.webhook.admission.k8s.io/round_0_index_0")
    if level == "Metadata":
        assert patch_said is None
    else:
        assert json.loads(patch_said) == {**said, "patch": [set_data("a", "1")], "patchType": "JSONPatch"}


async def test_warnings_of_webhooks_reach_the_client() -> None:
    warn = {"allowed": True, "warnings": ["take care"], "auditAnnotations": {"k": "v"}}
    async with hook_server(warn=lambda request: warn) as hooks, api_server() as api:
        await register(api, VALIDATING, webhook(hooks.client("warn")))
        assert '299 - "take care"' in (await create(api)).headers["warning"]


async def test_failures_and_rejections_are_counted() -> None:
    async with hook_server(deny=deny("no", code=403)) as hooks, api_server() as api:
        found = webhook(hooks.client("deny"), name="counted.example.com")
        await register(api, VALIDATING, found)
        await create(api)
        text = (await api.get("/metrics")).body.decode()
    labels = (
        'error_type="no_error",name="counted.example.com",operation="CREATE",rejection_code="403",type="validating"'
    )
    assert f"apiserver_admission_webhook_rejection_count{{{labels}}} 1" in text
    labels = 'code="200",name="counted.example.com",operation="CREATE",rejected="true",type="validating"'
    assert f"apiserver_admission_webhook_request_total{{{labels}}} 1" in text
    assert observed.WEBHOOK.row("counted.example.com", "CREATE", "true", "validating")[-1] > 0
