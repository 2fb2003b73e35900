"""What the provisioner of local directories and the kubelet agree on.

What: names, and the form of a directory's name. Why: the controller makes the PersistentVolume, the kubelet the directory, and
only directories of this form are ever deleted. No counterpart in Kubernetes: see docs/storage.md.
"""

from __future__ import annotations

import re
from typing import Final

from kubelite.api import constants

PROVISIONER: Final = "kubelite.io/local-path"
CLASS: Final = "local-path"
DIRECTORY: Final = f"{constants.LIB}/local-volumes"
PROVISIONED_BY: Final = "pv.kubernetes.io/provisioned-by"
ROUTE: Final = "localVolumes"
"""The kubelet's path below which a directory is deleted."""
SIMULATED: Final = "kubelite.io/simulated"
"""A label of nodes that have no containers, and so no directories: see docs/simulate.md."""
_FORM: Final = re.compile(r"pvc-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}_[a-z0-9.-]{1,253}_[a-z0-9.-]{1,253}")


def folder_name(uid: str, namespace: str, name: str) -> str:
    """The directory of a claim; a long name is cut, the uid alone is unique."""
    return f"pvc-{uid}_{namespace}_{name}"[:255]


def is_folder_name(text: str) -> bool:
    """Whether a directory of this name may have been made for a claim."""
    return len(text) <= 255 and _FORM.fullmatch(text) is not None
