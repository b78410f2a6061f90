"""Publishes messages and tells whether they were delivered:

    python3 examples/python/publish.py sensors.a.temp 21
"""

import argparse
import ssl
import sys

from trunkline import Client, Closed, HubError


def main() -> int:
    parser = argparse.ArgumentParser(description="Publish to a topic of a Trunkline hub.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8443)
    parser.add_argument("--tls", action="store_true", help="use TLS")
    parser.add_argument("--ca", metavar="FILE", help="use TLS and believe this authority (PEM)")
    parser.add_argument("topic")
    parser.add_argument("payload", nargs="+", help="each is a message of its own")
    options = parser.parse_args()
    try:
        use_tls = options.tls or options.ca is not None
        tls = ssl.create_default_context(cafile=options.ca) if use_tls else None
        with Client(options.host, options.port, tls=tls) as client:
            for payload in options.payload:
                client.publish(options.topic, payload)
                print(f"Delivered: {options.topic}")
        return 0
    except OSError as error:
        print(f"Cannot talk to the hub at {options.host}:{options.port}: {error}", file=sys.stderr)
    except Closed as closed:
        print(f"The hub closed the connection: {closed}", file=sys.stderr)
    except (HubError, ValueError) as error:
        print(error, file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
