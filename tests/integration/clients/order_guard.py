"""A guard of orders, written with kopf: it registers webhooks of its own and answers them over TLS."""

from __future__ import annotations

import os
from typing import Any

import kopf

from tests.integration.clients.definitions import GROUP

ORDERS = (GROUP, "v1", "orders")


@kopf.on.startup()
def configure(settings: kopf.OperatorSettings, **_: Any) -> None:
    folder = os.environ["CERTIFICATES"]
    settings.admission.managed = f"guard.{GROUP}"
    settings.admission.server = kopf.WebhookServer(
        addr="127.0.0.1",
        host="127.0.0.1",
        cafile=f"{folder}/ca.crt",
        certfile=f"{folder}/server.crt",
        pkeyfile=f"{folder}/server.key",
    )


@kopf.on.login()
def login(**more: Any) -> Any:
    return kopf.login_with_kubeconfig(**more)


@kopf.on.validate(*ORDERS, operations=["CREATE", "UPDATE"])
def check(spec: Any, userinfo: Any, warnings: list[str], dryrun: bool, **_: Any) -> None:
    if spec["item"] == "poison":
        raise kopf.AdmissionError(f"{spec['item']} is not for {userinfo['username']}", code=451)
    if spec["count"] > 100:
        warnings.append("that is a lot")


@kopf.on.validate(*ORDERS, operations=["DELETE"])
def keep(name: str, **_: Any) -> None:
    if name == "kept":
        raise kopf.AdmissionError("this order is kept")


@kopf.on.mutate(*ORDERS, operations=["CREATE"])
def stamp(patch: kopf.Patch, **_: Any) -> None:
    patch.metadata.labels["guarded"] = "yes"
    patch.spec["parts"] = [{"name": "seal", "weight": 1}]
