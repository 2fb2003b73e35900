"""Controllers: each makes one part of the world as wanted.

A controller is three modules: `plan` decides (pure: observed → actions), `status` describes (pure), `controller` wires informers
→ key → reconcile → API calls. `registry` names them all, `server` runs them in one process behind a leader lease.
"""
