"""kafka-python behind the steps of the matrix of security (clients/README.md)."""

import json
import logging
import re
import sys
import time

from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.errors import KafkaTimeoutError

config = json.loads(sys.argv[1])

# Why a connection fails it tells its log alone: who waits is told that time is over.
TELLING = re.compile(r"\b\w+Error\b|\b\w+_ALERT_\w+|not authorized")
logged = []


class Keeping(logging.Handler):
    def emit(self, record):
        logged.extend(TELLING.findall(record.getMessage()))


logging.getLogger("kafka").addHandler(Keeping(logging.WARNING))


def security():
    if config["mechanism"] == "mTLS":
        return {
            "security_protocol": "SSL",
            "ssl_cafile": config["ca"],
            "ssl_certfile": config["certificate"],
            "ssl_keyfile": config["key"],
        }
    login = {"security_protocol": "SASL_PLAINTEXT", "sasl_mechanism": config["mechanism"]}
    if config["mechanism"] == "OAUTHBEARER":
        from kafka.net.sasl.oauth import AbstractTokenProvider

        class Fixed(AbstractTokenProvider):
            def token(self):
                return config["token"]

        return {**login, "sasl_oauth_token_provider": Fixed()}
    return {**login, "sasl_plain_username": config["user"], "sasl_plain_password": config["password"]}


def common():
    limit = {"bootstrap_timeout_ms": config["timeoutMs"]}
    return {"bootstrap_servers": config["bootstrap"], **limit, **security()}


producer = None


def produce():
    global producer
    if producer is None:
        producer = KafkaProducer(**common(), max_block_ms=config["timeoutMs"])
    producer.send(config["topic"], value=b"hello").get(timeout=config["timeoutMs"] / 1000)


consumer = None


def consume():
    global consumer
    if consumer is None:
        consumer = KafkaConsumer(**common(), auto_offset_reset="earliest", group_id=None)
        consumer.assign([TopicPartition(config["topic"], 0)])
    end = time.monotonic() + config["timeoutMs"] / 1000
    while time.monotonic() < end:
        if consumer.poll(timeout_ms=200, max_records=1):
            return
    raise KafkaTimeoutError("no record")


for line in sys.stdin:
    step = line.strip()
    told = {"step": step, "error": "", "said": ""}
    logged.clear()
    try:
        if step == "produce":
            produce()
        else:
            consume()
    except Exception as error:
        causes = [type(error).__name__] + ([] if error.__cause__ is None else [type(error.__cause__).__name__])
        if isinstance(error, KafkaTimeoutError):
            causes += sorted(set(logged))
        told["error"] = " ".join(causes)
        told["said"] = str(error)
    print(json.dumps(told), flush=True)
