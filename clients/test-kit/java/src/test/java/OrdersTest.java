import static org.junit.jupiter.api.Assertions.assertEquals;

import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class OrdersTest {
  @RegisterExtension static final TuskExtension tusk = new TuskExtension();

  @ParameterizedTest
  @ValueSource(strings = {"7", "8"})
  void anOrderArrives(String order) throws Exception {
    // A topic of each test's own: no test sees another one's records.
    String topic = "orders-" + UUID.randomUUID();
    Map<String, Object> client = Map.of("bootstrap.servers", tusk.bootstrapServers());
    try (var producer = new KafkaProducer<>(client, new StringSerializer(), new StringSerializer())) {
      producer.send(new ProducerRecord<>(topic, order, "ordered")).get();
    }
    Map<String, Object> group =
        Map.of(
            "bootstrap.servers", tusk.bootstrapServers(),
            "group.id", "shop-" + topic,
            "auto.offset.reset", "earliest");
    try (var consumer = new KafkaConsumer<>(group, new StringDeserializer(), new StringDeserializer())) {
      consumer.subscribe(List.of(topic));
      ConsumerRecords<String, String> records = consumer.poll(Duration.ofSeconds(10));
      for (int i = 0; i < 10 && records.isEmpty(); i++) records = consumer.poll(Duration.ofSeconds(1));
      assertEquals(1, records.count());
      assertEquals(order, records.iterator().next().key());
    }
  }
}
