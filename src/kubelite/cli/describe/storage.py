"""`describe persistentvolume`, `persistentvolumeclaim`, `storageclass`, `volumeattributesclass` and `csinode`.

Follows kubectl/pkg/describe/describe.go.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from kubelite.cli.describe import text
from kubelite.cli.describe.text import Lines, Object
from kubelite.cli.describe.volumes import source

MODES = {"ReadWriteOnce": "RWO", "ReadOnlyMany": "ROX", "ReadWriteMany": "RWX", "ReadWriteOncePod": "RWOP"}
OLD_CLASS = "volume.beta.kubernetes.io/storage-class"
DEFAULT_CLASS = (
    "storageclass.kubernetes.io/is-default-class",
    "storageclass.beta.kubernetes.io/is-default-class",
)


def persistent_volume(lines: Lines, obj: Object, found: Object) -> None:
    """The volume, what it may be used for, and where it is."""
    spec, status = obj.get("spec") or {}, obj.get("status") or {}
    text.name_of(lines, obj, namespace=False)
    text.label_lines(lines, "Labels", text.meta(obj).get("labels"))
    text.annotation_lines(lines, text.meta(obj).get("annotations"))
    lines.add(0, f"Finalizers:\t{_brackets(text.meta(obj).get('finalizers'))}")
    lines.add(0, f"StorageClass:\t{_class(obj)}")
    _status(lines, obj)
    claim = spec.get("claimRef")
    lines.add(0, f"Claim:\t{claim.get('namespace', '')}/{claim.get('name', '')}" if claim else "Claim:\t")
    lines.add(0, f"Reclaim Policy:\t{spec.get('persistentVolumeReclaimPolicy', '')}")
    lines.add(0, f"Access Modes:\t{_modes(spec)}")
    if spec.get("volumeMode"):
        lines.add(0, f"VolumeMode:\t{spec['volumeMode']}")
    lines.add(0, f"Capacity:\t{(spec.get('capacity') or {}).get('storage', '0')}")
    _affinity(lines, spec)
    lines.add(0, f"Message:\t{status.get('message', '')}")
    lines.add(0, "Source:")
    _source(lines, spec)
    text.events(lines, found.get("events"))


def _brackets(values: Sequence[str] | None) -> str:
    return f"[{' '.join(values or ())}]"


def _class(obj: Object) -> str:
    old = (text.meta(obj).get("annotations") or {}).get(OLD_CLASS)
    return str(old if old is not None else (obj.get("spec") or {}).get("storageClassName", ""))


def _modes(part: Object) -> str:
    """Each mode once, in the order of the list of modes."""
    modes = part.get("accessModes") or ()
    return ",".join(short for long, short in MODES.items() if long in modes)


def _status(lines: Lines, obj: Object) -> None:
    going = text.meta(obj).get("deletionTimestamp")
    if going:
        lines.add(0, f"Status:\tTerminating (lasts {lines.age(going)})")
    else:
        lines.add(0, f"Status:\t{(obj.get('status') or {}).get('phase', '')}")


def _affinity(lines: Lines, spec: Object) -> None:
    required = (spec.get("nodeAffinity") or {}).get("required")
    if required is None:
        lines.add(0, "Node Affinity:\t<none>")
        return
    lines.add(0, "Node Affinity:\t")
    terms = required.get("nodeSelectorTerms") or ()
    lines.add(1, "Required Terms:\t" if terms else "Required Terms:\t<none>")
    for number, term in enumerate(terms):
        _term(lines, number, [_requirement(one) for one in term.get("matchExpressions") or ()], level=2)


def _requirement(one: Object) -> str:
    words = f"{one.get('key', '')} {str(one.get('operator', '')).lower()}"
    return f"{words} [{', '.join(one['values'])}]" if one.get("values") else words


def _term(lines: Lines, number: int, requirements: Sequence[str], level: int) -> None:
    if not requirements:
        lines.add(level, f"Term {number}:\t<none>")
    for index, one in enumerate(requirements):
        lines.add(level, f"{f'Term {number}:' if index == 0 else ''}\t{one}")


def _source(lines: Lines, spec: Object) -> None:
    """What only volumes have, or show in their own way; pods show the other sources alike."""
    if spec.get("csi") is not None:
        _csi(lines, spec["csi"])
    elif spec.get("local") is not None:
        lines.add(2, "Type:\tLocalVolume (a persistent volume backed by local storage on a node)")
        lines.add(2, f"Path:\t{spec['local'].get('path', '')}")
    elif spec.get("iscsi") is not None:
        _iscsi(lines, spec["iscsi"])
    elif spec.get("fc") is not None:
        _fibre_channel(lines, spec["fc"])
    else:
        source(lines, spec)


def _csi(lines: Lines, csi: Object) -> None:
    lines.add(2, "Type:\tCSI (a Container Storage Interface (CSI) volume source)")
    lines.add(2, f"Driver:\t{csi.get('driver', '')}")
    lines.add(2, f"FSType:\t{csi.get('fsType', '')}")
    lines.add(2, f"VolumeHandle:\t{csi.get('volumeHandle', '')}")
    lines.add(2, f"ReadOnly:\t{_bool(csi.get('readOnly'))}")
    attributes = csi.get("volumeAttributes") or {}
    shown = [text.shorten(f"{key}={attributes[key]}", text.MAX_ANNOTATION) for key in sorted(attributes)]
    lines.add(2, f"VolumeAttributes:\t{'' if shown else '<none>'}" + (f"    {shown[0]}" if shown else ""))
    for one in shown[1:]:
        lines.add(2, f"\t    {one}")


def _bool(value: Any) -> str:
    return "true" if value else "false"


def _iscsi(lines: Lines, iscsi: Object) -> None:
    secret = iscsi.get("secretRef")
    reference = secret and f"&SecretReference{{Name:{secret.get('name', '')},Namespace:{secret.get('namespace', '')},}}"
    lines.add(
        2,
        "Type:\tISCSI (an ISCSI Disk resource that is attached to a kubelet's host machine and then exposed to the pod)",
    )
    for title, value in (
        ("TargetPortal:", iscsi.get("targetPortal", "")),
        ("IQN:", iscsi.get("iqn", "")),
        ("Lun:", iscsi.get("lun", 0)),
        ("ISCSIInterface", iscsi.get("iscsiInterface", "")),
        ("FSType:", iscsi.get("fsType", "")),
        ("ReadOnly:", _bool(iscsi.get("readOnly"))),
        ("Portals:", _brackets(iscsi.get("portals"))),
        ("DiscoveryCHAPAuth:", _bool(iscsi.get("chapAuthDiscovery"))),
        ("SessionCHAPAuth:", _bool(iscsi.get("chapAuthSession"))),
        ("SecretRef:", reference or "nil"),
        ("InitiatorName:", iscsi.get("initiatorName", "<none>")),
    ):
        lines.add(2, f"{title}\t{value}")


def _fibre_channel(lines: Lines, channel: Object) -> None:
    lines.add(2, "Type:\tFC (a Fibre Channel disk)")
    lines.add(2, f"TargetWWNs:\t{', '.join(channel.get('targetWWNs') or ())}")
    lines.add(2, f"LUN:\t{channel.get('lun', '<none>')}")
    lines.add(2, f"FSType:\t{channel.get('fsType', '')}")
    lines.add(2, f"ReadOnly:\t{_bool(channel.get('readOnly'))}")


def claim(lines: Lines, obj: Object, found: Object) -> None:
    """The claim, what it got, where it comes from, and the pods that use it."""
    spec, status = obj.get("spec") or {}, obj.get("status") or {}
    text.name_of(lines, obj)
    lines.add(0, f"StorageClass:\t{_class(obj)}")
    _status(lines, obj)
    lines.add(0, f"Volume:\t{spec.get('volumeName', '')}")
    text.label_lines(lines, "Labels", text.meta(obj).get("labels"))
    text.annotation_lines(lines, text.meta(obj).get("annotations"))
    lines.add(0, f"Finalizers:\t{_brackets(text.meta(obj).get('finalizers'))}")
    bound = bool(spec.get("volumeName"))
    lines.add(0, f"Capacity:\t{(status.get('capacity') or {}).get('storage', '0') if bound else ''}")
    lines.add(0, f"Access Modes:\t{_modes(status) if bound else ''}")
    if spec.get("volumeMode"):
        lines.add(0, f"VolumeMode:\t{spec['volumeMode']}")
    origin = spec.get("dataSource") or spec.get("dataSourceRef")
    if origin:
        lines.add(0, "DataSource:")
        for title, key in (("APIGroup", "apiGroup"), ("Kind", "kind"), ("Name", "name")):
            if key != "apiGroup" or origin.get(key):
                lines.add(1, f"{title}:\t{origin.get(key, '')}")
    _users(lines, found.get("pods") or ())
    conditions = status.get("conditions")
    if conditions:
        lines.add(0, "Conditions:\n  Type\tStatus\tLastProbeTime\tLastTransitionTime\tReason\tMessage")
        lines.add(1, "----\t------\t-----------------\t------------------\t------\t-------")
        for one in conditions:
            times = " \t".join(text.date(one.get(field)) for field in ("lastProbeTime", "lastTransitionTime"))
            words = f"{one.get('reason', '')}\t{one.get('message', '')}"
            lines.add(1, f"{one['type']} \t{one['status']} \t{times} \t{words}")
    text.events(lines, found.get("events"))


def _users(lines: Lines, pods: Sequence[Object]) -> None:
    if not pods:
        lines.add(0, "Used By:\t<none>")
    for index, pod in enumerate(pods):
        lines.add(0, f"{'Used By:' if index == 0 else ''}\t{text.meta(pod).get('name', '')}")


def storage_class(lines: Lines, obj: Object, found: Object) -> None:
    """The class and how it provides volumes."""
    annotations = text.meta(obj).get("annotations") or {}
    text.name_of(lines, obj, namespace=False)
    default = any(annotations.get(key) == "true" for key in DEFAULT_CLASS)
    lines.add(0, f"IsDefaultClass:\t{'Yes' if default else 'No'}")
    lines.add(0, f"Annotations:\t{text.format_labels(annotations)}")
    lines.add(0, f"Provisioner:\t{obj.get('provisioner', '')}")
    lines.add(0, f"Parameters:\t{text.format_labels(obj.get('parameters'))}")
    grows = obj.get("allowVolumeExpansion")
    lines.add(0, f"AllowVolumeExpansion:\t{'<unset>' if grows is None else 'True' if grows else 'False'}")
    options = obj.get("mountOptions") or ()
    lines.add(0, "MountOptions:" if options else "MountOptions:\t<none>")
    for one in options:
        lines.add(1, one)
    if obj.get("reclaimPolicy"):
        lines.add(0, f"ReclaimPolicy:\t{obj['reclaimPolicy']}")
    if obj.get("volumeBindingMode"):
        lines.add(0, f"VolumeBindingMode:\t{obj['volumeBindingMode']}")
    terms = obj.get("allowedTopologies") or ()
    if terms:
        lines.add(0, "AllowedTopologies:\t")
    for number, term in enumerate(terms):
        labels = term.get("matchLabelExpressions") or ()
        _term(lines, number, [f"{one['key']} in [{', '.join(one['values'])}]" for one in labels], level=1)
    text.events(lines, found.get("events"))


def attributes_class(lines: Lines, obj: Object, found: Object) -> None:
    """The class and the parameters of its driver."""
    text.name_of(lines, obj, namespace=False)
    lines.add(0, f"Annotations:\t{text.format_labels(text.meta(obj).get('annotations'))}")
    lines.add(0, f"DriverName:\t{obj.get('driverName', '')}")
    lines.add(0, f"Parameters:\t{text.format_labels(obj.get('parameters'))}")
    text.events(lines, found.get("events"))


def csi_node(lines: Lines, obj: Object, found: Object) -> None:
    """The drivers of a node."""
    text.name_of(lines, obj, namespace=False)
    text.label_lines(lines, "Labels", text.meta(obj).get("labels"))
    text.annotation_lines(lines, text.meta(obj).get("annotations"))
    lines.add(0, f"CreationTimestamp:\t{text.date(text.meta(obj).get('creationTimestamp'))}")
    lines.add(0, "Spec:")
    drivers = (obj.get("spec") or {}).get("drivers") or ()
    if drivers:
        lines.add(1, "Drivers:")
    for driver in drivers:
        lines.add(2, f"{driver['name']}:")
        lines.add(3, f"Node ID:\t{driver.get('nodeID', '')}")
        count = (driver.get("allocatable") or {}).get("count")
        if count is not None:
            lines.add(3, "Allocatables:")
            lines.add(4, f"Count:\t{count}")
        if driver.get("topologyKeys"):
            lines.add(3, f"Topology Keys:\t{_brackets(driver['topologyKeys'])}")
    text.events(lines, found.get("events"))
