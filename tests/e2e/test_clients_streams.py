"""Clients of others exec into, read from and forward to running pods: kubernetes, lightkube, kr8s and client-node."""

from __future__ import annotations

import json
import os
import pathlib
import shutil
import sys
from typing import Any

import pytest

from tests.e2e.conftest import Cluster
from tests.e2e.images import WEB_1
from tests.integration.clients.javascript import client_node

OFFICIAL = """
import json, sys
from kubernetes import client, config, watch
from kubernetes.stream import stream, portforward
config.load_kube_config("/etc/kubelite/admin.kubeconfig")
namespace, api = sys.argv[1], client.CoreV1Api()
said = stream(api.connect_get_namespaced_pod_exec, "web", namespace, command=["sh", "-c", "echo out; echo err >&2"],
              stdout=True, stderr=True, stdin=False, tty=False)
shell = stream(api.connect_get_namespaced_pod_exec, "web", namespace, command=["sh"], stdin=True, stdout=True,
               stderr=True, tty=False, _preload_content=False)
shell.write_stdin("echo $((6 * 7)); exit 3\\n")
answer = shell.readline_stdout(timeout=20)
shell.run_forever(timeout=20)
first = next(iter(watch.Watch().stream(api.read_namespaced_pod_log, "web", namespace)))
forward = portforward(api.connect_get_namespaced_pod_portforward, "web", namespace, ports="8080")
socket = forward.socket(8080)
socket.sendall(b"GET /index.html HTTP/1.0\\r\\n\\r\\n")
page = b""
while data := socket.recv(4096):
    page += data
print(json.dumps({"said": said, "answer": answer, "code": shell.returncode, "first": first, "page": page.decode()}))
"""
OTHERS = """
import asyncio, json, sys, urllib.request
import kr8s, lightkube
from kr8s.asyncio.objects import Pod
from lightkube.resources.core_v1 import Pod as LightPod
path, namespace = "/etc/kubelite/admin.kubeconfig", sys.argv[1]
light = lightkube.Client(lightkube.KubeConfig.from_file(path), namespace=namespace)
seen = {"log": list(light.log("web"))[0]}
done = light.exec("web", command=["sh", "-c", "cat; exit 4"], stdin="given", stdout=True, stderr=True)
seen["light"] = [done.stdout, done.exit_code]

async def main():
    api = await kr8s.asyncio.api(kubeconfig=path)
    pod = await Pod.get("web", namespace=namespace, api=api)
    done = await pod.exec(["sh", "-c", "echo hello; exit 0"])
    seen["kr8s"] = [done.stdout.decode(), done.returncode, await pod.ready()]
    seen["lines"] = [line async for line in pod.logs()][:1]
    async with pod.portforward(8080, local_port="auto") as port:
        url = f"http://127.0.0.1:{port}/index.html"
        seen["page"] = await asyncio.to_thread(lambda: urllib.request.urlopen(url, timeout=20).read().decode())

asyncio.run(main())
print(json.dumps(seen))
"""
NODE = """
import * as k8s from '@kubernetes/client-node';
import { PassThrough } from 'node:stream';
const config = new k8s.KubeConfig();
config.loadFromFile('/etc/kubelite/admin.kubeconfig');
const namespace = process.argv[2];
const collect = () => { const s = new PassThrough(); s.text = ''; s.on('data', (d) => { s.text += d; }); return s; };
const [out, err, input] = [collect(), collect(), new PassThrough()];
const status = await new Promise(async (done) => {
  await new k8s.Exec(config).exec(namespace, 'web', 'web', ['sh', '-c', 'read x; echo $x; echo bad >&2; exit 5'],
    out, err, input, false, done);
  input.write('typed\\n');
});
const log = collect();
await new k8s.Log(config).log(namespace, 'web', 'web', log, { follow: false, tailLines: 1 });
await new Promise((done) => log.on('end', done));
console.log(JSON.stringify({ out: out.text, err: err.text, cause: status.details.causes[0].message, log: log.text }));
process.exit(0);
"""


@pytest.fixture
def web(cluster: Cluster, namespace: str) -> str:
    """A namespace with a pod `web` that serves."""
    pod: dict[str, Any] = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "web"},
        "spec": {"containers": [{"name": "web", "image": WEB_1, "ports": [{"containerPort": 8080}]}]},
    }
    cluster.apply(json.dumps(pod), namespace)
    cluster.kubelite("wait", "pod/web", "-n", namespace, "--for=condition=Ready", "--timeout=60s")
    return namespace


def test_the_python_clients_exec_follow_logs_and_forward_ports(cluster: Cluster, web: str) -> None:
    seen = json.loads(cluster.machine.run(sys.executable, "-c", OFFICIAL, web).stdout)
    assert (seen["said"], seen["answer"], seen["code"]) == ("out\nerr\n", "42", 3)
    assert seen["first"].startswith("web one listens on 8080")
    assert seen["page"].startswith("HTTP/1.") and "web" in seen["page"]
    seen = json.loads(cluster.machine.run(sys.executable, "-W", "ignore", "-c", OTHERS, web).stdout)
    assert (seen["light"], seen["kr8s"]) == (["given", 4], ["hello\n", 0, True])
    assert seen["log"].startswith("web one listens") and seen["lines"][0].startswith("web one listens")
    assert "web" in seen["page"]


def test_the_javascript_client_execs_and_reads_logs(cluster: Cluster, web: str) -> None:
    folder = client_node()
    program = pathlib.Path(folder / f"exec-{os.getpid()}.mjs")
    program.write_text(NODE)
    try:
        node = shutil.which("node") or "node"
        seen = json.loads(cluster.machine.run(node, str(program), web).stdout)
    finally:
        program.unlink()
    assert (seen["out"], seen["err"], seen["cause"]) == ("typed\n", "bad\n", "5")
    assert seen["log"].startswith("web one listens")
