"""A service: adds up the numbers of each request to tools.sum, until Ctrl-C. When the hub goes away it comes back:

    python3 examples/python/service.py
"""

import json
import signal
import sys

from reconnect import keep_connected, parser, tell
from trunkline import Client, Request

TOPIC = "tools.sum"


def add_up(payload: bytes) -> str:
    """What the service does."""
    numbers = json.loads(payload)
    if not isinstance(numbers, list) or not all(type(one) in (int, float) for one in numbers):
        raise ValueError("a request is a list of numbers, as [1,2,3]")
    return json.dumps(sum(numbers))


def respond_next(client: Client, seconds: float) -> bool:
    """Waits so long for a request and answers it; whether one came."""
    request = client.next(seconds)
    if not isinstance(request, Request):
        return False
    try:
        answer = add_up(request.payload)
    except (ValueError, RecursionError) as error:
        client.fail(request, "INVALID_REQUEST", str(error))
    else:
        client.answer(request, answer)
        print(f"Answered {request.parent_id or 'somebody'}", flush=True)
    return True


def main() -> int:
    arguments = parser("A service that adds up numbers.")
    arguments.add_argument("--priority", type=int, default=0, help="requests go to whoever has the highest")
    options = arguments.parse_args()
    stopping = False

    def stop(*_: object) -> None:
        nonlocal stopping
        stopping = True

    def begin(client: Client) -> None:
        client.register("sum", "Adds up numbers")
        client.serve(TOPIC, options.priority)
        tell(f"Answering requests to {TOPIC} at {options.host}:{options.port}")

    def work(client: Client) -> None:
        # Ctrl-C ends in order what is done at the moment; while there is no connection it ends the program.
        signal.signal(signal.SIGINT, stop)
        try:
            while not stopping:
                respond_next(client, 0.5)
            client.stop_serving(TOPIC)
            while respond_next(client, 0):
                pass
        finally:
            signal.signal(signal.SIGINT, signal.default_int_handler)

    try:
        reason = keep_connected(options, begin, work)
    except KeyboardInterrupt:
        return 130
    if reason == "":
        return 0
    tell(reason)
    return 1


if __name__ == "__main__":
    sys.exit(main())
