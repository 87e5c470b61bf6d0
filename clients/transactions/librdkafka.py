"""Transactions of librdkafka, by its Python binding: what comes of each scenario, a line `name <tab> outcome` each."""

import sys
import time

from confluent_kafka import Consumer, ConsumerGroupTopicPartitions, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient

bootstrap, topic = sys.argv[1:3]


def producer(transactional_id, timeout_ms=60000):
    made = Producer(
        {
            "bootstrap.servers": bootstrap,
            "transactional.id": transactional_id,
            "transaction.timeout.ms": timeout_ms,
            "linger.ms": 0,
        }
    )
    made.init_transactions(30)
    return made


def send(made, key, *partitions):
    """Resolves when all are acknowledged; the first error, or None."""
    errors = []
    for partition in partitions:
        made.produce(topic, f"v{partition}", key, partition=partition, on_delivery=lambda error, _: errors.append(error))
    made.flush(30)
    failed = [error for error in errors if error is not None]
    return failed[0].name() if failed else None


def read(key, isolation="read_committed"):
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": f"{key}-{isolation}", "isolation.level": isolation})
    consumer.assign([TopicPartition(topic, partition, 0) for partition in range(3)])
    found = []
    last = time.time()
    while time.time() - last < 1.5:
        message = consumer.poll(0.1)
        if message is None or message.error() is not None:
            continue
        last = time.time()
        if message.key().decode() == key:
            found.append(message.value().decode())
    consumer.close()
    return ",".join(sorted(found))


def outcome_of(work):
    try:
        work()
        return "done"
    except KafkaException as error:
        return error.args[0].name()


def abort(name):
    made = producer(name)
    made.begin_transaction()
    send(made, name, 0, 1)
    made.abort_transaction(30)
    made.begin_transaction()
    send(made, name, 1, 2)
    made.commit_transaction(30)
    return f"{read(name)} {read(name, 'read_uncommitted')}"


def commit(name):
    made = producer(name)
    made.begin_transaction()
    send(made, name, 0, 1, 2)
    before = read(name)
    made.commit_transaction(30)
    return f"[{before}] {read(name)}"


def fencing(name):
    first = producer(name)
    first.begin_transaction()
    send(first, name, 0)
    second = producer(name)
    second.begin_transaction()
    send(second, name, 1)
    late = send(first, name, 2)
    end = outcome_of(lambda: first.commit_transaction(30))
    second.commit_transaction(30)
    return f"{late} {end} {read(name)}"


def offsets(name):
    made = producer(name)
    admin = AdminClient({"bootstrap.servers": bootstrap})
    member = Consumer({"bootstrap.servers": bootstrap, "group.id": f"{name}-group"})
    outcomes = []
    for commits in (True, False):
        made.begin_transaction()
        send(made, name, 1)
        sent = [TopicPartition(topic, 0, 7 if commits else 9)]
        made.send_offsets_to_transaction(sent, member.consumer_group_metadata(), 30)
        if commits:
            made.commit_transaction(30)
        else:
            made.abort_transaction(30)
        asked = ConsumerGroupTopicPartitions(f"{name}-group", [TopicPartition(topic, 0)])
        found = admin.list_consumer_group_offsets([asked])[f"{name}-group"].result()
        outcomes.append(str(found.topic_partitions[0].offset))
    member.close()
    return f"{','.join(outcomes)} {read(name)}"


def timeout(name):
    made = producer(name, 1000)
    made.begin_transaction()
    send(made, name, 0)
    # Several times as long as brokers look for what is open too long.
    time.sleep(4)
    end = outcome_of(lambda: made.commit_transaction(30))
    return f"{end} [{read(name)}]"


for scenario in (abort, commit, fencing, offsets, timeout):
    try:
        outcome = scenario(f"{topic}-{scenario.__name__}")
    except Exception as error:  # pylint: disable=broad-except
        outcome = f"failed: {error}"
    print(f"{scenario.__name__}\t{outcome}", flush=True)
