"""Subscribes to a topic or pattern and prints what comes, a line each, until Ctrl-C. When the hub goes away it
comes back and subscribes again:

    python3 examples/python/subscribe.py 'sensors.+.temp'
"""

import argparse
import random
import ssl
import sys
import time

from trunkline import Client, Closed, Gap, HubError, Message

MAX_DELAY_SECONDS = 15
# Login refused, no right to be here: only a person can change that.
FINAL_CODES = (4401, 4403)


def tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def show(message: Message) -> None:
    text = message.payload.decode(errors="replace")
    # What others publish must not control this terminal.
    printable = "".join(c if c.isprintable() else "\ufffd" for c in text)
    print(message.topic, printable, flush=True)


def connect(options: argparse.Namespace) -> Client:
    use_tls = options.tls or options.ca is not None
    tls = ssl.create_default_context(cafile=options.ca) if use_tls else None
    return Client(options.host, options.port, tls=tls)


def show_all(client: Client) -> None:
    """Prints until the connection ends, with Closed."""
    for message in client.messages():
        if isinstance(message, Gap):
            tell(f"Lost {message.dropped} messages of {message.topic}: this program was too slow")
        else:
            show(message)


def delay(error: Exception, attempts: int) -> float:
    """The hub may say when to come back; otherwise the delay grows, and is random so that not all come at once."""
    if isinstance(error, Closed) and error.retry_after is not None:
        return error.retry_after
    # 44xx: it would end the same way at once.
    if isinstance(error, Closed) and error.code is not None and 4400 <= error.code < 4450:
        return MAX_DELAY_SECONDS
    return random.random() * min(MAX_DELAY_SECONDS, 0.5 * 2**attempts)


def subscribe(options: argparse.Namespace) -> str:
    """Subscribes until there is no sense in it; gives the reason."""
    hub = f"{options.host}:{options.port}"
    was_subscribed = False
    attempts = 0
    while True:
        try:
            with connect(options) as client:
                client.subscribe(options.pattern, options.group)
                tell(f"Subscribed to {options.pattern} at {hub}")
                was_subscribed = True
                attempts = 0
                show_all(client)
        except (HubError, ValueError, OSError, Closed) as error:
            # A hub that does not answer any more is as good as lost.
            is_silent = isinstance(error, HubError) and error.code == "NO_ANSWER"
            if isinstance(error, (HubError, ValueError)) and not is_silent:
                return str(error)
            if isinstance(error, Closed) and error.code in FINAL_CODES:
                return f"The hub closed the connection: {error}"
            if not was_subscribed:
                return f"Cannot talk to the hub at {hub}: {error}"
            seconds = delay(error, attempts)
            attempts += 1
            tell(f"Lost the connection: {error}; trying again in {seconds:.1f} s")
            time.sleep(seconds)


def main() -> int:
    parser = argparse.ArgumentParser(description="Print what is published at a Trunkline hub.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8443)
    parser.add_argument("--tls", action="store_true", help="use TLS")
    parser.add_argument("--ca", metavar="FILE", help="use TLS and believe this authority (PEM)")
    parser.add_argument("--group", help="share the messages with others of this group")
    parser.add_argument("pattern")
    try:
        tell(subscribe(parser.parse_args()))
        return 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
