"""aiokafka behind the command line that every old client speaks (clients/README.md)."""

import asyncio
import sys
import time

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

QUIET_S = 0.7


async def create(bootstrap, topic, partitions):
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    await admin.create_topics([NewTopic(topic, int(partitions), 1)])
    await admin.close()


async def produce(bootstrap, topic, codec, first, count, time_of_first):
    compression = None if codec == "none" else codec
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all", compression_type=compression)
    await producer.start()
    sent = []
    for number in range(int(first), int(first) + int(count)):
        key, value = f"key-{number % 100}", f"value-{number}:" + "tusk " * 100
        sent.append(
            await producer.send(
                topic,
                key=key.encode(),
                value=value.encode(),
                headers=[("n", str(number).encode())],
                timestamp_ms=int(time_of_first) + number,
            )
        )
    await asyncio.gather(*sent)
    await producer.stop()


async def consume(bootstrap, topic, group, count, patience):
    consumer = AIOKafkaConsumer(
        topic, bootstrap_servers=bootstrap, group_id=group, auto_offset_reset="earliest", enable_auto_commit=False
    )
    await consumer.start()
    received = 0
    deadline = time.monotonic() + int(patience)
    while time.monotonic() < deadline:
        for records in (await consumer.getmany(timeout_ms=200)).values():
            for one in records:
                number = dict(one.headers)["n"].decode()
                print(one.partition, one.offset, one.timestamp, one.key.decode(), one.value.decode(), number, sep="\t")
                received += 1
                if received == int(count):
                    # One that comes twice would come in this time.
                    deadline = time.monotonic() + QUIET_S
    await consumer.commit()
    await consumer.stop()


COMMANDS = {"create": create, "produce": produce, "consume": consume}
asyncio.run(COMMANDS[sys.argv[1]](*sys.argv[2:]))
