"""The webhooks of the server's configurations, compiled and in order.

What: `Hook`, one webhook ready to be asked, and `Hooks`, all of one kind of configuration. Why: rules, selectors and match
conditions are compiled when a configuration changes, not when a request comes. Flow: the watch cache tells of changes →
`Hooks.index`, rebuilt when it is next needed. Configurations come in the order of their names, webhooks in their own. Source:
apiserver/pkg/admission/configuration.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from kubelite.api.types import admissionregistration_v1 as v1
from kubelite.apiserver.admission.dynamic.matching import Index, Matcher
from kubelite.apiserver.admission.webhooks.client import Callers
from kubelite.apiserver.lookup import Lookup
from kubelite.machinery.scheme import Scheme

GROUP = "admissionregistration.k8s.io"
SECONDS = 10
NO_EFFECTS = ("None", "NoneOnDryRun")
Configuration = v1.MutatingWebhookConfiguration | v1.ValidatingWebhookConfiguration


class Hook:
    """One webhook. `position` counts all of its kind, for audit annotations; `key` names it among all."""

    def __init__(self, configuration: str, position: int, raw: Any, *, key: str) -> None:
        self.configuration = configuration
        self.position = position
        self.name: str = raw.name
        self.key = key
        self.client = raw.clientConfig
        self.versions: Sequence[str] = raw.admissionReviewVersions
        self.fails = raw.failurePolicy != "Ignore"
        self.seconds: int = raw.timeoutSeconds or SECONDS
        self.reinvoked = getattr(raw, "reinvocationPolicy", "") == "IfNeeded"
        self.dry = raw.sideEffects in NO_EFFECTS
        self.matcher = Matcher(raw.rules, (), raw.matchPolicy, raw.namespaceSelector, raw.objectSelector)
        self._raw_conditions = raw.matchConditions
        self._conditions: Any = None

    @property
    def has_conditions(self) -> bool:
        return bool(self._raw_conditions)

    @property
    def conditions(self) -> Any:
        """The match conditions, compiled when first needed."""
        if self._conditions is None:
            from kubelite.api.admissionregistration import expressions
            from kubelite.apiserver.admission.dynamic.facts import Conditions

            programs: list[Any] = []
            wanted = expressions.wanted_types("bool")
            for one in self._raw_conditions:
                try:
                    program = expressions.compiled(expressions.plain_environment(), one.expression, wanted)
                    programs.append((one.name, program, ""))
                except expressions.BadExpression as error:
                    programs.append((one.name, None, str(error)))
            self._conditions = Conditions(programs)
        return self._conditions


class Hooks:
    """The webhooks of all configurations of one resource."""

    def __init__(self, lookup: Lookup, scheme: Scheme, resource: str, type_: Any, callers: Callers) -> None:
        self._scheme = scheme
        self._callers = callers
        self._configurations: dict[str, Configuration] = {}
        self._index: Index[Hook] | None = None
        self.any = False
        """Whether there is a webhook at all."""
        lookup.follow(resource, GROUP, type_, self._changed)

    def _changed(self, namespace: str, name: str, found: Configuration | None) -> None:
        if found is None:
            self._configurations.pop(name, None)
        else:
            self._configurations[name] = found
        self._index = None
        self.any = any(one.webhooks for one in self._configurations.values())

    @property
    def index(self) -> Index[Hook]:
        """The webhooks as they are now."""
        if self._index is None:
            hooks: list[Hook] = []
            for name in sorted(self._configurations):
                seen: dict[str, int] = {}
                for raw in self._configurations[name].webhooks:
                    number = seen[raw.name] = seen.get(raw.name, -1) + 1
                    hooks.append(Hook(name, len(hooks), raw, key=f"{name}/{raw.name}/{number}"))
            self._index = Index(self._scheme, hooks)
            self._callers.keep(self.clients())
        return self._index

    def clients(self) -> list[Any]:
        """The clientConfigs of all webhooks."""
        return [raw.clientConfig for one in self._configurations.values() for raw in one.webhooks]
