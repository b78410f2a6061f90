"""Keeps a program connected: comes back when the hub goes away, as the hub says or after a growing, random delay,
and gives up where only a person can help."""

import argparse
import os
import random
import ssl
import sys
import time
from typing import Callable

from trunkline import Client, Closed, HubError

MAX_DELAY_SECONDS = 15
# Login refused, no right to be here: only a person can change that.
FINAL_CODES = (4401, 4403)


def tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def parser(description: str) -> argparse.ArgumentParser:
    """Knows where the hub is."""
    arguments = argparse.ArgumentParser(description=description)
    arguments.add_argument("--host", default="127.0.0.1")
    arguments.add_argument("--port", type=int, default=8443)
    arguments.add_argument("--tls", action="store_true", help="use TLS")
    arguments.add_argument("--ca", metavar="FILE", help="use TLS and believe this authority (PEM)")
    return arguments


def connect(options: argparse.Namespace) -> Client:
    """Connects, and logs in with the token of TRUNKLINE_TOKEN if there is one."""
    use_tls = options.tls or options.ca is not None
    tls = ssl.create_default_context(cafile=options.ca) if use_tls else None
    token = os.environ.get("TRUNKLINE_TOKEN")
    return Client(options.host, options.port, tls=tls, token=token)


def run_once(options: argparse.Namespace, work: Callable[[Client], None]) -> int:
    """Does one thing on a connection of its own, and tells what went wrong; gives the exit code."""
    try:
        with connect(options) as client:
            work(client)
        return 0
    except OSError as error:
        tell(f"Cannot talk to the hub at {options.host}:{options.port}: {error}")
    except Closed as closed:
        tell(f"The hub closed the connection: {closed}")
    except (HubError, ValueError) as error:
        tell(str(error))
    return 1


def keep_connected(
    options: argparse.Namespace, begin: Callable[[Client], None], work: Callable[[Client], None]
) -> str:
    """Begins and works on one connection after the other until `work` returns, or until there is no sense in it;
    gives the reason, which is empty when the work is done."""
    hub = f"{options.host}:{options.port}"
    has_begun = False
    attempts = 0
    while True:
        try:
            with connect(options) as client:
                begin(client)
                has_begun = True
                attempts = 0
                work(client)
                return ""
        except (HubError, ValueError, OSError, Closed) as error:
            # A hub that does not answer any more is as good as lost.
            is_silent = isinstance(error, HubError) and error.code == "NO_ANSWER"
            if isinstance(error, (HubError, ValueError)) and not is_silent:
                return str(error)
            if isinstance(error, Closed) and error.code in FINAL_CODES:
                return f"The hub closed the connection: {error}"
            if not has_begun:
                return f"Cannot talk to the hub at {hub}: {error}"
            seconds = delay(error, attempts)
            attempts += 1
            tell(f"Lost the connection: {error}; trying again in {seconds:.1f} s")
            time.sleep(seconds)


def delay(error: Exception, attempts: int) -> float:
    """The hub may say when to come back; otherwise the delay grows, and is random so that not all come at once."""
    if isinstance(error, Closed) and error.retry_after is not None:
        return error.retry_after
    # 44xx: it would end the same way at once.
    if isinstance(error, Closed) and error.code is not None and 4400 <= error.code < 4450:
        return MAX_DELAY_SECONDS
    return random.random() * min(MAX_DELAY_SECONDS, 0.5 * 2**attempts)


def printable(payload: bytes) -> str:
    """As text. What others say must not control this terminal."""
    return "".join(c if c.isprintable() else "\ufffd" for c in payload.decode(errors="replace"))
