"""kafka-python behind the command line that every old client speaks (clients/README.md)."""

import sys
import time

from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer
from kafka.admin import NewTopic

QUIET_S = 0.7


def create(bootstrap, topic, partitions):
    admin = KafkaAdminClient(bootstrap_servers=bootstrap)
    admin.create_topics([NewTopic(topic, int(partitions), 1)])
    admin.close()


def produce(bootstrap, topic, codec, first, count, time_of_first):
    producer = KafkaProducer(bootstrap_servers=bootstrap, acks="all", compression_type=None if codec == "none" else codec)
    sent = []
    for number in range(int(first), int(first) + int(count)):
        key, value = f"key-{number % 100}", f"value-{number}:" + "tusk " * 100
        sent.append(
            producer.send(
                topic,
                key=key.encode(),
                value=value.encode(),
                headers=[("n", str(number).encode())],
                timestamp_ms=int(time_of_first) + number,
            )
        )
    producer.flush()
    for one in sent:
        one.get(timeout=30)
    producer.close()


def consume(bootstrap, topic, group, count, patience):
    consumer = KafkaConsumer(
        topic, bootstrap_servers=bootstrap, group_id=group, auto_offset_reset="earliest", enable_auto_commit=False
    )
    received = 0
    deadline = time.monotonic() + int(patience)
    while time.monotonic() < deadline:
        for records in consumer.poll(timeout_ms=200).values():
            for one in records:
                number = dict(one.headers)["n"].decode()
                print(one.partition, one.offset, one.timestamp, one.key.decode(), one.value.decode(), number, sep="\t")
                received += 1
                if received == int(count):
                    # One that comes twice would come in this time.
                    deadline = time.monotonic() + QUIET_S
    consumer.commit()
    consumer.close()


COMMANDS = {"create": create, "produce": produce, "consume": consume}
COMMANDS[sys.argv[1]](*sys.argv[2:])
