"""The command line in a copy of this process, to be killed, interrupted, or left by its reader.

Python anew takes a second for its imports; a copy has them.
"""

import io
import os
import signal
import sys
import traceback

import pytest

from causalbandit.cli import main

needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs processes that are copies")


def writer(number, encoding):
    """The file of a number, to be written as Python writes its standard outputs."""
    return io.TextIOWrapper(io.BufferedWriter(io.FileIO(number, "w", closefd=False)), encoding=encoding)


def forked(words, out, err, encoding="utf-8"):
    """The id of a copy of this process that runs a command with two open files as its outputs.

    It ends as Python does: buffers are flushed, and it is told when that fails.
    """
    child = os.fork()
    if child:
        return child
    code = 1
    try:
        os.dup2(out, 1)
        os.dup2(err, 2)
        sys.stdout = writer(1, encoding)
        sys.stderr = writer(2, "utf-8")
        signal.signal(signal.SIGINT, signal.default_int_handler)
        try:
            main([str(word) for word in words], prog_name="causalbandit")
        except SystemExit as ended:
            code = int(ended.code or 0)
        except BaseException:
            traceback.print_exc()
        try:
            sys.stdout.flush()
        except OSError:
            traceback.print_exc()
            code = 120
        sys.stderr.flush()
    finally:
        os._exit(code)


def exit_code(child):
    """Wait for the end of a copy: its exit status, or minus the number of the signal that ended it."""
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status)
