"""Job counts: each pod that ends is counted once, whatever dies in between.

What: `JobCounts` remembers every pod of a Job that ended, every uid that a status has listed, and compares. Why: a
count that is off by one is found months later, by somebody's bill. Rules: counters never go down; never above the
pods that have ended; a finalizer is removed only from an ended pod that a stored status has listed (or whose Job is over or
gone); an Indexed Job completes each index once.
"""

from __future__ import annotations

from collections import defaultdict

from tests.simulation.truth import Object, Rule, Truth, condition, controller

FINALIZER = "batch.kubernetes.io/job-tracking"


class JobCounts(Rule):
    """See above."""

    def __init__(self, truth: Truth) -> None:
        super().__init__(truth)
        self._succeeded: dict[str, set[str]] = defaultdict(set)
        self._ended: dict[str, set[str]] = defaultdict(set)
        self._listed: set[str] = set()
        self._jobs: dict[str, Object] = {}

    def seen(self, resource: str, key: str, old: Object | None, new: Object | None) -> None:
        if resource == "pods":
            self._pod(key, old, new)
        elif resource == "jobs" and new is not None:
            self._job(key, old, new)
        elif resource == "jobs" and old is not None:
            self._jobs.pop(old["metadata"]["uid"], None)

    def _pod(self, key: str, old: Object | None, new: Object | None) -> None:
        last = new or old
        assert last is not None
        uid, job = last["metadata"]["uid"], controller(last) or controller(old)
        if not job:
            return
        phase = last.get("status", {}).get("phase")
        if phase == "Succeeded":
            self._succeeded[job].add(uid)
        if phase in ("Succeeded", "Failed") or last["metadata"].get("deletionTimestamp") or new is None:
            self._ended[job].add(uid)
        found = self._jobs.get(job)
        if found is None or old is None or FINALIZER not in old["metadata"].get("finalizers", ()):
            return
        if phase not in ("Succeeded", "Failed"):
            return  # pods that were made in excess are let go before they have ended
        kept = new is not None and FINALIZER in new["metadata"].get("finalizers", ())
        if kept or _is_over(found) or found["metadata"].get("deletionTimestamp") or found["spec"].get("suspend"):
            return
        if uid not in self._listed and not _index_done(found, last):
            self.truth.violated(f"pod {key} lost its finalizer before a status of its Job counted it")

    def _job(self, key: str, old: Object | None, new: Object) -> None:
        uid, status = new["metadata"]["uid"], new.get("status", {})
        self._jobs[uid] = new
        uncounted = status.get("uncountedTerminatedPods") or {}
        lists = {name: uncounted.get(name) or [] for name in ("succeeded", "failed")}
        for name, pods in lists.items():
            self._listed.update(pods)
            if len(set(pods)) != len(pods):
                self.truth.violated(f"Job {key} lists a pod twice as {name}")
        if set(lists["succeeded"]) & set(lists["failed"]):
            self.truth.violated(f"Job {key} counts a pod as succeeded and failed")
        succeeded, failed = status.get("succeeded", 0), status.get("failed", 0)
        if succeeded + len(lists["succeeded"]) > len(self._succeeded[uid]):
            self.truth.violated(f"Job {key} counts {succeeded} succeeded pods of {len(self._succeeded[uid])}")
        total = succeeded + failed + len(lists["succeeded"]) + len(lists["failed"])
        if total > len(self._ended[uid]):
            self.truth.violated(f"Job {key} counts {total} ended pods of {len(self._ended[uid])}")
        if old is None or old["metadata"]["uid"] != uid:
            return
        before = old.get("status", {})
        for name, value in (("succeeded", succeeded), ("failed", failed)):
            if value < before.get(name, 0) and new["spec"].get("completionMode") != "Indexed":
                self.truth.violated(f"Job {key}: {name} went from {before[name]} down to {value}")
        if _is_over(old) and not _is_over(new):
            self.truth.violated(f"Job {key} was over and is not any more")

    def at_end(self) -> None:
        for job in self.truth.of("jobs"):
            key = f"{job['metadata']['namespace']}/{job['metadata']['name']}"
            wanted = job["spec"].get("completions")
            if condition(job, "Complete") != "True" or wanted is None:
                continue
            done = job.get("status", {}).get("succeeded", 0)
            real = len(self._succeeded[job["metadata"]["uid"]])
            if done < wanted or done > real:
                self.truth.violated(f"Job {key} is complete with {done} of {wanted}; {real} pods succeeded")


def _is_over(job: Object) -> bool:
    return any(condition(job, kind) == "True" for kind in ("Complete", "Failed", "SuccessCriteriaMet", "FailureTarget"))


def _index_done(job: Object, pod: Object) -> bool:
    """Whether the pod's index is in the Job's list already."""
    if job["spec"].get("completionMode") != "Indexed":
        return False
    index = (pod["metadata"].get("annotations") or {}).get("batch.kubernetes.io/job-completion-index", "")
    done = job.get("status", {}).get("completedIndexes", "")
    for part in done.split(","):
        first, _, last = part.partition("-")
        if first and int(first) <= int(index) <= int(last or first):
            return True
    return False
