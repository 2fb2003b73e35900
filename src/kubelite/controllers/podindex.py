"""The one cache of all pods, with the indexes that controllers look them up by.

Why: the pods of an owner, a node or a namespace must be found without walking through all pods of the cluster.
"""

from __future__ import annotations

from typing import Final

from kubelite.client.informer import Informer
from kubelite.controllers.context import Context
from kubelite.controllers.kinds import POD
from kubelite.controllers.objects import Pod
from kubelite.machinery.meta import controller_of

BY_OWNER: Final = "owner"
"""Pods by the uid of their controller."""
ORPHANS: Final = "orphans"
"""Pods without a controller, by namespace."""
BY_NODE: Final = "node"
"""Pods by the node they are bound to; "" for unbound ones."""
BY_NAMESPACE: Final = "namespace"


def _owner(pod: Pod) -> tuple[str, ...]:
    controller = controller_of(pod)
    return (controller.uid,) if controller is not None else ()


def _orphan(pod: Pod) -> tuple[str, ...]:
    return (pod.metadata.namespace,) if controller_of(pod) is None else ()


def pods_informer(context: Context) -> Informer[Pod]:
    """The shared informer of pods; its first user adds the indexes."""
    informer: Informer[Pod] = context.informers.get(POD, Pod)
    if BY_OWNER not in informer.indexes:
        informer.add_indexers(
            {
                BY_OWNER: _owner,
                ORPHANS: _orphan,
                BY_NODE: lambda pod: (pod.spec.nodeName,),
                BY_NAMESPACE: lambda pod: (pod.metadata.namespace,),
            }
        )
    return informer
