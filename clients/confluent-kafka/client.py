"""confluent-kafka behind the command line that every program of the matrix speaks (clients/README.md)."""

import json
import os
import signal
import sys

from confluent_kafka import Consumer, ConsumerGroupTopicPartitions, KafkaError, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic, OffsetSpec


def create(bootstrap, topic, partitions):
    admin = AdminClient({"bootstrap.servers": bootstrap})
    admin.create_topics([NewTopic(topic, int(partitions))])[topic].result()
    print(json.dumps({"created": True}))


def produce(bootstrap, topic, first, count):
    failures = []

    def delivered(error, _message):
        if error is not None:
            failures.append(error)

    producer = Producer({"bootstrap.servers": bootstrap})
    for number in range(int(first), int(first) + int(count)):
        producer.produce(topic, key=f"key-{number % 100}", value=f"value-{number}", on_delivery=delivered)
        producer.poll(0)
    left = producer.flush(60)
    if failures or left:
        raise SystemExit(f"{len(failures)} failed, {left} not delivered: {failures[:1]}")
    print(json.dumps({"produced": int(count)}))


def consume(bootstrap, topic, group):
    running = True

    def stop(*_):
        nonlocal running
        running = False

    signal.signal(signal.SIGTERM, stop)
    consumer = Consumer(
        {"bootstrap.servers": bootstrap, "group.id": group, "auto.offset.reset": "earliest", **_membership()}
    )
    consumer.subscribe([topic])
    shown = []
    while running:
        message = consumer.poll(0.1)
        if message is None:
            assigned = sorted(one.partition for one in consumer.assignment())
            if assigned != shown:
                shown = assigned
                print("# assigned " + ",".join(map(str, assigned)))
            sys.stdout.flush()
        elif message.error():
            print(message.error(), file=sys.stderr)
        else:
            print(message.partition(), message.offset(), message.key().decode(), message.value().decode(), sep="\t")
    try:
        consumer.commit(asynchronous=False)
    except KafkaException as error:
        if error.args[0].code() != KafkaError._NO_OFFSET:
            raise
    consumer.close()


def _membership():
    """What clients/groups varies; the matrix keeps to the defaults."""
    names = {
        "TUSK_GROUP_PROTOCOL": "group.protocol",
        "TUSK_ASSIGNOR": "partition.assignment.strategy",
        "TUSK_INSTANCE_ID": "group.instance.id",
    }
    return {key: os.environ[name] for name, key in names.items() if name in os.environ}


def admin(bootstrap, topic, group):
    client = AdminClient({"bootstrap.servers": bootstrap})
    partitions = client.describe_topics(_collection(topic))[topic].result().partitions
    wanted = {TopicPartition(topic, one.id): OffsetSpec.latest() for one in partitions}
    end = sum(one.result().offset for one in client.list_offsets(wanted).values())
    offsets = client.list_consumer_group_offsets([ConsumerGroupTopicPartitions(group)])[group].result()
    committed = sum(one.offset for one in offsets.topic_partitions)
    state = client.describe_consumer_groups([group])[group].result().state.name
    client.delete_consumer_groups([group])[group].result()
    client.delete_topics([topic])[topic].result()
    print(json.dumps({"partitions": len(partitions), "end": end, "committed": committed, "state": state}))


def _collection(topic):
    from confluent_kafka import TopicCollection

    return TopicCollection([topic])


COMMANDS = {"create": create, "produce": produce, "consume": consume, "admin": admin}
COMMANDS[sys.argv[1]](*sys.argv[2:])
