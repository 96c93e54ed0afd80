"""Ctrl-C and SIGTERM while a command runs: a KeyboardInterrupt that is not lost, and an exit code."""

from __future__ import annotations

import _thread
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_LATER = 0.01  # seconds
# Where a folder is made or deleted, or a file replaced: that is finished first, or a part of it would stay behind.
_FINISHED_FIRST = ("tempfile", "chainrule.files.replacing")


class _Interruption(KeyboardInterrupt):
    """Python ends a process in which the class itself was once raised from an `exec` as if by SIGINT, come what may."""


class _Arrived:
    """The first signal since the command began; None if there was none."""

    signal: int | None = None


@contextmanager
def interruptible() -> Iterator[None]:
    """Handle the signals of this process while a command runs; one that the caller ignores (`nohup`) stays ignored."""
    _Arrived.signal = None
    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread may set handlers
        return
    before = {number: signal.getsignal(number) for number in _SIGNALS}
    hook, sys.unraisablehook = sys.unraisablehook, _again_if_lost(sys.unraisablehook)
    try:
        for number, handler in before.items():
            if handler is not signal.SIG_IGN:
                signal.signal(number, _interrupt)
        yield
    finally:
        sys.unraisablehook = hook
        for number, handler in before.items():
            signal.signal(number, handler)


def of_an_mpi_job(is_root: bool) -> None:
    """Let SIGTERM end this rank at once, and Ctrl-C be the root's: the others would wait for a rank that left alone."""
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    if not is_root:
        signal.signal(signal.SIGINT, signal.SIG_IGN)


def exit_code() -> int | None:
    """Return the exit code of a command that a signal has interrupted: 128 and its number; None if none arrived."""
    return None if _Arrived.signal is None else 128 + _Arrived.signal


def name() -> str:
    """Name what interrupted the command."""
    return "SIGTERM" if _Arrived.signal == signal.SIGTERM else "Ctrl-C"


def _interrupt(number: int, frame: FrameType | None) -> None:
    if _Arrived.signal is None:
        _Arrived.signal = number
    if _is_to_be_finished(frame):
        _send_later(number)
    else:
        raise _Interruption


def _is_to_be_finished(frame: FrameType | None) -> bool:
    while frame is not None:
        if frame.f_globals.get("__name__") in _FINISHED_FIRST or "rmtree" in frame.f_code.co_name:
            return True
        frame = frame.f_back
    return False


def _again_if_lost(hook: Any) -> Any:
    """Python drops what is raised in a finaliser or in a callback of the garbage collector: send the signal again."""

    def unraisable(lost: Any) -> None:
        if isinstance(lost.exc_value, KeyboardInterrupt):
            _send_later(_Arrived.signal or signal.SIGINT)
        else:
            hook(lost)

    return unraisable


def _send_later(number: int) -> None:
    threading.Timer(_LATER, _thread.interrupt_main, (number,)).start()
