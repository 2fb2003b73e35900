"""Custom resources: from a CustomResourceDefinition to a served kind.

What: `follower` keeps the scheme and the caches in step with the definitions, `conditions` and `names` decide their status,
`removal` empties a kind whose definition goes, `family` and `served` are the run-time side of one definition, `kinds`
declares its versions, `webhook` converts. Why: nothing below knows beforehand what kinds there are. Flow:
docs/custom-resources.md.
"""
