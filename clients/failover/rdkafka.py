# A load by librdkafka: idempotent producers and a consumer of a group, until standard input ends. What happens is a line
# of JSON: b[egins], a[cknowledged], f[ailed], n[ew producer after a fatal error], d[one], r[ead], e[rror].
#   rdkafka.py load BOOTSTRAP TOPIC PARTITIONS PRODUCERS RATE GROUP
#   rdkafka.py bursts BOOTSTRAP TOPIC COUNT
import json
import sys
import threading
import time

from confluent_kafka import Consumer, KafkaException, Producer

lock = threading.Lock()
lines = []


def say(**what):
    with lock:
        lines.append(json.dumps(what, separators=(",", ":")))


def flush_lines():
    with lock:
        text = "\n".join(lines)
        lines.clear()
    if text:
        print(text, flush=True)


def now():
    return round(time.time() * 1000)


def producer_config(bootstrap):
    return {
        "bootstrap.servers": bootstrap,
        "enable.idempotence": True,
        "linger.ms": 5,
        "message.timeout.ms": 120000,
        "request.timeout.ms": 12000,
        "retry.backoff.ms": 100,
        "reconnect.backoff.max.ms": 250,
        "topic.metadata.refresh.interval.ms": 1000,
        "log_level": 0,
    }


def produce(name, bootstrap, topic, partition, rate, stop):
    producer = Producer(producer_config(bootstrap))
    say(t="b", c=name, at=now())

    def reported(error, message):
        value = message.value().decode()
        if error:
            say(t="f", c=name, v=value, code=error.code(), at=now())
        else:
            say(t="a", c=name, p=message.partition(), o=message.offset(), v=value, at=now())

    n = 0
    while not stop.is_set():
        try:
            producer.produce(topic, value=f"{name}:{n}".encode(), partition=partition, callback=reported)
            n += 1
            producer.poll(0)
        except BufferError:
            producer.poll(0.1)
        except (KafkaException, SystemError) as error:
            # Fatal: it takes nothing any more, and what it had is given up.
            say(t="n", c=name, text=str(error), at=now())
            producer = Producer(producer_config(bootstrap))
        time.sleep(1 / rate)
    try:
        left = producer.flush(60)
    except (KafkaException, SystemError) as error:
        left = 0
        say(t="n", c=name, text=str(error), at=now())
    if left:
        say(t="e", c=name, text=f"{left} records are not acknowledged", at=now())


def consume(name, bootstrap, topic, group, stop):
    given = [0]

    def assigned(consumer, partitions):
        given[0] += 1

    consumer = Consumer(
        {
            "bootstrap.servers": bootstrap,
            "group.id": group,
            "auto.offset.reset": "earliest",
            "auto.commit.interval.ms": 500,
            "session.timeout.ms": 30000,
            "reconnect.backoff.max.ms": 250,
            "topic.metadata.refresh.interval.ms": 1000,
            "log_level": 0,
        }
    )
    consumer.subscribe([topic], on_assign=assigned)
    while not stop.is_set():
        message = consumer.poll(0.2)
        if message is None or message.error():
            continue
        epoch = message.leader_epoch()
        say(
            t="r",
            c=name,
            n=given[0],
            p=message.partition(),
            o=message.offset(),
            e=-1 if epoch is None else epoch,
            v=message.value().decode().split(" ")[0],
            at=now(),
        )
    consumer.close()


def load(bootstrap, topic, partitions, producers, rate, group):
    halt, end = threading.Event(), threading.Event()
    making = [
        threading.Thread(target=produce, args=(f"rd{i}", bootstrap, topic, i % int(partitions), float(rate), halt))
        for i in range(int(producers))
    ]
    reading = [] if group == "" else [threading.Thread(target=consume, args=("rdc", bootstrap, topic, group, end))]

    # The first line of standard input stops the producers, its end the consumer.
    def listen():
        sys.stdin.readline()
        halt.set()
        sys.stdin.read()
        halt.set()
        end.set()

    threading.Thread(target=listen, daemon=True).start()
    for thread in making + reading:
        thread.start()
    flushed = False
    while any(thread.is_alive() for thread in making + reading):
        time.sleep(0.05)
        flush_lines()
        if not flushed and not any(thread.is_alive() for thread in making):
            flushed = True
            say(t="d", at=now())
    flush_lines()


def bursts(bootstrap, topic, count):
    settings = {
        "topic.metadata.refresh.interval.ms": 10,
        "metadata.max.age.ms": 10000,
        "linger.ms": 0,
        "batch.num.messages": 1,
    }
    producer = Producer({**producer_config(bootstrap), **settings})
    slow, longest, left = 0, 0.0, 0
    for n in range(int(count)):
        began = time.time()
        for k in range(5):
            producer.produce(topic, value=f"burst:{n * 5 + k}".encode(), partition=0)
        left = producer.flush(15)
        took = time.time() - began
        longest = max(longest, took)
        if took > 1:
            slow += 1
        # It is known by then, and each costs its seconds.
        if slow >= 3 or left:
            break
    print(json.dumps({"bursts": n + 1, "slow": slow, "longest": longest, "left": left}), flush=True)


{"load": load, "bursts": bursts}[sys.argv[1]](*sys.argv[2:])
