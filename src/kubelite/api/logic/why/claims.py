"""Why a PersistentVolumeClaim is not bound: no class, no volume that suits, nobody who provides one, or it waits for a pod.

What: `of_claim`, and `of_pod` for the first claim of a pod that is not usable. Flow: claim → its class → its volumes → events of
the provisioner. Upstream: pkg/controller/volume/persistentvolume.
"""

from __future__ import annotations

from kubelite.api.logic.why.model import (
    Cause,
    Facts,
    Object,
    condition,
    finalizers_left,
    flag,
    listed,
    meta,
    name_of,
    namespace_of,
    spec,
    status,
)
from kubelite.machinery import quantity

DEFAULT_CLASS = "storageclass.kubernetes.io/is-default-class"
NO_PROVISIONER = "kubernetes.io/no-provisioner"


def names(pod: Object) -> list[str]:
    """The claims that a pod uses."""
    found = []
    for volume in spec(pod).get("volumes") or ():
        if volume.get("persistentVolumeClaim"):
            found.append(str(volume["persistentVolumeClaim"].get("claimName")))
        elif volume.get("ephemeral"):
            found.append(f"{name_of(pod)}-{volume.get('name')}")
    return found


def of_pod(facts: Facts, pod: Object) -> Cause | None:
    """The cause that lies in one of the pod's claims."""
    namespace = namespace_of(pod)
    for name in names(pod):
        claim = facts.get("PersistentVolumeClaim", namespace, name)
        if claim is None:
            if facts.missing("PersistentVolumeClaim", namespace, name):
                text = f"the PersistentVolumeClaim {name} that it uses does not exist"
                return Cause("ClaimMissing", text, f"kubelite get pvc{flag(pod)}")
            continue
        if meta(claim).get("deletionTimestamp"):
            text = f"its claim {name} is being deleted"
            return Cause("ClaimTerminating", text, f"kubelite why pvc/{name}{flag(pod)}")
        cause = of_claim(facts, claim)
        if cause is not None and cause.code != "WaitsForFirstConsumer":
            text = f"its claim {name} is not bound to a volume"
            return Cause("ClaimUnbound", text, f"kubelite why pvc/{name}{flag(pod)}", because=cause)
    return None


def of_claim(facts: Facts, claim: Object) -> Cause | None:
    """Why the claim has no volume, None if it has."""
    phase = status(claim).get("phase")
    if meta(claim).get("deletionTimestamp"):
        return _terminating(facts, claim)
    if phase == "Lost":
        text = f"its volume {spec(claim).get('volumeName')} no longer exists; the data is lost with it"
        return Cause("VolumeLost", text, f"kubelite describe pvc {name_of(claim)}{flag(claim)}")
    if phase == "Bound":
        return _growing(facts, claim)
    named = str(spec(claim).get("volumeName") or "")
    if named:
        return _named_volume(facts, claim, named)
    wanted = spec(claim).get("storageClassName")
    if wanted is None:
        return _without_class(facts, claim)
    if wanted == "":
        return _no_volume(facts, claim)
    found = facts.get("StorageClass", "", str(wanted))
    if found is None:
        if facts.missing("StorageClass", "", str(wanted)):
            if any(spec(v).get("storageClassName") == wanted for v in facts.all("PersistentVolume")):
                return _no_volume(facts, claim)
            text = f"the StorageClass {wanted} that it names does not exist"
            there = sorted(name_of(one) for one in facts.all("StorageClass"))
            details = (f"there {'is' if len(there) == 1 else 'are'} {listed(there)}",) if there else ()
            return Cause("StorageClassMissing", text, "kubelite get storageclass", details)
        return _no_volume(facts, claim)
    return _of_class(facts, claim, found)


def _of_class(facts: Facts, claim: Object, found: Object) -> Cause:
    if found.get("volumeBindingMode") == "WaitForFirstConsumer" and not _selected(claim):
        users = [name_of(p) for p in facts.all("Pod", namespace_of(claim)) if name_of(claim) in names(p)]
        waiting = f"pod {users[0]} uses it but has no node" if users else "no pod uses it"
        text = f"it is bound when the first pod that uses it is scheduled (WaitForFirstConsumer), and {waiting}"
        step = f"kubelite why pod/{users[0]}{flag(claim)}" if users else f"kubelite get pods{flag(claim)}"
        return Cause("WaitsForFirstConsumer", text, step)
    provisioner = str(found.get("provisioner") or "")
    if provisioner == NO_PROVISIONER:
        return _no_volume(facts, claim)
    failed = facts.events("PersistentVolumeClaim", claim, "ProvisioningFailed")
    if failed:
        text = f"the provisioner {provisioner} could not make a volume: {failed[0].get('message')}"
        return Cause("ProvisioningFailed", text, f"kubelite describe pvc {name_of(claim)}{flag(claim)}")
    if facts.missing("CSIDriver", "", provisioner):
        text = f"no driver {provisioner} is installed, which its class {name_of(found)} leaves the volume to"
        return Cause("ProvisionerAbsent", text, "kubelite get csidrivers")
    text = f"it waits for the provisioner {provisioner} to make a volume, which has said nothing"
    return Cause("ProvisionerSilent", text, "kubelite get pods -A")


def _growing(facts: Facts, claim: Object) -> Cause | None:
    """Why a bound claim has not the size that it asks for."""
    wanted = str(((spec(claim).get("resources") or {}).get("requests") or {}).get("storage") or "0")
    given = str((status(claim).get("capacity") or {}).get("storage") or wanted)
    if quantity.cmp(given, wanted) >= 0:
        return None
    step = f"kubelite describe pvc {name_of(claim)}{flag(claim)}"
    text = f"it asks for {wanted} and has {given}"
    failed = facts.events("PersistentVolumeClaim", claim, "VolumeResizeFailed", "FileSystemResizeFailed")
    if failed:
        return Cause("ExpansionFailed", f"{text}: {failed[0].get('message')}", step)
    if condition(claim, "FileSystemResizePending").get("status") == "True":
        return Cause(
            "ExpansionPending", f"{text}: its file system grows when a pod that uses it starts on a node", step
        )
    return Cause("ExpansionPending", f"{text}: it waits for its provisioner to expand the volume", step)


def _selected(claim: Object) -> bool:
    return bool((meta(claim).get("annotations") or {}).get("volume.kubernetes.io/selected-node"))


def _without_class(facts: Facts, claim: Object) -> Cause:
    classes = facts.all("StorageClass")
    default = [c for c in classes if (meta(c).get("annotations") or {}).get(DEFAULT_CLASS) == "true"]
    if facts.read("StorageClass") and not default and not _suiting(facts, claim):
        text = "it names no StorageClass, and the cluster has no default one"
        step = "kubelite get storageclass"
        if classes:
            body = f'{{"metadata":{{"annotations":{{"{DEFAULT_CLASS}":"true"}}}}}}'
            step = f"kubelite patch storageclass {min(name_of(one) for one in classes)} -p '{body}'"
        return Cause("NoStorageClass", text, step, tuple(_unsuited(facts, claim)))
    return _no_volume(facts, claim)


def _named_volume(facts: Facts, claim: Object, name: str) -> Cause:
    volume = facts.get("PersistentVolume", "", name)
    if volume is None:
        return Cause("VolumeMissing", f"the volume {name} that it names does not exist", "kubelite get pv")
    owner = spec(volume).get("claimRef") or {}
    if owner and (owner.get("name"), owner.get("namespace")) != (name_of(claim), namespace_of(claim)):
        text = f"the volume {name} that it names belongs to the claim {owner.get('namespace')}/{owner.get('name')}"
        return Cause("VolumeTaken", text, "kubelite get pv")
    reason = _unsuitable(claim, volume)
    text = f"the volume {name} that it names does not suit it: {reason}"
    return Cause("NoVolumeMatches", text, f"kubelite describe pv {name}") if reason else _soon(claim)


def _soon(claim: Object) -> Cause:
    text = "a volume that suits is there; the volume controller has not bound it yet"
    return Cause("AboutToBeBound", text, f"kubelite get pvc {name_of(claim)}{flag(claim)}")


def _no_volume(facts: Facts, claim: Object) -> Cause:
    if _suiting(facts, claim):
        return _soon(claim)
    wanted = ((spec(claim).get("resources") or {}).get("requests") or {}).get("storage", "")
    text = f"no PersistentVolume suits it: {wanted}, {','.join(spec(claim).get('accessModes') or ())}"
    name = spec(claim).get("storageClassName")
    if name:
        text += f", class {name}, whose volumes are made by hand"
    return Cause("NoVolumeMatches", text, "kubelite get pv", tuple(_unsuited(facts, claim)))


def _suiting(facts: Facts, claim: Object) -> list[Object]:
    return [v for v in facts.all("PersistentVolume") if not _unsuitable(claim, v)]


def _unsuited(facts: Facts, claim: Object) -> list[str]:
    return [f"{name_of(v)}: {_unsuitable(claim, v)}" for v in facts.all("PersistentVolume")][:5]


def _unsuitable(claim: Object, volume: Object) -> str:
    """Why a volume cannot be the claim's; "" if it can."""
    owner = spec(volume).get("claimRef") or {}
    if owner and (owner.get("name"), owner.get("namespace")) != (name_of(claim), namespace_of(claim)):
        return f"it belongs to {owner.get('namespace')}/{owner.get('name')}"
    if (spec(volume).get("storageClassName") or "") != (spec(claim).get("storageClassName") or ""):
        return f"its class is {spec(volume).get('storageClassName') or 'none'}"
    modes = set(spec(claim).get("accessModes") or ()) - set(spec(volume).get("accessModes") or ())
    if modes:
        return f"it does not offer {listed(sorted(modes))}"
    wanted = ((spec(claim).get("resources") or {}).get("requests") or {}).get("storage", "0")
    size = (spec(volume).get("capacity") or {}).get("storage", "0")
    if quantity.cmp(size, wanted) < 0:
        return f"it is too small ({size})"
    if (spec(volume).get("volumeMode") or "Filesystem") != (spec(claim).get("volumeMode") or "Filesystem"):
        return f"its mode is {spec(volume).get('volumeMode')}"
    return ""


def _terminating(facts: Facts, claim: Object) -> Cause:
    users = [name_of(p) for p in facts.all("Pod", namespace_of(claim)) if name_of(claim) in names(p)]
    living = [
        n
        for n in users
        if status(facts.get("Pod", namespace_of(claim), n) or {}).get("phase") not in ("Succeeded", "Failed")
    ]
    if living:
        text = f"it is deleted once no pod uses it; these do: {listed(living)}"
        return Cause("ClaimInUse", text, f"kubelite delete pod {living[0]}{flag(claim)}")
    return finalizers_left("pvc", claim)
