import uuid

import pytest
from confluent_kafka import Consumer, Producer
from confluent_kafka.admin import AdminClient, NewTopic


@pytest.fixture
def topic(bootstrap_servers):
    """A topic of each test's own: no test sees another one's records."""
    name = f"orders-{uuid.uuid4()}"
    admin = AdminClient({"bootstrap.servers": bootstrap_servers})
    admin.create_topics([NewTopic(name, 1)])[name].result()
    yield name
    admin.delete_topics([name])[name].result()


@pytest.mark.parametrize("order", ["7", "8"])
def test_an_order_arrives(bootstrap_servers, topic, order):
    producer = Producer({"bootstrap.servers": bootstrap_servers})
    producer.produce(topic, key=order, value="ordered")
    assert producer.flush(10) == 0

    consumer = Consumer(
        {"bootstrap.servers": bootstrap_servers, "group.id": "shop", "auto.offset.reset": "earliest"}
    )
    consumer.subscribe([topic])
    message = consumer.poll(10)
    consumer.close()
    assert message is not None and message.error() is None
    assert (message.key(), message.value()) == (order.encode(), b"ordered")
