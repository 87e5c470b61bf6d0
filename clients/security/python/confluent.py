"""librdkafka, by confluent-kafka, behind the steps of the matrix of security (clients/README.md)."""

import json
import sys
import time

from confluent_kafka import Consumer, KafkaError, Producer, TopicPartition

config = json.loads(sys.argv[1])
limit = config["timeoutMs"] / 1000
heard = []


def hear(error):
    # That all brokers are down says nothing about why.
    if error.code() != KafkaError._ALL_BROKERS_DOWN:
        heard.append(error)


def security():
    if config["mechanism"] == "mTLS":
        return {
            "security.protocol": "SSL",
            "ssl.ca.location": config["ca"],
            "ssl.certificate.location": config["certificate"],
            "ssl.key.location": config["key"],
        }
    login = {"security.protocol": "SASL_PLAINTEXT", "sasl.mechanism": config["mechanism"]}
    if config["mechanism"] == "OAUTHBEARER":
        # A lifetime that is not the token's: the broker has to find out.
        return {**login, "oauth_cb": lambda _: (config["token"], time.time() + 3600)}
    return {**login, "sasl.username": config["user"], "sasl.password": config["password"]}


def common():
    return {"bootstrap.servers": config["bootstrap"], "error_cb": hear, **security()}


class Failed(Exception):
    def __init__(self, errors):
        self.errors = errors


producer = None


def produce():
    global producer
    if producer is None:
        producer = Producer({**common(), "message.timeout.ms": int(config["timeoutMs"] * 0.8)})
    delivered = []
    producer.produce(config["topic"], value=b"hello", on_delivery=lambda error, _: delivered.append(error))
    producer.flush(limit)
    if len(delivered) == 0 or delivered[0] is not None:
        raise Failed(delivered + heard)


consumer = None


def consume():
    global consumer
    if consumer is None:
        consumer = Consumer({**common(), "group.id": config["group"], "enable.auto.commit": False})
        consumer.assign([TopicPartition(config["topic"], 0, 0)])
    end = time.monotonic() + limit
    while time.monotonic() < end:
        record = consumer.poll(0.1)
        if record is not None and record.error() is None:
            return
        errors = heard + ([] if record is None else [record.error()])
        # A connection that is lost is had again: only what stays an error is one.
        if any(error.code() not in (KafkaError._TRANSPORT, KafkaError._RESOLVE) for error in errors):
            raise Failed(errors)
    raise Failed(heard)


for line in sys.stdin:
    step = line.strip()
    told = {"step": step, "error": "", "said": ""}
    try:
        if step == "produce":
            produce()
        else:
            consume()
    except Failed as failed:
        told["error"] = " ".join(error.name() for error in failed.errors if error is not None) or "Timeout"
        told["said"] = " <- ".join(error.str() for error in failed.errors if error is not None)
    heard.clear()
    print(json.dumps(told), flush=True)
