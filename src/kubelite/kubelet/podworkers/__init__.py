"""One worker for each pod: it brings the pod up, keeps it up, and takes it down.

    bound here ─▶ SYNC ─deleted, over, rejected─▶ TERMINATING ─nothing runs─▶ TERMINATED ─gone─▶ FINISHED
                  plan → act → observe → status   stop containers             unmount, cgroups   records, logs,
                  again on wake or timer          and sandboxes               status, DELETE     directories

A state only ever moves to the right. Each step may fail; it is repeated with back-off until it works.
"""
