"""The sender's end of the link: requests go out without waiting for each reply, up to a window of bytes.

The socket is shared with the node, non-blocking, so this side waits with poll(). Every reply must be a success.
"""

from __future__ import annotations

import select
import socket
import time
from collections import deque

import hiredis

WINDOW_BYTES = 1 << 20
REPLY_CHUNK_BYTES = 64 << 10


class OutletError(Exception):
    """The target refused something."""


class LinkLost(OutletError):
    """The target did not answer in time, what it answered is garbage, or it is gone."""


class Outlet:
    """Sends requests over a socket and checks their replies."""

    def __init__(self, sock: socket.socket, timeout_s: float) -> None:
        self._sock = sock
        self._timeout_s = timeout_s
        self._reader = hiredis.Reader(protocolError=LinkLost, replyError=OutletError)
        self._sends: deque[list[int]] = deque()  # of each send: [requests without a reply yet, bytes]
        self._unanswered = 0  # bytes
        self.takes_lists = False  # whether an array is a success, too
        self._progress = 0.0  # when a byte was taken or a whole reply came: a target that only drips is stuck, too
        self.sent = 0  # bytes

    def send(self, requests: bytes, count: int) -> None:
        """Sends `count` encoded requests; waits only while the window is full."""
        self._progress = time.monotonic()
        rest = memoryview(requests)
        while rest:
            try:
                rest = rest[self._sock.send(rest) :]
                self._progress = time.monotonic()
            except BlockingIOError:
                self._wait(select.POLLIN | select.POLLOUT)
                self._receive()
            except OSError as error:
                raise LinkLost(f"the link to the target broke: {error.strerror}") from error
        self.sent += len(requests)
        self._sends.append([count, len(requests)])
        self._unanswered += len(requests)
        while self._unanswered > WINDOW_BYTES:
            self._wait(select.POLLIN)
            self._receive()

    def drain(self) -> None:
        """Waits until every request has been answered."""
        self._progress = time.monotonic()
        while self._sends:
            self._wait(select.POLLIN)
            self._receive()

    def _wait(self, events: int) -> None:
        poll = select.poll()
        poll.register(self._sock, events)
        left_s = self._progress + self._timeout_s - time.monotonic()
        if left_s < 0 or not poll.poll(left_s * 1000):
            raise LinkLost(f"the target did not answer within {self._timeout_s:g} s")

    def _receive(self) -> None:
        try:
            data = self._sock.recv(REPLY_CHUNK_BYTES)
        except BlockingIOError:
            return
        except OSError as error:
            raise LinkLost(f"the link to the target broke: {error.strerror}") from error
        if not data:
            raise LinkLost("the target closed the connection")
        self._reader.feed(data)
        while (reply := self._reader.gets()) is not False:
            if isinstance(reply, OutletError):
                raise OutletError(f"the target answered: {reply}")
            if self.takes_lists and isinstance(reply, list):
                for each in reply:
                    if isinstance(each, OutletError):
                        raise OutletError(f"the target answered: {each}")
            elif not isinstance(reply, int | bytes):
                raise LinkLost(f"the target answered {reply!r:.100}")
            self._progress = time.monotonic()
            if not self._sends:
                raise LinkLost("the target answered what was not asked")
            oldest = self._sends[0]
            oldest[0] -= 1
            if oldest[0] == 0:
                self._unanswered -= oldest[1]
                self._sends.popleft()


class Throttle:
    """Keeps a rate below a limit, in units (bytes, commands) a second; 0 = no limit."""

    def __init__(self, per_s: int) -> None:
        self._per_s = per_s
        self._due = time.monotonic()

    def pay(self, units: int) -> None:
        """Sleeps as long as `units` more need."""
        if not self._per_s:
            return
        now = time.monotonic()
        self._due = max(self._due, now) + units / self._per_s
        if self._due > now:
            time.sleep(self._due - now)
