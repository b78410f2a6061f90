"""Publishes messages and tells whether they were delivered:

    python3 examples/python/publish.py sensors.a.temp 21
"""

import sys

from reconnect import parser, run_once
from trunkline import Client


def main() -> int:
    arguments = parser("Publish to a topic of a Trunkline hub.")
    arguments.add_argument("topic")
    arguments.add_argument("payload", nargs="+", help="each is a message of its own")
    options = arguments.parse_args()

    def publish_all(client: Client) -> None:
        for payload in options.payload:
            client.publish(options.topic, payload)
            print(f"Delivered: {options.topic}")

    return run_once(options, publish_all)


if __name__ == "__main__":
    sys.exit(main())
