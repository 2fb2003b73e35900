"""Why an object is not well: pure rules over plain objects. `explain.explain(facts, kind, namespace, name)` → `Answer`."""
