"""The Pod Security Standards: whether a pod is privileged, baseline or restricted.

What: `evaluate(level, annotations, spec)` gives the reasons why a pod is not of a level. Why: admission, and whoever explains it,
ask the same question. Flow: `evaluate` lists the checks of `baseline` and `restricted` with the versions of Kubernetes that they
hold for; `levels` reads the labels of a namespace. Source: pod-security-admission/policy and the documented standards.
"""

from kubelite.api.logic.podsecurity.evaluate import Violation, evaluate, summary
from kubelite.api.logic.podsecurity.levels import BASELINE, PRIVILEGED, RESTRICTED, Level, Policy, policy_of

__all__ = ["BASELINE", "PRIVILEGED", "RESTRICTED", "Level", "Policy", "Violation", "evaluate", "policy_of", "summary"]
