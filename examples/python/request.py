"""Asks whichever service answers a topic, and prints what it says:

    python3 examples/python/request.py tools.sum '[1,2,3]'
"""

import sys

from reconnect import parser, printable, run_once
from trunkline import Client


def main() -> int:
    arguments = parser("Ask a service at a Trunkline hub.")
    arguments.add_argument("--timeout", type=float, default=5, metavar="SECONDS")
    arguments.add_argument("topic")
    arguments.add_argument("payload")
    options = arguments.parse_args()

    def ask(client: Client) -> None:
        print(printable(client.request(options.topic, options.payload, options.timeout)))

    return run_once(options, ask)


if __name__ == "__main__":
    sys.exit(main())
