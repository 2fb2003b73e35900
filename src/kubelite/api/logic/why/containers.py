"""Why a container does not run: its image, its settings, its command, its memory, its probes.

What: `of_container(facts, pod, status, container)` → the cause, None for one that is well. Flow: waiting reason → the words of
the registry, the missing object, or the end of the container before this one.
"""

from __future__ import annotations

import re

from kubelite.api.logic.podresources import amount_text
from kubelite.api.logic.why.model import Cause, Facts, Object, flag, listed, name_of, namespace_of, spec, status
from kubelite.machinery import quantity

IMAGE = ("ErrImagePull", "ImagePullBackOff", "ErrImageNeverPull", "InvalidImageName", "RegistryUnavailable")
START = ("CreateContainerError", "RunContainerError", "StartError", "ContainerCannotRun")
_REGISTRY = (
    ("ImagePullDenied", ("unauthorized", "denied", "authentication required", "401", "403", "authorization failed")),
    ("ImageNotFound", ("not found", "manifest unknown", "name unknown", "404")),
    (
        "RegistryUnreachable",
        ("no such host", "connection refused", "timeout", "dial tcp", "unreachable", "x509", "tls:"),
    ),
)
_PULL_STEPS = {
    "ImageNotFound": "set image {owner} {container}=IMAGE{flag}",
    "ImagePullDenied": "create secret docker-registry NAME{flag} --docker-server=HOST --docker-username=USER --docker-password=…",
}
_NOT_FOUND = re.compile(r'(configmap|secret|ConfigMap|Secret)s? "([^"]+)" not found')
_NO_KEY = re.compile(r"couldn't find key (\S+) in (ConfigMap|Secret) (\S+)")
_NO_PROGRAM = ("executable file not found", "no such file or directory", "permission denied", "exec format error")


def of_container(facts: Facts, pod: Object, state: Object, container: Object) -> Cause | None:
    """Why this container is not running; None if it runs, or only just starts."""
    name = str(state.get("name"))
    waiting = (state.get("state") or {}).get("waiting")
    ended = (state.get("state") or {}).get("terminated")
    if waiting:
        return _waiting(facts, pod, state, container, waiting)
    if ended and (ended.get("exitCode") or ended.get("reason") != "Completed"):
        return _ended(facts, pod, name, container, ended)
    return None


def _waiting(facts: Facts, pod: Object, state: Object, container: Object, waiting: Object) -> Cause | None:
    name, reason, message = str(state.get("name")), str(waiting.get("reason") or ""), str(waiting.get("message") or "")
    if reason in IMAGE:
        return _image(facts, pod, name, container, reason, message)
    if reason == "CreateContainerConfigError":
        return settings(pod, message, f"container {name}")
    if reason in START:
        return _cannot_start(pod, name, container, message or reason)
    if reason == "PostStartHookError":
        text = f"container {name}: its postStart hook failed: {message}"
        return Cause("PostStartHookFailed", text, _describe(pod))
    last = (state.get("lastState") or {}).get("terminated")
    if reason == "CrashLoopBackOff" or last:
        restarts = state.get("restartCount") or 0
        because = _ended(facts, pod, name, container, last or {})
        text = f"container {name} ended again and again ({restarts} restarts) and waits before the next start"
        return Cause("CrashLoopBackOff", text, _logs(pod, name), because=because)
    return None


def _describe(pod: Object) -> str:
    return f"kubelite describe pod {name_of(pod)}{flag(pod)}"


def _logs(pod: Object, container: str) -> str:
    """What the container has written: before its last start, or the only time that it ran."""
    named = [str(one.get("name")) for one in spec(pod).get("containers") or ()]
    choice = f" -c {container}" if named != [container] else ""
    got = status(pod)
    states = [*(got.get("initContainerStatuses") or ()), *(got.get("containerStatuses") or ())]
    mine: Object = next((one for one in states if one.get("name") == container), {})
    again = "terminated" in (mine.get("lastState") or {}) and "terminated" not in (mine.get("state") or {})
    return f"kubelite logs {name_of(pod)}{choice}{flag(pod)}{' --previous' if again else ''}"


def _image(facts: Facts, pod: Object, name: str, container: Object, reason: str, message: str) -> Cause:
    image = str(container.get("image") or "")
    if reason == "InvalidImageName":
        text = f'container {name}: "{image}" is no image name'
        return Cause("InvalidImageName", text, f"kubelite set image {_owner(pod)} {name}=IMAGE{flag(pod)}")
    if reason == "ErrImageNeverPull":
        text = f"container {name}: the image {image} is not on the node, and its policy is never to pull it"
        return Cause("ImageNeverPulled", text, "kubelite image import FILE.tar")
    words = message
    if reason == "ImagePullBackOff":
        said = [str(e.get("message") or "") for e in facts.events("Pod", pod, "Failed")]
        words = next((m for m in said if image in m and "Error:" not in m[:7]), message)
    lowered = words.lower()
    code = next((c for c, signs in _REGISTRY if any(sign in lowered for sign in signs)), "ImagePullFailed")
    what = {
        "ImageNotFound": "the registry has no such image",
        "ImagePullDenied": "the registry does not let this pod pull it",
        "RegistryUnreachable": "the registry cannot be reached from the node",
    }.get(code, "it cannot be pulled")
    missing = [
        str(ref.get("name"))
        for ref in spec(pod).get("imagePullSecrets") or ()
        if facts.missing("Secret", namespace_of(pod), str(ref.get("name")))
    ]
    details = [f"the registry's words: {words}"] if words else []
    if code == "ImagePullDenied":
        names = [str(ref.get("name")) for ref in spec(pod).get("imagePullSecrets") or ()]
        details.append(
            f"it logs in with {listed(names)}" if names else "its imagePullSecrets name no secret to log in with"
        )
    details += [f"imagePullSecrets names the secret {secret}, which does not exist" for secret in missing]
    step = _PULL_STEPS.get(code, "describe pod {pod}{flag}")
    filled = step.format(owner=_owner(pod), container=name, flag=flag(pod), pod=name_of(pod))
    return Cause(code, f"container {name}: image {image}: {what}", f"kubelite {filled}", tuple(details))


def settings(pod: Object, message: str, where: str) -> Cause:
    """What is missing: an object, a key of it, or something else about the settings."""
    gone = _NOT_FOUND.search(message)
    if gone:
        kind, name = gone.group(1).lower(), gone.group(2).rpartition("/")[2]
        code = "ConfigMapMissing" if kind == "configmap" else "SecretMissing"
        make = f"create configmap {name}" if kind == "configmap" else f"create secret generic {name}"
        step = f"kubelite {make}{flag(pod)} --from-literal=KEY=VALUE"
        return Cause(code, f"{where} needs the {kind} {name}, which does not exist", step)
    key = _NO_KEY.search(message)
    if key:
        kind, name = key.group(2).lower(), key.group(3).rpartition("/")[2]
        text = f"{where} needs the key {key.group(1)} of the {kind} {name}, which has no such key"
        return Cause("KeyMissing", text, f"kubelite edit {kind} {name}{flag(pod)}")
    return Cause("ContainerSettings", f"{where} cannot be made: {message}", _describe(pod))


def _cannot_start(pod: Object, name: str, container: Object, message: str) -> Cause:
    command = [*(container.get("command") or ()), *(container.get("args") or ())]
    shown = " ".join(str(word) for word in command) or "the image's own command"
    if any(sign in message for sign in _NO_PROGRAM):
        text = f"container {name}: its command cannot be started ({shown}): {message}"
        owner = _owner(pod)
        step = f"get pod {name_of(pod)}{flag(pod)} -o yaml" if owner.startswith("pod/") else f"edit {owner}{flag(pod)}"
        return Cause("BadCommand", text, f"kubelite {step}")
    return Cause("CannotStart", f"container {name} cannot be started: {message}", _describe(pod))


def _more_memory(pod: Object, container: str, limit: str) -> str:
    """Twice the limit: for the pods that its owner makes, or for this pod in place."""
    if not limit:
        return f"kubelite describe node {spec(pod).get('nodeName')}"
    twice = amount_text("memory", 2 * quantity.value(limit))
    owner = _owner(pod)
    if not owner.startswith("pod/"):
        return f"kubelite set resources {owner} -c {container} --limits=memory={twice}{flag(pod)}"
    body = f'{{"spec":{{"containers":[{{"name":"{container}","resources":{{"limits":{{"memory":"{twice}"}}}}}}]}}}}'
    return f"kubelite patch pod {name_of(pod)}{flag(pod)} --subresource=resize -p '{body}'"


def _limit(container: Object) -> str:
    return str(((container.get("resources") or {}).get("limits") or {}).get("memory") or "")


def _ended(facts: Facts, pod: Object, name: str, container: Object, ended: Object) -> Cause:
    code, reason = ended.get("exitCode"), str(ended.get("reason") or "")
    message = str(ended.get("message") or "")
    if reason == "OOMKilled":
        limit = _limit(container)
        text = f"container {name} used more memory than " + (f"its limit of {limit}" if limit else "the node has")
        return Cause("OOMKilled", f"{text} and was killed", _more_memory(pod, name, limit))
    if reason in START or code in (126, 127):
        return _cannot_start(pod, name, container, message or f"exit code {code}: no such file or directory")
    probe = _killed_by_probe(facts, pod, name)
    if probe is not None and code in (137, 143, 0, None):
        return probe
    hook = _killed_by_hook(facts, pod, name)
    if hook is not None and code in (137, 143, 0, None):
        return hook
    details = _last_words(facts, pod, name, message)
    if code == 0:
        text = f"container {name} ends by itself (exit code 0), but its pod wants it to run for ever"
        return Cause("EndsByItself", text, _logs(pod, name), details)
    if code is None:
        return Cause("Crashes", f"container {name} ended", _logs(pod, name), details)
    signal = f" (signal {code - 128})" if code > 128 else ""
    return Cause("Crashes", f"container {name} ended with exit code {code}{signal}", _logs(pod, name), details)


def _last_words(facts: Facts, pod: Object, name: str, message: str) -> tuple[str, ...]:
    line = message.strip().splitlines()[-1] if message.strip() else facts.last_lines.get((name_of(pod), name), "")
    return (f"its last words: {line}",) if line else ()


def _killed_by_probe(facts: Facts, pod: Object, name: str) -> Cause | None:
    for kind, code in (("Liveness", "LivenessProbeFails"), ("Startup", "StartupProbeFails")):
        for event in facts.events("Pod", pod, "Unhealthy"):
            message = str(event.get("message") or "")
            path = str((event.get("involvedObject") or {}).get("fieldPath") or "")
            if message.startswith(f"{kind} probe") and (not path or f"{{{name}}}" in path):
                text = f"container {name} is killed because its {kind.lower()} probe fails: {_answer(message)}"
                return Cause(code, text, _logs(pod, name))
    return None


def _killed_by_hook(facts: Facts, pod: Object, name: str) -> Cause | None:
    for event in facts.events("Pod", pod, "FailedPostStartHook"):
        path = str((event.get("involvedObject") or {}).get("fieldPath") or "")
        if not path or f"{{{name}}}" in path:
            text = f"container {name} is killed because its postStart hook failed"
            return Cause("PostStartHookFailed", text, _describe(pod), (str(event.get("message") or ""),))
    return None


def _answer(message: str) -> str:
    return message.partition(": ")[2].strip() or "it said nothing"


def probe_answer(facts: Facts, pod: Object, name: str, kind: str) -> str:
    """What the last failed probe of a kind (Readiness, Startup) of a container was answered."""
    for event in facts.events("Pod", pod, "Unhealthy"):
        message = str(event.get("message") or "")
        path = str((event.get("involvedObject") or {}).get("fieldPath") or "")
        if message.startswith(kind) and (not path or f"{{{name}}}" in path):
            return _answer(message)
    return ""


def _owner(pod: Object) -> str:
    """What to edit: the Deployment behind a ReplicaSet is meant, not the pod."""
    for owner in (pod.get("metadata") or {}).get("ownerReferences") or ():
        kind, name = str(owner.get("kind")).lower(), str(owner.get("name"))
        if owner.get("controller") and kind == "replicaset" and "-" in name:
            return f"deployment/{name.rpartition('-')[0]}"
        if owner.get("controller"):
            return f"{kind}/{name}"
    return f"pod/{name_of(pod)}"
