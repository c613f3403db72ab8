"""Sends one message: reads `{"config": {…}, "request": {…}}` from standard input, and prints `{"meta": {…}}`.

The arguments are the brokers that are granted, as in `tcp://localhost:1883`, or `tcp://localhost` for each of its ports.
"""

import json
import sys

from . import Connector, Publisher


def main() -> None:
    documents = json.loads(sys.stdin.readline())
    publisher = Publisher(sys.argv[1:])
    print(json.dumps(Connector().send(publisher, documents["config"], documents["request"]), ensure_ascii=False))


if __name__ == "__main__":
    main()
