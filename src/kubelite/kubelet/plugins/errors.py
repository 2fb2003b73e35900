"""How calls of plugins fail. Sources: pkg/volume/csi/csi_client.go (isFinalError), pkg/volume/util/types."""

from __future__ import annotations

from typing import Final

from kubelite.kubelet.cri import rpc_text

UNCERTAIN: Final = frozenset(("CANCELLED", "DEADLINE_EXCEEDED", "UNAVAILABLE", "RESOURCE_EXHAUSTED", "ABORTED"))
INFEASIBLE: Final = frozenset(("INVALID_ARGUMENT", "NOT_FOUND", "OUT_OF_RANGE"))


class RpcError(Exception):
    """A plugin refused or could not be reached; the text is as Go prints it, `code` the gRPC status name."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(rpc_text(code, message))
        self.code = code
        self.message = message


def is_final(error: Exception) -> bool:
    """Whether a call that failed has surely left nothing behind and goes on nowhere."""
    return not (isinstance(error, RpcError) and error.code in UNCERTAIN)
