"""Subscribes to a topic or pattern and prints what comes, a line each, until Ctrl-C. When the hub goes away it
comes back and subscribes again:

    python3 examples/python/subscribe.py 'sensors.+.temp'
"""

import sys

from reconnect import keep_connected, parser, printable, tell
from trunkline import Client, Gap, Message


def show_all(client: Client) -> None:
    """Prints until the connection ends, with Closed."""
    for message in client.messages():
        if isinstance(message, Gap):
            tell(f"Lost {message.dropped} messages of {message.topic}: this program was too slow")
        elif isinstance(message, Message):
            print(message.topic, printable(message.payload), flush=True)


def main() -> int:
    arguments = parser("Print what is published at a Trunkline hub.")
    arguments.add_argument("--group", help="share the messages with others of this group")
    arguments.add_argument("pattern")
    options = arguments.parse_args()

    def begin(client: Client) -> None:
        client.subscribe(options.pattern, options.group)
        tell(f"Subscribed to {options.pattern} at {options.host}:{options.port}")

    try:
        tell(keep_connected(options, begin, show_all))
        return 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
