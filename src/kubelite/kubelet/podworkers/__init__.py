"""One worker for each pod: it brings the pod up, keeps it up, and takes it down.

    API: pod bound here ──▶ SYNC ──deleted, over, rejected, evicted──▶ TERMINATING ──nothing runs──▶ TERMINATED ──gone──▶ FINISHED
                             │ plan → act → observe → status             stop all containers         unmount, cgroups       records,
                             └──── again on wake or timer                and sandboxes               final status, DELETE   logs, dirs

A state only ever moves to the right. Each step may fail; it is repeated with back-off until it works.
"""
