"""What the commands print: nothing in a file can steer the terminal on which it is shown."""

from __future__ import annotations

import logging
import re

import click

_STEERING = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
"""Control characters but tab and line end, and marks that reverse the direction of a text."""


def visible(text: str) -> str:
    r"""``text`` with every character that would steer a terminal as its escape, which JSON reads back, too.

    >>> print(visible("a\x1b[2Jb"))
    a\u001b[2Jb
    """
    return _STEERING.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def echo(text: object = "", *, err: bool = False, nl: bool = True) -> None:
    """Print ``text``, made `visible`, on standard output or on standard error."""
    click.echo(visible(str(text)), err=err, nl=nl)


class EchoHandler(logging.Handler):
    """Prints what the package logs on standard error."""

    def emit(self, record: logging.LogRecord) -> None:
        echo(record.getMessage(), err=True)
