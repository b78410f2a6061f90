"""A client of a Trunkline hub over TCP or TLS, to be copied: nothing but Python's standard library, 3.8 or later.

On the wire each message has its length before it, four bytes big-endian. A message is a line of fields with
colons between them, a newline, and the payload: ``publish:sensors.a.temp:1.0.0:<id>\\n21``.

    with Client("127.0.0.1", 8443) as client:
        client.subscribe("sensors.+.temp")
        client.publish("sensors.a.temp", "21")
        for message in client.messages():
            print(message.topic, message.payload)
"""

import json
import socket
import struct
import time
import uuid
from collections import deque
from typing import Deque, Iterator, NamedTuple, Optional, Union

VERSION = "1.0.0"
# The first byte of a length is always zero; by that a hub knows what a client speaks.
MAX_MESSAGE_BYTES = 0xFFFFFF


class Message(NamedTuple):
    """Something that was published."""

    topic: str
    payload: bytes


class Gap(NamedTuple):
    """This program was too slow and lost messages of a topic."""

    topic: str
    dropped: int


class Request(NamedTuple):
    """Somebody waits for an answer: `Client.answer` or `Client.fail` gives it."""

    topic: str
    version: str
    payload: bytes
    # How long the answer may take, in seconds; None where whoever asks did not say.
    timeout: Optional[float]
    # Under which the answer goes back; empty when nobody waits for one.
    target_id: str
    # The id that whoever asks gave it.
    parent_id: str


class HubError(Exception):
    """The hub, or a service, did not do what was asked. `code` is for programs, for example NO_ROUTE_FOUND."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code


class Closed(Exception):
    """The connection is over. `code` is None when the hub did not say why."""

    def __init__(self, code: Optional[int], reason: str, retry_after: Optional[float] = None) -> None:
        super().__init__(reason if code is None else f"{code} {reason}".strip())
        self.code = code
        # Seconds after which to come back, where the hub asks for it.
        self.retry_after = retry_after


Received = Union[Message, Gap, Request]


def error_in(answer: bytes) -> Optional[HubError]:
    """The error that an answer tells of, if it does: the hub's, or one that a service words alike."""
    try:
        error = json.loads(answer).get("error")
        return HubError(error["code"], error["message"])
    except (ValueError, AttributeError, KeyError, TypeError):
        return None


class Client:
    """One connection. Not for several threads at once.

    A hub that heard nothing for 30 seconds asks whether somebody is there, and closes with 4408 half a minute
    later. The client answers that while it waits for anything; so do not sleep for long, call `next(seconds)`.
    """

    def __init__(
        self, host="127.0.0.1", port=8443, *, tls=None, token: Optional[str] = None, timeout: float = 10
    ) -> None:
        """Connects and logs in. `tls`: an ssl.SSLContext, or None for plain text. `token`: to log in with, where
        the hub wants a login. `timeout`: for the hub's answers, in seconds. Raises OSError when there is nobody
        to connect to, and HubError when the login is refused."""
        self._timeout = timeout
        self._buffer = bytearray()
        # Came while an answer was waited for.
        self._inbox: Deque[Received] = deque()
        # The id of the message that waits for its answer, and that answer.
        self._asked: Optional[str] = None
        self._answer: Optional[bytes] = None
        self._socket = socket.create_connection((host, port), timeout)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if tls is not None:
            self._socket = tls.wrap_socket(self._socket, server_hostname=host)
        if token is not None:
            self._log_in(token)

    def publish(self, topic: str, payload: Union[str, bytes]) -> None:
        """Publishes, and returns when it is on its way to at least one subscriber. Raises HubError otherwise,
        with the code NO_ROUTE_FOUND when nobody is subscribed."""
        self._call("publish", topic, payload)

    def subscribe(self, pattern: str, group: Optional[str] = None) -> None:
        """Subscribes to a topic, or to a pattern: `+` is any one level, `#` at the end any number of them.
        Of those who name the same group each message reaches one."""
        wanted = {"action": "publish", "topic": pattern}
        if group is not None:
            wanted["group"] = group
        self._call("request", "system.topic.subscribe", json.dumps(wanted))

    def unsubscribe(self, pattern: str) -> None:
        """Ends a subscription. What came before is still given."""
        self._call("request", "system.topic.unsubscribe", json.dumps({"action": "publish", "topic": pattern}))

    def request(self, topic: str, payload: Union[str, bytes], timeout: float = 5) -> bytes:
        """Asks whichever service answers the topic, and gives its answer, for which it has so many seconds.
        Raises HubError when there is none: NO_ROUTE_FOUND, TIMEOUT, SERVICE_UNAVAILABLE, or what the service
        says. The hub keeps the time; this waits a little longer."""
        return self._call("request", topic, payload, timeout)

    def register(self, name: str, description: str = "") -> None:
        """Has the hub list this program as a service."""
        self._call("request", "system.service.register", json.dumps({"name": name, "description": description}))

    def serve(self, pattern: str, priority: int = 0) -> None:
        """Takes requests from now on; they come from `next` and `messages`. Those of the highest priority get
        them."""
        wanted = {"action": "request", "topic": pattern, "priority": priority}
        self._call("request", "system.topic.subscribe", json.dumps(wanted))

    def stop_serving(self, pattern: str) -> None:
        """Takes no more requests. Those that came before still come from `next`."""
        self._call("request", "system.topic.unsubscribe", json.dumps({"action": "request", "topic": pattern}))

    def answer(self, request: Request, payload: Union[str, bytes]) -> None:
        """Answers a request, once."""
        if request.target_id != "":
            self._send("response", request.topic, f"{request.version}:{request.target_id}", payload)

    def fail(self, request: Request, code: str, message: str) -> None:
        """Answers a request with an error."""
        self.answer(request, json.dumps({"error": {"code": code, "message": message}}))

    def next(self, timeout: Optional[float] = None) -> Optional[Received]:
        """The next message, or None when none came within so many seconds. Raises Closed at the end."""
        deadline = None if timeout is None else time.monotonic() + timeout
        while not self._inbox:
            if not self._receive(deadline):
                return None
        return self._inbox.popleft()

    def messages(self) -> Iterator[Received]:
        """All messages as they come, until Closed is raised."""
        while True:
            message = self.next()
            if message is not None:
                yield message

    def close(self) -> None:
        """Disconnects."""
        self._socket.close()

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _log_in(self, token: str) -> None:
        try:
            self._call("request", "system.authenticate", json.dumps({"token": token}))
        except BaseException:
            self.close()
            raise

    def _call(
        self, action: str, topic: str, payload: Union[str, bytes], timeout: Optional[float] = None
    ) -> bytes:
        """Sends a message with an id and waits for its answer; the hub answers each of those."""
        self._asked, self._answer = str(uuid.uuid4()), None
        rest = f"{VERSION}:{self._asked}"
        if timeout is not None:
            rest += f"::{max(1, round(timeout * 1000))}"
        self._send(action, topic, rest, payload)
        wait = self._timeout + (timeout or 0)
        deadline = time.monotonic() + wait
        while self._answer is None:
            if not self._receive(deadline):
                raise HubError("NO_ANSWER", f"the hub did not answer within {wait} s")
        error = error_in(self._answer)
        if error is not None:
            raise error
        return self._answer

    def _send(self, action: str, topic: str, rest: str, payload: Union[str, bytes]) -> None:
        # A colon or newline in the topic would change the fields of the message.
        if ":" in topic or "\n" in topic:
            raise ValueError(f"Cannot use the topic {topic!r}: it has a colon or a newline")
        body = payload.encode() if isinstance(payload, str) else payload
        message = f"{action}:{topic}:{rest}\n".encode() + body
        if len(message) > MAX_MESSAGE_BYTES:
            raise ValueError(f"Cannot send {len(message)} bytes in one message")
        self._socket.settimeout(self._timeout)
        try:
            self._socket.sendall(struct.pack(">I", len(message)) + message)
        except OSError as error:
            self._read_last_words()
            raise Closed(None, f"the connection failed: {error}") from error

    def _read_last_words(self) -> None:
        """Raises Closed with what the hub said before it closed, if it did."""
        deadline = time.monotonic() + 1
        while self._receive(deadline):
            pass

    def _receive(self, deadline: Optional[float]) -> bool:
        """Reads and handles one message. False: none came in time."""
        message = self._read_message(deadline)
        if message is None:
            return False
        header, _, payload = message.partition(b"\n")
        fields = header.decode().split(":")
        action, topic, version, message_id, parent_id, timeout = fields + [""] * (6 - len(fields))
        if action == "publish":
            self._published(topic, payload)
        elif action == "request" and topic == "system.heartbeat":
            self._send("response", topic, f"{version}:{message_id}", '{"status":"success"}')
        elif action == "request":
            seconds = int(timeout) / 1000 if timeout else None
            self._inbox.append(Request(topic, version, payload, seconds, message_id, parent_id))
        # An answer without an id: the hub could not read which message it means.
        elif action == "response" and message_id in ("", self._asked):
            self._answer = payload
        return True

    def _published(self, topic: str, payload: bytes) -> None:
        if topic == "system.close":
            goodbye = json.loads(payload)
            retry_ms = goodbye.get("retryAfterMs")
            raise Closed(goodbye["code"], goodbye["reason"], None if retry_ms is None else retry_ms / 1000)
        if topic == "system.topic.gap":
            self._inbox.append(Gap(**json.loads(payload)))
        elif not topic.startswith("system."):
            self._inbox.append(Message(topic, payload))

    def _read_message(self, deadline: Optional[float]) -> Optional[bytes]:
        """One whole message; None when it is not complete in time. What is there of it is kept."""
        while True:
            if len(self._buffer) >= 4:
                (length,) = struct.unpack_from(">I", self._buffer)
                if length > MAX_MESSAGE_BYTES:
                    raise Closed(None, "this is no Trunkline hub, or it speaks TLS")
                if len(self._buffer) >= 4 + length:
                    message = bytes(self._buffer[4 : 4 + length])
                    del self._buffer[: 4 + length]
                    return message
            if not self._fill(deadline):
                return None

    def _fill(self, deadline: Optional[float]) -> bool:
        """Takes what the socket has. False: nothing came in time."""
        remaining = None if deadline is None else max(deadline - time.monotonic(), 0.001)
        self._socket.settimeout(remaining)
        try:
            chunk = self._socket.recv(65536)
        except socket.timeout:
            return False
        except OSError as error:
            raise Closed(None, f"the connection failed: {error}") from error
        if not chunk:
            raise Closed(None, "the hub closed the connection without a word")
        self._buffer += chunk
        return True
