"""The same command against the same server: what the real kubectl prints is what kubelite prints, byte for byte."""

from __future__ import annotations

import asyncio
import re
import shlex

import pytest

from tests import kubectls
from tests.integration.cli.conftest import Cli
from tests.integration.cli.manifests import EVERYTHING

VERSION = "1.33"
"""Texts change between versions: only this one is compared byte for byte."""
KUBECTL = kubectls.find(VERSION)
pytestmark = pytest.mark.skipif(KUBECTL is None, reason=f"there is no kubectl {VERSION} to compare with")

LINES = (
    "get pods",
    "get pods -o wide",
    "get all",
    "get deploy,svc,cm -o yaml",
    "get deploy web -o json",
    "get pod web-0 -o yaml",
    "get pods -A --show-labels -L app",
    "get pods -o custom-columns=N:.metadata.name,I:.spec.containers[*].image,X:.nope",
    "get pods nope web-0",
    "get pods -l app=nope",
    "get pods -l a=b=c",
    "get foo",
    "get -o foo pods",
    "get pod/web-0 svc/web",
    "get pods/a/b",
    "get clusterroles",
    "describe pod web-0",
    "describe deployment web",
    "describe service web",
    "describe configmap settings",
    "describe secret pass",
    "describe node node-1",
    "describe role reader",
    "describe namespace default",
    "describe pods nope",
    "explain deployment",
    "explain pod.spec.containers",
    "explain pod.spec --recursive",
    "explain pod.nope",
    "api-resources -o wide",
    "api-versions",
    "auth can-i --list",
    "auth whoami",
    "apply -f /does/not/exist",
    "create",
    "create deployment x --image=nginx --port=80 --dry-run=client -o yaml",
    "create configmap x --from-literal=a=b --dry-run=client -o json",
    "create secret generic x --from-literal=a=b --dry-run=client -o yaml",
    "create service nodeport x --tcp=80:8080 --dry-run=client -o yaml",
    "create role x --verb=get,list --resource=pods,deployments.apps --dry-run=client -o yaml",
    "create clusterrolebinding x --clusterrole=a --user=u --dry-run=client -o yaml",
    "run x --image=nginx --env=a=b --labels=c=d --dry-run=client -o yaml -- sleep 1",
    "expose deploy web --name=x --port=80 --dry-run=client -o yaml",
    "autoscale deploy web --min=2 --max=6 --cpu-percent=50 --dry-run=client -o json",
    "autoscale deploy/web --max=6 --name=x --dry-run=client -o yaml",
    "autoscale deploy web",
    "autoscale deploy web --max=1 --min=2",
    "autoscale deploy web --max=0",
    "autoscale cm settings --max=3",
    "autoscale deploy nope --max=3",
    "autoscale --max=3",
    "autoscale deploy web --max=3 --dry-run=server",
    "delete pods",
    "delete cm nope",
    "scale deploy/web --replicas=-1",
    "rollout history deploy/web",
    "rollout status deploy/web --watch=false",
    "set image deploy/web nope=x",
    "label cm settings app=other",
    "taint node node-1 x",
    "logs",
    "logs nope",
    "wait --for=condition=Ready pod/web-0 --timeout=100ms",
    "config view",
    "run x --image=nginx --port=80 --expose --dry-run=client -o yaml",
    "run x --image=nginx --port=80 --expose --labels=a=b --dry-run=client -o yaml",
    "run x --image=nginx --port=80 --expose --dry-run=client -o json",
    "explain deployment.spec",
    "explain deployment.spec.template",
    "explain pod.spec.containers.ports.name",
    "explain svc.spec.ports",
    "get",
    "describe",
    "explain",
    "gte pods",
    "xet",
    "zzzzzz",
    "config set a b",
    "config get-contexts",
    "label cm settings =c",
    "label cm settings -",
    "label cm settings a=b =c",
    "label cm settings a=b settings",
    "annotate cm settings =c",
    "annotate cm settings a=b -",
    "annotate cm settings settings a=b=c",
    "rollout undo cm/settings",
    "rollout history cm/settings",
    "rollout status cm/settings",
    "rollout undo role/reader",
    "create job j --image=b --dry-run=client -o yaml",
    "create job j --dry-run=client -o yaml",
    "create job j --image=b --from=cronjob/x --dry-run=client -o yaml",
    "create job --image=b --dry-run=client -o yaml",
    "create job j --from=cronjob/x -- a --dry-run=client -o yaml",
    "create cronjob c --image=b --schedule='*/1 * * * *' --restart=Never --dry-run=client -o yaml",
    "create cronjob c --image=b --dry-run=client -o yaml",
    "create cronjob c --dry-run=client -o yaml",
    "create cronjob c --schedule='* * * * *' --dry-run=client -o yaml",
    "create cj c --schedule='* *' --image=b --dry-run=client -o yaml",
    "create pdb p --selector=app=a --min-available=1 --dry-run=client -o yaml",
    "create pdb p --selector=app=a --max-unavailable=50% --dry-run=client -o yaml",
    "create pdb p --selector=app=a --dry-run=client -o yaml",
    "create pdb p --min-available=1 --dry-run=client -o yaml",
    "create pdb p --selector=a=b --min-available=1 --max-unavailable=1 --dry-run=client -o yaml",
    "create pdb p --selector=a=b --min-available=x --dry-run=client -o yaml",
    "create pdb p --selector='a in (b,c),!d,e,f!=g' --min-available=3% --dry-run=client -o yaml",
    "create quota q --hard=cpu=1,memory=1G,pods=2 --scopes=BestEffort,Terminating --dry-run=client -o yaml",
    "create quota q --dry-run=client -o yaml",
    "create resourcequota q --hard=x --dry-run=client -o yaml",
    "create quota q --hard=cpu=x --dry-run=client -o yaml",
    "create quota q --scopes=Foo --hard=pods=1 --dry-run=client -o yaml",
    "create quota --dry-run=client -o yaml",
    "create ingress i --class=c --rule='foo.com/path*=svc:8080,tls=cert' --annotation a=b --annotation c=d --dry-run=client",
    "create ingress i --rule='foo.com/=svc:port'  --default-backend=d:http --dry-run=client -o yaml",
    "create ingress i --dry-run=client -o yaml",
    "create ingress i --rule=x --dry-run=client -o yaml",
    "create ingress i --rule='a/b=svc' --dry-run=client -o yaml",
    "create ingress i --default-backend=x --dry-run=client -o yaml",
    "create ingress i --rule='*.x.com/=a:1' --annotation=q --dry-run=client -o yaml",
    "create ingress i --default-backend=d:80 --dry-run=client -o yaml",
    "create ingress i --rule='a.com=svc:80' --dry-run=client -o yaml",
    "create ingress i --rule='a.com/=svc:99999,foo' --dry-run=client -o yaml",
    "create ingress --dry-run=client -o yaml",
    "get pods -o go-template='{{range .items}}{{.metadata.name}} {{end}}'",
    "get deploy web --template='{{.spec.replicas}} {{(index .spec.template.spec.containers 0).image}}'",
    "get deploy web -o go-template='{{.nope.x}}' --allow-missing-template-keys=false",
    "get deploy web -o go-template='{{index .spec 1}}'",
    "get deploy web -o go-template='{{.spec'",
    "get deploy web -o go-template",
    "get deploy web -o jsonpath --template={.spec.replicas}",
    "get deploy web -o go-template-file=/does/not/exist",
)

VALUES = (
    "explain pod.spec.restartPolicy",
    "explain pod.spec.volumes.hostPath.type",
    "explain pod.spec.containers.lifecycle",
    "explain pvc.spec",
    "explain pvc.spec.accessModes",
    "explain pvc.spec --recursive",
    "explain pvc.status.allocatedResourceStatuses",
    "explain csr.spec --recursive",
)
"""Fields whose values are named, alone and in lists and maps."""


async def kubectl(cli: Cli, line: str) -> tuple[int | None, str, str]:
    assert KUBECTL is not None
    head, dashes, tail = line.partition(" -- ")
    words = [*shlex.split(head), "--kubeconfig", cli.kubeconfig, f"--cache-dir={cli.api.directory}/cache"]
    process = await asyncio.create_subprocess_exec(
        KUBECTL,
        *words,
        *(["--", *shlex.split(tail)] if dashes else []),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()
    return process.returncode, out.decode(), re.sub(r"""(["' ])kubectl(?=[" ])""", r"\1kubelite", err.decode())


async def test_prints_what_kubectl_prints(cli: Cli) -> None:
    applied = await cli("apply -f -", EVERYTHING)
    assert applied.code == 0, applied.err
    assert await _different(cli, LINES) == []


async def _different(cli: Cli, lines: tuple[str, ...]) -> list[tuple[object, ...]]:
    different: list[tuple[object, ...]] = []
    for line in lines:
        # An age may pass to the next second between the two: the second comparison decides.
        for _ in range(3):
            ours = await cli(line)
            theirs = await kubectl(cli, line)
            if (ours.code, ours.out, ours.err) == theirs:
                break
        else:
            different.append((line, (ours.code, ours.out, ours.err), theirs))
    return different


async def test_explains_the_values_of_fields_as_kubectl_does(cli: Cli) -> None:
    assert await _different(cli, VALUES) == []
    _, text, _ = await kubectl(cli, "explain pod.spec.restartPolicy")
    assert "FIELD: restartPolicy <string>\nENUM:\n    Always\n    Never\n    OnFailure\n\nDESCRIPTION:\n" in text
    assert '\n    Possible enum values:\n     - `"Always"`\n     - `"Never"`\n     - `"OnFailure"`\n' in text
    _, text, _ = await kubectl(cli, "explain pod.spec.volumes.hostPath.type")
    assert 'ENUM:\n    ""\n    BlockDevice\n' in text
    _, text, _ = await kubectl(cli, "explain pvc.spec.accessModes")
    assert "FIELD: accessModes <[]string>\n\n\nDESCRIPTION:" in text  # kubectl looks for no values inside of a list
