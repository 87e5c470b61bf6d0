"""A Kafka broker for the tests: `npx tusk start` on a free port, gone with the session."""

import os
import shlex
import subprocess

import pytest

# Another command, such as a path to a checkout's own, may stand in the variable.
TUSK = shlex.split(os.environ.get("TUSK", "npx --yes @tusk/cli"))


@pytest.fixture(scope="session")
def bootstrap_servers():
    command = [*TUSK, "start", "--storage", "memory", "--listen", "127.0.0.1:0", "--print-port"]
    broker = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        port = broker.stdout.readline().strip()
        assert port, f"tusk ended with {broker.wait()}"
        yield f"127.0.0.1:{port}"
    finally:
        broker.terminate()
        broker.wait(timeout=20)
