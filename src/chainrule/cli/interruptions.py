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
# Where a folder is made or deleted, or a file replaced, or a library imported: that is finished first. Something would
# stay behind, or a library that is written in C++ end the process.
_FINISHED_FIRST = ("tempfile", "chainrule.files.replacing", "importlib._bootstrap")


class _Interruption(KeyboardInterrupt):
    """Python ends a process in which the class itself was once raised from an `exec` as if by SIGINT, come what may."""


class _Arrived:
    """The first signal since the command began, the timer that sends one again, and whether more are too late."""

    signal: int | None = None
    timer: threading.Timer | None = None
    too_late: bool = False


@contextmanager
def interruptible() -> Iterator[None]:
    """Handle the signals of this process while a command runs; one that the caller ignores (`nohup`) stays ignored."""
    _Arrived.signal, _Arrived.too_late = None, False
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
        if _Arrived.timer is not None:
            _Arrived.timer.cancel()
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


def too_late() -> None:
    """Ignore further signals: the command has ended, and only has to say how."""
    _Arrived.too_late = True


def _interrupt(number: int, frame: FrameType | None) -> None:
    if _Arrived.too_late:
        return
    if _Arrived.signal is None:
        _Arrived.signal = number
    if _is_to_be_finished(frame):
        _send_later(number)
    else:
        raise _Interruption


def _is_to_be_finished(frame: FrameType | None) -> bool:
    while frame is not None and frame.f_globals.get("__name__") != "chainrule.cli":  # where the command began
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
    _Arrived.timer = threading.Timer(_LATER, _thread.interrupt_main, (number,))
    _Arrived.timer.daemon = True
    _Arrived.timer.start()
