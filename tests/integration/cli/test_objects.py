"""Commands that read and change objects leave the world and the terminal as kubectl would."""

from __future__ import annotations

import asyncio
import copy
import io

import pytest

from kubelite.cli.main import execute
from kubelite.cli.session import Streams
from tests.integration.cli.conftest import Cli
from tests.integration.cli.manifests import CONFIG_MAP, DEPLOYMENT, EVERYTHING, NODE, POD, SERVICE, TEMPLATE
from tests.integration.controllers.manager import eventually


async def test_apply_creates_then_changes_then_finds_nothing_to_do(cli: Cli) -> None:
    assert (await cli("apply -f -", DEPLOYMENT)).out == "deployment.apps/web created\n"
    assert (await cli("apply -f -", DEPLOYMENT)).out == "deployment.apps/web unchanged\n"
    changed = copy.deepcopy(DEPLOYMENT)
    changed["spec"]["replicas"] = 5
    assert (
        await cli("apply -f - --dry-run=server", changed)
    ).out == "deployment.apps/web configured (server dry run)\n"
    assert (await cli("get deploy web -o jsonpath={.spec.replicas}")).out == "2"
    assert (await cli("apply -f -", changed)).out == "deployment.apps/web configured\n"
    assert (await cli("get deploy web -o jsonpath={.spec.replicas}")).out == "5"


async def test_apply_warns_about_an_object_that_it_did_not_create(cli: Cli) -> None:
    await cli("create -f -", CONFIG_MAP)
    result = await cli("apply -f -", CONFIG_MAP)
    assert result.out == "configmap/settings configured\n"
    assert result.err.startswith(
        "Warning: resource configmaps/settings is missing the kubectl.kubernetes.io/last-applied"
    )


async def test_apply_removes_what_the_file_no_longer_has_only(cli: Cli) -> None:
    await cli("apply -f -", CONFIG_MAP)
    await cli('patch cm settings --type=merge -p \'{"data":{"other":"x"}}\'')
    await cli("apply -f -", CONFIG_MAP | {"data": {"a": "1"}})
    assert (await cli("get cm settings -o jsonpath={.data}")).out == '{"a":"1","other":"x"}'


async def test_create_reports_each_failure_and_goes_on(cli: Cli) -> None:
    await cli("create -f -", CONFIG_MAP)
    result = await cli("create -f -", {"apiVersion": "v1", "kind": "List", "items": [CONFIG_MAP, SERVICE]})
    assert (result.code, result.out) == (1, "service/web created\n")
    assert result.err == (
        'Error from server (AlreadyExists): error when creating "STDIN": configmaps "settings" already exists\n'
    )


async def test_unknown_fields_are_refused_unless_told_otherwise(cli: Cli) -> None:
    wrong = CONFIG_MAP | {"dta": {}}
    refused = await cli("create -f -", wrong)
    assert (refused.code, 'unknown field "dta"' in refused.err) == (1, True)
    assert (await cli("create -f - --validate=ignore", wrong)).out == "configmap/settings created\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: [", "error: error parsing STDIN: error converting YAML to JSON: yaml:"),
        ("kind: Pod", 'error: error validating "STDIN": error validating data: apiVersion not set;'),
        ("{apiVersion: v1, kind: Foo, metadata: {name: x}}", 'no matches for kind "Foo" in version "v1"\nensure CRDs'),
        ("{apiVersion: v1, kind: Pod, metadata: {name: x, namespace: other}}", "does not match the namespace"),
        ("", "error: no objects passed to create"),
    ],
)
async def test_bad_manifests_are_explained(cli: Cli, text: str, message: str) -> None:
    result = await cli("create -n default -f -", text)
    assert (result.code, result.out) == (1, "")
    assert message in result.err


async def test_get_says_what_is_not_there(cli: Cli) -> None:
    assert (await cli("get pods")).err == "No resources found in default namespace.\n"
    assert (await cli("get pods -A")).err == "No resources found\n"
    missing = await cli("get pods x")
    assert (missing.code, missing.err) == (1, 'Error from server (NotFound): pods "x" not found\n')
    assert (await cli("get pods x --ignore-not-found")).code == 0
    assert (await cli("get foo")).err == 'error: the server doesn\'t have a resource type "foo"\n'


async def test_get_prints_several_kinds_with_their_names(cli: Cli) -> None:
    await cli("apply -f -", EVERYTHING)
    names = (await cli("get deploy,cm,svc -l app=web -o name")).out
    assert names == "configmap/settings\n"
    lines = (await cli("get deploy,cm")).out.splitlines()
    assert [line.split()[0] for line in lines if line] == ["NAME", "deployment.apps/web", "NAME", "configmap/settings"]


async def test_watch_prints_what_happens(cli: Cli) -> None:
    await cli("create -f -", CONFIG_MAP)
    out = io.StringIO()
    words = ["get", "cm", "--watch", "-o", "name", "--kubeconfig", cli.kubeconfig]
    task = asyncio.create_task(execute(words, Streams(out, io.StringIO())))

    async def seen(name: str) -> bool:
        return name in out.getvalue()

    await eventually(lambda: seen("settings"))
    await cli("create configmap second")
    await eventually(lambda: seen("second"))
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert out.getvalue() == "configmap/settings\nconfigmap/second\n"


async def test_delete_by_name_selector_and_file(cli: Cli) -> None:
    await cli("apply -f -", EVERYTHING)
    assert (await cli("delete svc/web")).out == 'service "web" deleted\n'
    assert (await cli("delete cm -l app=web")).out == 'configmap "settings" deleted\n'
    assert (await cli("delete -f -", DEPLOYMENT)).out == 'deployment.apps "web" deleted\n'
    assert (await cli("delete cm -l app=web")).out == "No resources found\n"
    assert (await cli("delete svc web --ignore-not-found")).code == 0
    assert (await cli("delete svc web")).err == 'Error from server (NotFound): services "web" not found\n'
    assert (await cli("get deploy,svc -l app=web")).err == "No resources found in default namespace.\n"


async def test_forced_deletion_says_so(cli: Cli) -> None:
    await cli("apply -f -", POD)
    result = await cli("delete pod web-0 --force --grace-period=0")
    assert result.out == 'pod "web-0" force deleted\n'
    assert result.err.startswith("Warning: Immediate deletion does not wait")


async def test_delete_waits_for_graceful_ends_no_longer_than_asked(cli: Cli) -> None:
    await cli("apply -f -", POD)
    result = await cli("delete pod web-0 --timeout=200ms")
    assert (result.code, result.out) == (1, 'pod "web-0" deleted\n')
    assert result.err == "error: timed out waiting for the condition on pods/web-0\n"


async def test_scale_and_its_preconditions(cli: Cli) -> None:
    await cli("apply -f -", DEPLOYMENT)
    assert (await cli("scale deploy/web --replicas=4")).out == "deployment.apps/web scaled\n"
    assert (await cli("get deploy web -o jsonpath={.spec.replicas}")).out == "4"
    refused = await cli("scale deploy/web --replicas=1 --current-replicas=2")
    assert (refused.code, refused.err) == (1, "error: Expected replicas to be 2, was 4\n")


async def test_set_image_changes_the_template(cli: Cli) -> None:
    await cli("apply -f -", DEPLOYMENT)
    assert (await cli("set image deployment/web nginx=nginx:2")).out == "deployment.apps/web image updated\n"
    assert (await cli("get deploy web -o jsonpath={.spec.template.spec.containers[*].image}")).out == "nginx:2"
    assert (await cli("set image deployment/web nope=x")).err == 'error: unable to find container named "nope"\n'
    assert (await cli("set env deployment/web A=1 B=2")).out == "deployment.apps/web env updated\n"
    assert (await cli("set env deployment/web A-")).code == 0
    listed = await cli("set env deployment/web --list")
    assert listed.out == "# Deployment web, container nginx\nB=2\n"


async def _with_history(cli: Cli) -> None:
    """A deployment with two revisions, as its controller would leave it."""
    await cli("apply -f -", DEPLOYMENT)
    uid = (await cli("get deploy web -o jsonpath={.metadata.uid}")).out
    for number, image in (("1", "nginx:0"), ("2", "nginx:1")):
        template = copy.deepcopy(TEMPLATE)
        template["spec"]["containers"][0]["image"] = image
        template["metadata"]["labels"]["pod-template-hash"] = f"hash{number}"
        metadata = {
            "name": f"web-{number}",
            "labels": template["metadata"]["labels"],
            "annotations": {
                "deployment.kubernetes.io/revision": number,
                "kubernetes.io/change-cause": f"image {image}",
            },
            "ownerReferences": [
                {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web", "uid": uid, "controller": True}
            ],
        }
        spec = {"selector": {"matchLabels": template["metadata"]["labels"]}, "template": template}
        made = await cli(
            "create -f -", {"apiVersion": "apps/v1", "kind": "ReplicaSet", "metadata": metadata, "spec": spec}
        )
        assert made.code == 0, made.err


async def test_rollout_history_and_undo(cli: Cli) -> None:
    await _with_history(cli)
    history = await cli("rollout history deployment/web")
    assert history.out == (
        "deployment.apps/web \nREVISION  CHANGE-CAUSE\n1         image nginx:0\n2         image nginx:1\n\n"
    )
    assert "nginx:0" in (await cli("rollout history deploy/web --revision=1")).out
    assert (await cli("rollout undo deploy/web")).out == "deployment.apps/web rolled back\n"
    assert (await cli("get deploy web -o jsonpath={.spec.template.spec.containers[*].image}")).out == "nginx:0"
    assert (await cli("rollout undo deploy/web --to-revision=9")).err == (
        "error: unable to find specified revision 9 in history\n"
    )


async def test_rollout_pause_resume_restart(cli: Cli) -> None:
    await cli("apply -f -", DEPLOYMENT)
    assert (await cli("rollout pause deploy/web")).out == "deployment.apps/web paused\n"
    assert (await cli("rollout pause deploy/web")).err == 'error: deployments.apps "web" is already paused\n'
    assert "can't restart paused deployment" in (await cli("rollout restart deploy/web")).err
    assert (await cli("rollout resume deploy/web")).out == "deployment.apps/web resumed\n"
    assert (await cli("rollout restart deploy/web")).out == "deployment.apps/web restarted\n"
    assert "restartedAt" in (await cli("get deploy web -o yaml")).out
    assert (await cli("rollout restart svc/kubernetes")).err == (
        'error: services "kubernetes" restarting is not supported\n'
    )


async def test_label_and_annotate(cli: Cli) -> None:
    await cli("apply -f -", CONFIG_MAP)
    assert (await cli("label cm settings tier=back")).out == "configmap/settings labeled\n"
    assert (await cli("label cm settings tier=front")).err == (
        "error: 'tier' already has a value (back), and --overwrite is false\n"
    )
    assert (await cli("label cm settings tier=front --overwrite")).out == "configmap/settings labeled\n"
    assert (await cli("label cm settings tier-")).out == "configmap/settings unlabeled\n"
    assert (await cli("label cm settings --list")).out == "app=web\n"
    assert (await cli("annotate cm settings a=b")).out == "configmap/settings annotated\n"


async def test_expose_run_and_patch(cli: Cli) -> None:
    await cli("apply -f -", DEPLOYMENT)
    assert (await cli("expose deployment web --port=80 --type=NodePort")).out == "service/web exposed\n"
    assert (await cli("run box --image=busybox -- sleep 1")).out == "pod/box created\n"
    assert (await cli("get pod box -o jsonpath={.spec.containers[*].args}")).out == '["sleep","1"]'
    assert (await cli('patch svc web -p \'{"spec":{"type":"ClusterIP"}}\'')).out == "service/web patched\n"
    assert (await cli('patch svc web -p \'{"spec":{"type":"ClusterIP"}}\'')).out == "service/web patched (no change)\n"


async def test_wait_for_conditions_creation_and_deletion(cli: Cli) -> None:
    await cli("create -f -", CONFIG_MAP)
    assert (await cli("wait --for=jsonpath={.data.a}=1 cm/settings")).out == "configmap/settings condition met\n"
    late = asyncio.create_task(cli("wait --for=create cm/late --timeout=5s"))
    gone = asyncio.create_task(cli("wait --for=delete cm/settings --timeout=5s"))
    await asyncio.sleep(0.1)
    await cli("create cm late")
    await cli("delete cm settings")
    assert (await late).out == "configmap/late condition met\n"
    assert (await gone).out == "configmap/settings condition met\n"
    never = await cli("wait --for=condition=Ready cm/late --timeout=50ms")
    assert (never.code, never.err) == (1, "error: timed out waiting for the condition on configmaps/late\n")


async def test_nodes_are_cordoned_tainted_and_drained(cli: Cli) -> None:
    await cli("apply -f -", NODE)
    assert (await cli("cordon node-1")).out == "node/node-1 cordoned\n"
    assert (await cli("cordon node-1")).out == "node/node-1 already cordoned\n"
    assert (await cli("taint node node-1 x=y:NoSchedule")).out == "node/node-1 tainted\n"
    assert (await cli("taint node node-1 x-")).out == "node/node-1 untainted\n"
    await cli("apply -f -", POD)
    refused = await cli("drain node-1")
    assert refused.code == 1
    assert (
        "cannot delete Pods with local storage (use --delete-emptydir-data to override): default/web-0" in refused.err
    )
    assert (await cli("uncordon node-1")).out == "node/node-1 uncordoned\n"


async def test_create_lets_the_user_edit_first(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBE_EDITOR", "sed -i s/old/new/")
    created = await cli("create --edit -f -", CONFIG_MAP | {"data": {"a": "old"}})
    assert (created.code, created.out) == (0, "configmap/settings created\n"), created.err
    assert (await cli("get cm settings -o jsonpath={.data.a}")).out == "new"
    monkeypatch.setenv("KUBE_EDITOR", "true")
    again = await cli("create --edit -f -", CONFIG_MAP | {"metadata": {"name": "other"}})
    assert (again.code, again.out, again.err) == (0, "", "Edit cancelled, no changes made.\n")
    monkeypatch.setenv("KUBE_EDITOR", "sed -i s/.*/text/")
    broken = await cli("create --edit -f -", CONFIG_MAP | {"metadata": {"name": "other"}})
    assert broken.code == 1
    assert "invalid" in broken.err
    assert (await cli("get cm other")).code == 1


async def test_edit_sends_what_changed(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    await cli("create -f -", CONFIG_MAP)
    monkeypatch.setenv("KUBE_EDITOR", 'sed -i \'s/a: "1"/a: "2"/\'')
    assert (await cli("edit cm settings")).out == "configmap/settings edited\n"
    assert (await cli("get cm settings -o jsonpath={.data.a}")).out == "2"
    monkeypatch.setenv("KUBE_EDITOR", "true")
    assert (await cli("edit cm settings")).err == "Edit cancelled, no changes made.\n"


async def test_diff_shows_what_apply_would_change(cli: Cli) -> None:
    await cli("apply -f -", CONFIG_MAP)
    assert (await cli("diff -f -", CONFIG_MAP)).code == 0
    result = await cli("diff -f -", CONFIG_MAP | {"data": {"a": "9", "b": "two\nlines\n"}})
    assert result.code == 1
    assert '-  a: "1"\n+  a: "9"\n' in result.out


async def test_config_files_are_read_and_changed(cli: Cli) -> None:
    assert (await cli("config current-context")).out == "test\n"
    assert (await cli("config set-context other --cluster=test --user=admin --namespace=x")).out == (
        'Context "other" created.\n'
    )
    assert (await cli("config use-context other")).out == 'Switched to context "other".\n'
    assert (await cli("get pods")).err == "No resources found in x namespace.\n"
    assert (await cli("config use-context nope")).err == 'error: no context exists with the name: "nope"\n'
    assert "token: REDACTED" in (await cli("config view")).out


async def test_the_server_can_be_out_of_reach(cli: Cli) -> None:
    result = await cli("get pods --server=https://127.0.0.1:1")
    assert (result.code, result.err) == (
        1,
        "The connection to the server 127.0.0.1:1 was refused - did you specify the right host or port?\n",
    )


async def test_may_i(cli: Cli) -> None:
    assert (await cli("auth can-i delete pods")).out == "yes\n"
    denied = await cli("auth can-i delete pods --as=someone")
    assert (denied.code, denied.out) == (1, "no\n")


async def test_config_set_writes_what_the_next_command_reads(cli: Cli) -> None:
    result = await cli("config set contexts.other.namespace kube-system")
    assert (result.code, result.out) == (0, 'Property "contexts.other.namespace" set.\n'), result.err
    assert "other" in (await cli("config get-contexts")).out
    await cli("config unset contexts.other")
    assert "other" not in (await cli("config get-contexts")).out


async def test_a_service_is_created_with_the_pod_that_it_exposes(cli: Cli) -> None:
    result = await cli("run x --image=i --port=80 --expose")
    assert (result.code, result.out) == (0, "service/x created\npod/x created\n"), result.err
    assert (await cli("get svc x -o jsonpath={.spec.selector}")).out == '{"run":"x"}'


async def test_words_of_the_program_are_suggested_for_misspelt_ones(cli: Cli) -> None:
    out, err = io.StringIO(), io.StringIO()
    code = await execute(["stauts"], Streams(out, err), extra={"Lifecycle": {"status": "", "up": ""}})
    assert (code, err.getvalue().endswith("\nDid you mean this?\n\tstatus\n")) == (1, True)


async def test_apply_prunes_what_the_files_no_longer_have(cli: Cli) -> None:
    labelled = [CONFIG_MAP | {"metadata": {"name": name, "labels": {"app": "x"}}} for name in ("one", "two")]
    foreign = CONFIG_MAP | {"metadata": {"name": "foreign", "labels": {"app": "x"}}}
    await cli("create -f -", foreign)
    everything = {"apiVersion": "v1", "kind": "List", "items": labelled}
    assert (await cli("apply -f -", everything)).code == 0
    rehearsed = await cli("apply -f - --prune -l app=x --dry-run=server", labelled[0])
    assert rehearsed.out.splitlines()[-1] == "configmap/two pruned (server dry run)"
    kept = await cli("apply -f - --prune -l app=x --prune-allowlist=core/v1/Secret", labelled[0])
    assert kept.out == "configmap/one unchanged\n"
    pruned = await cli("apply -f - --prune -l app=x", labelled[0])
    assert (pruned.code, pruned.out) == (0, "configmap/one unchanged\nconfigmap/two pruned\n")
    assert (await cli("get cm -l app=x -o name")).out == "configmap/foreign\nconfigmap/one\n"
