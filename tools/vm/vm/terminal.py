# SPDX-License-Identifier: GPL-2.0
"""Connects the user's terminal to the guest's."""

import os
import selectors
import shutil
import sys
import termios
import tty

LEAVE = b"\x1d"         # Ctrl-]


class Left(Exception):
    """The user has left the machine by the escape key."""


class Terminal:
    """The terminal on stdin, raw while the guest has it."""

    def __init__(self):
        self.size = shutil.get_terminal_size()
        self._saved = None
        self._sock = None

    def attach(self, selector, sock):
        self._sock = sock
        self._saved = termios.tcgetattr(0)
        tty.setraw(0)
        selector.register(0, selectors.EVENT_READ, self._type)
        selector.register(sock, selectors.EVENT_READ, self._show)

    def restore(self):
        if self._saved is not None:
            termios.tcsetattr(0, termios.TCSADRAIN, self._saved)
            self._saved = None

    def _type(self, data):
        if LEAVE in data:
            raise Left
        self._sock.sendall(data)

    @staticmethod
    def _show(data):
        sys.stdout.flush()
        while data:
            data = data[os.write(1, data):]

