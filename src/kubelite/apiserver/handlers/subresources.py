"""Subresources that are views of their object: status, scale, binding, finalize, ephemeralcontainers, resize, eviction.

What: one handler per name in `HANDLERS`. Why: each is an update of the parent that changes only its part; the write
path is the same. Flow: `dispatch` → handler → `update` with its own change function. Streams and tokens are in
`connect`. Sources: pkg/registry/core/pod/storage, pkg/registry/apps/deployment/storage,
pkg/registry/core/namespace/storage.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

from kubelite.api.types.autoscaling_v1 import Scale, ScaleSpec, ScaleStatus
from kubelite.api.types.core_v1 import Binding
from kubelite.api.types.meta_v1 import ObjectMeta
from kubelite.api.types.policy_v1 import Eviction
from kubelite.apiserver.handlers import eviction as evictions
from kubelite.apiserver.handlers import read, write
from kubelite.apiserver.registry import delete, update
from kubelite.apiserver.registry.ask import IGNORE, Ask
from kubelite.apiserver.registry.body import decode_body, media_type
from kubelite.apiserver.registry.patch import fitting, patch_type, read_patch
from kubelite.apiserver.registry.registry import Registry
from kubelite.apiserver.registry.update import Rules
from kubelite.apiserver.request import AdmissionRequest, Request, Response
from kubelite.machinery import codec, errors, fielderrors
from kubelite.machinery.errors import StatusError
from kubelite.machinery.fielderrors import Path
from kubelite.machinery.kind import Kind

Answer = Response | Awaitable[Response]
BY_SERVER = Rules(update.nothing, update.anything, whole=False)


def status(registry: Registry, request: Request, kind: Kind) -> Answer:
    """The whole object, of which a write changes only the status (or what the subresource is for)."""
    if request.info.verb == "get":
        return read.get(registry, request, kind)
    return write.patch(registry, request, kind) if request.info.verb == "patch" else write.put(registry, request, kind)


def _scale_of(kind: Kind, obj: Any) -> Scale:
    paths = kind.scale
    if paths is None:
        raise errors.path_not_found()
    metadata = obj.metadata
    return Scale(
        apiVersion="autoscaling/v1",
        kind="Scale",
        metadata=ObjectMeta(
            name=metadata.name,
            namespace=metadata.namespace,
            uid=metadata.uid,
            resourceVersion=metadata.resourceVersion,
            creationTimestamp=metadata.creationTimestamp,
        ),
        spec=ScaleSpec(replicas=paths.spec_replicas(obj)),
        status=ScaleStatus(replicas=paths.status_replicas(obj), selector=paths.selector(obj)),
    )


def _scale_response(kind: Kind, obj: Any) -> Response:
    scale = codec.to_generic(_scale_of(kind, obj))
    # Zero is a number of replicas, and clients read it.
    scale["spec"] = {"replicas": 0, **scale.get("spec", {})}
    scale["status"] = {"replicas": 0, **scale.get("status", {})}
    return Response(200, msgspec.json.encode(scale))


async def scale(registry: Registry, request: Request, kind: Kind) -> Response:
    """autoscaling/v1 Scale of a workload."""
    info = request.info
    if info.verb == "get":
        return _scale_response(kind, await registry.get(kind, info.name, info.namespace))
    ask = write.ask_of(request, "PatchOptions" if info.verb == "patch" else "UpdateOptions")
    applies = info.verb == "patch" and write.is_apply(request)
    wanted = _scale_apply(registry, request, kind, ask) if applies else _scale_change(request, kind, ask)
    written = await update.update(
        registry,
        kind,
        info.namespace,
        info.name,
        wanted,
        ask,
        derives=info.verb == "patch",
        subresource="scale",
        # The schema of a custom resource may limit the number; built-in kinds have no such limits.
        rules=BY_SERVER if kind.custom is None else None,
    )
    return _scale_response(kind, written.object)


def _scale_apply(registry: Registry, request: Request, kind: Kind, ask: Ask) -> Callable[[Any], Any]:
    """Present object → the object with the replicas of the Scale that was applied, and with their owner."""
    from kubelite.apiserver.registry.applied import ScaleApplication, read_config

    config = read_config(request.body, ask)
    application = ScaleApplication(registry, kind, config, ask, force=request.param("force") in ("true", "1"))

    def change(old: Any) -> Any:
        document, entries = application.onto(_scale_document(kind, old), old.metadata.managedFields)
        with fitting(document):
            found = codec.convert(document, Scale)
        write.named(found, request.info.namespace, request.info.name)
        _set_replicas(kind, old, found, request.info.name)
        old.metadata.managedFields = entries
        return old

    return change


def _scale_document(kind: Kind, obj: Any) -> dict[str, Any]:
    document: dict[str, Any] = codec.to_generic(_scale_of(kind, obj))
    document.setdefault("spec", {}).setdefault("replicas", 0)
    return document


def _set_replicas(kind: Kind, obj: Any, scale: Scale, name: str) -> None:
    """Raises StatusError 422 for a negative number."""
    replicas = scale.spec.replicas or 0
    if replicas < 0:
        wrong = fielderrors.invalid(Path("spec") / "replicas", replicas, "must be greater than or equal to 0")
        raise errors.invalid("autoscaling", "Scale", name, [wrong])
    assert kind.scale is not None
    kind.scale.set_replicas(obj, replicas)
    obj.metadata.resourceVersion = scale.metadata.resourceVersion


def _scale_change(request: Request, kind: Kind, ask: Ask) -> Callable[[Any], Any]:
    """Present object → the object with the replicas of the Scale that was sent or patched."""
    media = media_type(request.headers.get("content-type", ""))
    if request.info.verb == "patch":
        type_ = patch_type(media)
        patch = read_patch(request.body, type_)
    else:
        sent = decode_body(request.body, media, Scale, "autoscaling/v1", "Scale", ask)
        if sent.metadata.name and sent.metadata.name != request.info.name:
            raise errors.bad_request(
                f"the name of the object ({sent.metadata.name}) does not match the name on the URL ({request.info.name})"
            )
        write.check_namespace(sent.metadata.namespace, request.info.namespace)

    def change(old: Any) -> Any:
        if request.info.verb == "patch":
            from kubelite.machinery import jsonpatch, mergepatch

            document = _scale_document(kind, old)
            apply = jsonpatch.apply if type_ == "json" else mergepatch.apply
            patched = apply(document, patch)
            with fitting(patched):
                found = codec.convert(patched, Scale)
        else:
            found = sent
        _set_replicas(kind, old, found, request.info.name)
        return old

    return change


def _bind(pod: Any, binding: Binding, name: str, node: str) -> Any:
    """Puts the node into the pod, once (pkg/registry/core/pod/storage: assignPod)."""
    if pod.metadata.deletionTimestamp is not None:
        raise errors.conflict("", "pods/binding", name, f"pod {name} is being deleted, cannot be assigned to a host")
    if pod.spec.nodeName:
        raise errors.conflict("", "pods/binding", name, f'pod {name} is already assigned to node "{pod.spec.nodeName}"')
    if binding.metadata.uid and binding.metadata.uid != pod.metadata.uid:
        why = (
            f"Precondition failed: UID in precondition: {binding.metadata.uid}, UID in object meta: {pod.metadata.uid}"
        )
        raise errors.conflict("", "pods", name, why)
    if pod.spec.schedulingGates:
        raise errors.conflict("", "pods/binding", name, f"pod {name} has non-empty .spec.schedulingGates")
    pod.spec.nodeName = node
    pod.status.nominatedNodeName = ""  # a promise that is kept or void now
    pod.metadata.annotations.update(binding.metadata.annotations)
    _set_scheduled(pod)
    return pod


def _set_scheduled(pod: Any) -> None:
    from datetime import UTC, datetime

    from kubelite.api.types.core_v1 import PodCondition
    from kubelite.machinery import times

    now = times.now_text(datetime.now(UTC))
    for condition in pod.status.conditions:
        if condition.type == "PodScheduled":
            if condition.status != "True":
                condition.lastTransitionTime = now
            condition.status, condition.reason, condition.message = "True", "", ""
            return
    pod.status.conditions.append(PodCondition(type="PodScheduled", status="True", lastTransitionTime=now))


async def binding(registry: Registry, request: Request, kind: Kind) -> Response:
    """POST pods/NAME/binding, and POST bindings, which names the pod in its body."""
    ask = write.ask_of(request, "CreateOptions")
    sent = decode_body(request.body, request.headers.get("content-type", ""), Binding, "v1", "Binding", ask)
    info = request.info
    name = info.name or sent.metadata.name
    if info.name and sent.metadata.name and sent.metadata.name != info.name:
        raise errors.bad_request(
            f"name in URL does not match name in Binding object: the name of the object ({sent.metadata.name}) does not match "
            f"the name on the URL ({info.name})"
        )
    if not name:
        raise errors.bad_request("Name parameter required.")
    target = sent.target
    node = target.name if target is not None else ""
    found = []
    if target is not None and target.kind not in ("", "Node"):
        found.append(
            fielderrors.not_supported(Path("target") / "kind", target.kind, ["Node", "<empty>"], as_listed=True)
        )
    if not node:
        found.append(fielderrors.required(Path("target") / "name"))
    if found:
        raise errors.invalid("", "Binding", name, found)
    pods = registry.scheme.by_resource("", "v1", "pods")
    if pods is None:
        raise errors.path_not_found()
    ask.options = sent
    await update.update(
        registry,
        pods,
        info.namespace,
        name,
        lambda pod: _bind(pod, sent, name, node),
        ask,
        subresource="binding",
        derives=True,
        rules=BY_SERVER,
    )
    done = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201}
    return Response(201, msgspec.json.encode(done))


async def finalize(registry: Registry, request: Request, kind: Kind) -> Response:
    """PUT namespaces/NAME/finalize: changes spec.finalizers only; the last one going ends the namespace."""
    from kubelite.api.core.namespace import prepare_finalize, validate_finalize

    ask = write.ask_of(request, "UpdateOptions")
    info = request.info
    content_type = request.headers.get("content-type", "")
    sent = decode_body(request.body, content_type, kind.type, kind.api_version, kind.kind, ask)
    if sent.metadata.name != info.name:
        raise errors.bad_request(
            f"the name of the object ({sent.metadata.name}) does not match the name on the URL ({info.name})"
        )

    def change(old: Any) -> Any:
        new = codec.clone(sent)
        asked = sent.metadata.resourceVersion
        prepare_finalize(new, old)
        new.metadata.resourceVersion = asked
        return new

    rules = Rules(update.nothing, validate_finalize, whole=False)
    written = await update.update(registry, kind, "", info.name, change, ask, subresource="finalize", rules=rules)
    return read.answer(request, read.form_for(request, kind), written.entry)


async def eviction(registry: Registry, request: Request, kind: Kind) -> Response:
    """POST pods/NAME/eviction: a deletion that asks the pod's disruption budget first."""
    ask = write.ask_of(request, "CreateOptions")
    info = request.info
    content_type = request.headers.get("content-type", "")
    sent = decode_body(request.body, content_type, Eviction, "policy/v1", "Eviction", Ask(field_validation=IGNORE))
    if sent.metadata.name != info.name:
        raise errors.bad_request("name in URL does not match name in Eviction object")
    if sent.deleteOptions is not None:
        delete.check_options(sent.deleteOptions)  # before the pod is marked
    dry_run = ask.dry_run or bool(sent.deleteOptions is not None and sent.deleteOptions.dryRun)
    await _admit_eviction(registry, kind, request, sent, ask, dry_run=dry_run)
    await evictions.evict(registry, kind, (info.namespace, info.name), sent.deleteOptions, ask, dry_run=dry_run)
    done = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201}
    return Response(201, msgspec.json.encode(done))


async def _admit_eviction(
    registry: Registry, kind: Kind, request: Request, sent: Eviction, ask: Ask, *, dry_run: bool
) -> None:
    """Admission of the eviction, which is an object that is created; as upstream, none of the deletion that follows."""
    attributes = AdmissionRequest(
        "CREATE",
        kind,
        request.info.namespace,
        request.info.name,
        object=sent,
        subresource="eviction",
        user=ask.user,
        dry_run=dry_run,
        warnings=ask.warnings,
        annotations=ask.annotations,
        ask=ask,
    )
    await registry.admission.mutate(attributes)
    await registry.admission.validate(attributes)
    ask.admitted = True


def ephemeral_containers(registry: Registry, request: Request, kind: Kind) -> Answer:
    """The pod, to which a write only adds ephemeral containers."""
    from kubelite.api.core.pod.prepare import prepare_ephemeral_update
    from kubelite.api.core.pod.validation.updates import validate_ephemeral_update

    return _with_rules(registry, request, kind, Rules(prepare_ephemeral_update, validate_ephemeral_update))


def resize(registry: Registry, request: Request, kind: Kind) -> Answer:
    """The pod, of which a write changes only the resources of containers."""
    from kubelite.api.core.pod.prepare import prepare_resize
    from kubelite.api.core.pod.validation.resize import validate_resize

    return _with_rules(registry, request, kind, Rules(prepare_resize, validate_resize))


def approval(registry: Registry, request: Request, kind: Kind) -> Answer:
    """The certificate request, of which a write changes only the conditions."""
    from kubelite.api.certificates.certificate_signing_request import prepare_approval, validate_approval

    return _with_rules(registry, request, kind, Rules(prepare_approval, validate_approval, whole=False))


def _with_rules(registry: Registry, request: Request, kind: Kind, rules: Rules) -> Answer:
    if request.info.verb == "get":
        return read.get(registry, request, kind)
    verb = write.patch if request.info.verb == "patch" else write.put
    return verb(registry, request, kind, rules)


def unsupported(registry: Registry, request: Request, kind: Kind) -> Response:
    """A declared subresource that this server has no handler for."""
    info = request.info
    raise StatusError(405, "MethodNotAllowed", f"{info.resource}/{info.subresource} is not served by this server")


SubHandler = Callable[[Registry, Request, Kind], Answer]

HANDLERS: dict[str, SubHandler] = {
    "status": status,
    "scale": scale,
    "binding": binding,
    "finalize": finalize,
    "eviction": eviction,
    "ephemeralcontainers": ephemeral_containers,
    "resize": resize,
    "approval": approval,
}
"""By subresource name; `connect` has the rest."""
