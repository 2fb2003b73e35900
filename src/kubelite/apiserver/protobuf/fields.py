"""Field numbers of the messages that clients send: facts of the generated.proto files of k8s.io/api and k8s.io/apimachinery.

What: `fields_of(message)` and `message_of(kind)`. Why: protobuf has numbers where JSON has names.
A field is written `number:name/type`: no type is a string, `i` integer, `b` boolean (`I` and `B` where zero means absent),
`y` bytes (base64 in JSON), `q` Quantity, `t` Time, `x` IntOrString, `-` a status that a client never decides, a capitalized
word a message; `*` before it repeats, `{` makes a map from strings. A message that is not listed, or has a field
that is not, is refused.
"""

from __future__ import annotations

TEXT = {
    "OwnerReference": "1:kind 3:name 4:uid 5:apiVersion 6:controller/b 7:blockOwnerDeletion/b",
    "ObjectMeta": "1:name 2:generateName 3:namespace 4:selfLink 5:uid 6:resourceVersion 7:generation/I 8:creationTimestamp/t"
    " 9:deletionTimestamp/t 10:deletionGracePeriodSeconds/i 11:labels/{s 12:annotations/{s 13:ownerReferences/*OwnerReference"
    " 14:finalizers/*s 17:managedFields/-",
    "LabelSelector": "1:matchLabels/{s 2:matchExpressions/*LabelSelectorRequirement",
    "LabelSelectorRequirement": "1:key 2:operator 3:values/*s",
    "Preconditions": "1:uid 2:resourceVersion",
    "DeleteOptions": "1:gracePeriodSeconds/i 2:preconditions/Preconditions 3:orphanDependents/b 4:propagationPolicy 5:dryRun/*s",
    "LocalObjectReference": "1:name",
    "ObjectReference": "1:kind 2:namespace 3:name 4:uid 5:apiVersion 6:resourceVersion 7:fieldPath",
    "ConfigMap": "1:metadata/ObjectMeta 2:data/{s 3:binaryData/{y 4:immutable/b",
    "Secret": "1:metadata/ObjectMeta 2:data/{y 3:type 4:stringData/{s 5:immutable/b",
    "ServiceAccount": "1:metadata/ObjectMeta 2:secrets/*ObjectReference 3:imagePullSecrets/*LocalObjectReference"
    " 4:automountServiceAccountToken/b",
    "Namespace": "1:metadata/ObjectMeta 2:spec/NamespaceSpec 3:status/-",
    "NamespaceSpec": "1:finalizers/*s",
    "Binding": "1:metadata/ObjectMeta 2:target/ObjectReference",
    "Service": "1:metadata/ObjectMeta 2:spec/ServiceSpec 3:status/-",
    "ServicePort": "1:name 2:protocol 3:port/i 4:targetPort/x 5:nodePort/I 6:appProtocol",
    "ClientIPConfig": "1:timeoutSeconds/i",
    "SessionAffinityConfig": "1:clientIP/ClientIPConfig",
    "ServiceSpec": "1:ports/*ServicePort 2:selector/{s 3:clusterIP 4:type 5:externalIPs/*s 7:sessionAffinity 8:loadBalancerIP"
    " 9:loadBalancerSourceRanges/*s 10:externalName 11:externalTrafficPolicy 12:healthCheckNodePort/I"
    " 13:publishNotReadyAddresses/B 14:sessionAffinityConfig/SessionAffinityConfig 17:ipFamilyPolicy 18:clusterIPs/*s"
    " 19:ipFamilies/*s 20:allocateLoadBalancerNodePorts/b 21:loadBalancerClass 22:internalTrafficPolicy"
    " 23:trafficDistribution",
    "ContainerPort": "1:name 2:hostPort/I 3:containerPort/I 4:protocol 5:hostIP",
    "EnvVar": "1:name 2:value",
    "ResourceRequirements": "1:limits/{q 2:requests/{q",
    "VolumeMount": "1:name 2:readOnly/B 3:mountPath 4:subPath 5:mountPropagation 6:subPathExpr 7:recursiveReadOnly",
    "Container": "1:name 2:image 3:command/*s 4:args/*s 5:workingDir 6:ports/*ContainerPort 7:env/*EnvVar"
    " 8:resources/ResourceRequirements 9:volumeMounts/*VolumeMount 13:terminationMessagePath 14:imagePullPolicy 16:stdin/B"
    " 17:stdinOnce/B 18:tty/B 20:terminationMessagePolicy 24:restartPolicy",
    "Toleration": "1:key 2:operator 3:value 4:effect 5:tolerationSeconds/i",
    "PodSecurityContext": "2:runAsUser/i 3:runAsNonRoot/b 4:supplementalGroups/*i 5:fsGroup/i 6:runAsGroup/i",
    "PodSpec": "2:containers/*Container 3:restartPolicy 4:terminationGracePeriodSeconds/i 5:activeDeadlineSeconds/i 6:dnsPolicy"
    " 7:nodeSelector/{s 8:serviceAccountName 9:serviceAccount 10:nodeName 11:hostNetwork/B 12:hostPID/B 13:hostIPC/B"
    " 14:securityContext/PodSecurityContext 15:imagePullSecrets/*LocalObjectReference 16:hostname 17:subdomain 19:schedulerName"
    " 20:initContainers/*Container 21:automountServiceAccountToken/b 22:tolerations/*Toleration 24:priorityClassName"
    " 25:priority/i 27:shareProcessNamespace/b 29:runtimeClassName 30:enableServiceLinks/b 31:preemptionPolicy",
    "Pod": "1:metadata/ObjectMeta 2:spec/PodSpec 3:status/-",
    "PodTemplateSpec": "1:metadata/ObjectMeta 2:spec/PodSpec",
    "RollingUpdateDeployment": "1:maxUnavailable/x 2:maxSurge/x",
    "DeploymentStrategy": "1:type 2:rollingUpdate/RollingUpdateDeployment",
    "DeploymentSpec": "1:replicas/i 2:selector/LabelSelector 3:template/PodTemplateSpec 4:strategy/DeploymentStrategy"
    " 5:minReadySeconds/I 6:revisionHistoryLimit/i 7:paused/B 9:progressDeadlineSeconds/i",
    "Deployment": "1:metadata/ObjectMeta 2:spec/DeploymentSpec 3:status/-",
    "PolicyRule": "1:verbs/*s 2:apiGroups/*s 3:resources/*s 4:resourceNames/*s 5:nonResourceURLs/*s",
    "AggregationRule": "1:clusterRoleSelectors/*LabelSelector",
    "Role": "1:metadata/ObjectMeta 2:rules/*PolicyRule",
    "ClusterRole": "1:metadata/ObjectMeta 2:rules/*PolicyRule 3:aggregationRule/AggregationRule",
    "RoleRef": "1:apiGroup 2:kind 3:name",
    "Subject": "1:kind 2:apiGroup 3:name 4:namespace",
    "RoleBinding": "1:metadata/ObjectMeta 2:subjects/*Subject 3:roleRef/RoleRef",
    "BoundObjectReference": "1:kind 2:apiVersion 3:name 4:uid",
    "TokenRequestSpec": "1:audiences/*s 3:boundObjectRef/BoundObjectReference 4:expirationSeconds/i",
    "TokenRequest": "1:metadata/ObjectMeta 2:spec/TokenRequestSpec 3:status/-",
    "TokenReviewSpec": "1:token 2:audiences/*s",
    "TokenReview": "1:metadata/ObjectMeta 2:spec/TokenReviewSpec 3:status/-",
    "SelfSubjectReview": "1:metadata/ObjectMeta 2:status/-",
    "ResourceAttributes": "1:namespace 2:verb 3:group 4:version 5:resource 6:subresource 7:name",
    "NonResourceAttributes": "1:path 2:verb",
    "SelfSubjectAccessReviewSpec": "1:resourceAttributes/ResourceAttributes 2:nonResourceAttributes/NonResourceAttributes",
    "SelfSubjectAccessReview": "1:metadata/ObjectMeta 2:spec/SelfSubjectAccessReviewSpec 3:status/-",
    "SelfSubjectRulesReviewSpec": "1:namespace",
    "SelfSubjectRulesReview": "1:metadata/ObjectMeta 2:spec/SelfSubjectRulesReviewSpec 3:status/-",
    "Eviction": "1:metadata/ObjectMeta 2:deleteOptions/DeleteOptions",
    "PriorityClass": "1:metadata/ObjectMeta 2:value/i 3:globalDefault/B 4:description 5:preemptionPolicy",
}

KINDS = {
    "v1": ("Binding", "ConfigMap", "Namespace", "Pod", "Secret", "Service", "ServiceAccount", "DeleteOptions"),
    "apps/v1": ("Deployment",),
    "authentication.k8s.io/v1": ("SelfSubjectReview", "TokenRequest", "TokenReview"),
    "authorization.k8s.io/v1": ("SelfSubjectAccessReview", "SelfSubjectRulesReview"),
    "policy/v1": ("Eviction",),
    "rbac.authorization.k8s.io/v1": ("ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding"),
    "scheduling.k8s.io/v1": ("PriorityClass",),
}
"""Group version → kinds that can be decoded."""

SAME = {"ClusterRoleBinding": "RoleBinding"}


def message_of(api_version: str, kind: str) -> str:
    """The message of a kind; "" if it cannot be decoded."""
    return SAME.get(kind, kind) if kind in KINDS.get(api_version, ()) else ""


Field = tuple[str, str]
_parsed: dict[str, dict[int, Field]] = {}


def fields_of(message: str) -> dict[int, Field]:
    """number → (name, type) of a message."""
    found = _parsed.get(message)
    if found is None:
        found = _parsed[message] = {}
        for word in TEXT[message].split():
            number, _, rest = word.partition(":")
            name, _, type_ = rest.partition("/")
            found[int(number)] = (name, type_ or "s")
    return found
