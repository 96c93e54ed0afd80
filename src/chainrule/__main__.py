"""The command `chainrule`, and `python -m chainrule`."""

import signal
import sys


def run() -> None:
    """Run the command line; Ctrl-C counts from the first import to the moment when the exit code is known."""
    try:
        from chainrule.cli import main

        main(prog_name="chainrule")
    except KeyboardInterrupt:
        print("Interrupted by Ctrl-C before the end.", file=sys.stderr)
        sys.exit(128 + signal.SIGINT)
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)


if __name__ == "__main__":
    run()
