"""An operator of kind Order, written with kopf and lightkube; `kopf run` executes it in a process of its own.

Each order gets a Deployment and a ConfigMap that it owns; updates reach the Deployment; a timer and a daemon report in the
order's status; the deletion is held until the operator has written its farewell. Every handler may run twice.
"""

from __future__ import annotations

from typing import Any

import kopf
from lightkube import ApiError, Client
from lightkube.generic_resource import create_namespaced_resource
from lightkube.models.autoscaling_v1 import ScaleSpec
from lightkube.models.meta_v1 import ObjectMeta
from lightkube.resources.apps_v1 import Deployment
from lightkube.resources.core_v1 import ConfigMap
from lightkube.types import PatchType

from tests.integration.clients.definitions import GROUP

ORDERS = (GROUP, "v1", "orders")
Order = create_namespaced_resource(GROUP, "v1", "Order", "orders")
clients: list[Client] = []


@kopf.on.startup()
def configure(settings: kopf.OperatorSettings, **_: Any) -> None:
    clients.append(Client(field_manager="order-operator"))
    settings.persistence.finalizer = f"{GROUP}/operator"
    settings.watching.server_timeout = 60


@kopf.on.login()
def login(**more: Any) -> Any:
    return kopf.login_with_kubeconfig(**more)


def _deployment(name: str, namespace: str, spec: Any) -> dict[str, Any]:
    labels = {"order": name}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "baker", "image": spec["item"]}]}}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": namespace, "labels": labels},
        "spec": {"replicas": spec["count"], "selector": {"matchLabels": labels}, "template": template},
    }


@kopf.on.create(*ORDERS)
def bake(name: str, namespace: str, spec: Any, body: kopf.Body, **_: Any) -> dict[str, str]:
    made = _deployment(name, namespace, spec)
    note: dict[str, Any] = {
        "metadata": {"name": f"{name}-note", "namespace": namespace},
        "data": {"item": spec["item"]},
    }
    kopf.adopt([made, note])
    clients[0].apply(Deployment.from_dict(made))
    clients[0].apply(ConfigMap.from_dict(note))
    kopf.info(body, reason="Baking", message=f"{spec['item']} is in the oven")
    return {"deployment": name}


@kopf.on.create(*ORDERS, id="second")
def fail_once(retry: int, **_: Any) -> None:
    if retry == 0:
        raise kopf.TemporaryError("the oven is cold", delay=0.1)


@kopf.on.field(*ORDERS, field="spec.count", old=kopf.PRESENT)
def resize(name: str, namespace: str, new: int, **_: Any) -> None:
    scale = Deployment.Scale(metadata=ObjectMeta(name=name, namespace=namespace), spec=ScaleSpec(replicas=new))
    clients[0].apply(scale, name, namespace=namespace, field_manager="resizer", force=True)


@kopf.on.event("apps", "v1", "deployments", labels={"order": kopf.PRESENT})
def observe(labels: Any, namespace: str, status: Any, type: str | None, **_: Any) -> None:
    if type != "DELETED":
        _report(labels["order"], namespace, ready=status.get("readyReplicas", 0))


def _report(name: str, namespace: str, **status: Any) -> None:
    try:
        patch = {"status": status}
        clients[0].patch(Order.Status, name, patch, namespace=namespace, patch_type=PatchType.MERGE)
    except ApiError as error:
        if error.status.code != 404:  # deleted meanwhile
            raise


@kopf.timer(*ORDERS, interval=0.2)
def beat(patch: kopf.Patch, status: Any, **_: Any) -> None:
    patch.status["beats"] = status.get("beats", 0) + 1


@kopf.daemon(*ORDERS, cancellation_timeout=0.3)
def watch_over(name: str, namespace: str, stopped: kopf.DaemonStopped, **_: Any) -> None:
    _report(name, namespace, phase="Watched")
    stopped.wait()


@kopf.on.delete(*ORDERS)
def farewell(name: str, namespace: str, **_: Any) -> None:
    clients[0].apply(ConfigMap(metadata=ObjectMeta(name=f"{name}-farewell", namespace=namespace)))
