"""What ends a training before its time, by one word and a reason."""

import errno
import traceback

import torch

FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


class TrialError(Exception):
    """A training ended early: `status` says how, the message why, `details` where."""

    def __init__(self, status: str, reason: str, details: str = "") -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason
        self.details = details

    def __reduce__(self) -> tuple[type["TrialError"], tuple[str, str, str]]:
        return TrialError, (self.status, self.reason, self.details)


def fault(error: BaseException) -> TrialError:
    """Return any exception as the fault it stands for."""
    if isinstance(error, TrialError):
        return error
    details = "".join(traceback.format_exception(error))
    reason = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    if isinstance(error, KeyboardInterrupt):
        return TrialError("interrupted", "stopped by a signal", details)
    if out_of_memory(error):
        return TrialError("out of memory", str(error).partition("\n")[0] or reason, details)
    if isinstance(error, OSError) and error.errno in FULL:
        return TrialError("failed", f"disk full: {error}", details)
    return TrialError("failed", reason, details)


def out_of_memory(error: BaseException) -> bool:
    """Tell whether a device, or the machine, had no room; torch's CPU allocator has no class."""
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    return isinstance(error, RuntimeError) and "DefaultCPUAllocator" in str(error)
