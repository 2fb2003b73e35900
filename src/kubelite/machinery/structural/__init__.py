"""Schemas of custom resources at work: what is kept, what is filled in, what is refused.

What: `schema.Node` (a schema, read once), `pruning`, `defaulting`, `values` (validation of objects), `listtypes`,
`formats`, and for the schemas themselves `invariants`, `openapi` and `defaults`. Why: the schema of a custom resource is
data that a user writes; everything about it is pure and knows nothing of servers. Flow: `node_of(schema)` once per served
version → prune → default → validate for each object. Sources: apiextensions-apiserver/pkg/apiserver/{schema,validation}.
"""
