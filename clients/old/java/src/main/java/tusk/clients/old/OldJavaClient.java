package tusk.clients.old;

import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Properties;
import java.util.concurrent.atomic.AtomicReference;
import org.apache.kafka.clients.admin.AdminClient;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.header.internals.RecordHeaders;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;

/**
 * Apache Kafka's own client behind the command line that every old client speaks (clients/README.md). Compiled against
 * each release that OldClients.ts names, so it uses what 0.11 and 2.1 have in common.
 */
public final class OldJavaClient {
  private static final long QUIET_MS = 700;

  public static void main(String[] args) throws Exception {
    switch (args[0]) {
      case "create" -> create(args[1], args[2], Integer.parseInt(args[3]));
      case "produce" -> produce(args[1], args[2], args[3], Integer.parseInt(args[4]), Integer.parseInt(args[5]),
          Long.parseLong(args[6]));
      case "consume" -> consume(args[1], args[2], args[3], Integer.parseInt(args[4]), Integer.parseInt(args[5]));
      default -> throw new IllegalArgumentException("unknown command " + args[0]);
    }
  }

  private static Properties properties(String bootstrap) {
    Properties properties = new Properties();
    properties.put("bootstrap.servers", bootstrap);
    return properties;
  }

  private static void create(String bootstrap, String topic, int partitions) throws Exception {
    try (AdminClient admin = AdminClient.create(properties(bootstrap))) {
      admin.createTopics(List.of(new NewTopic(topic, partitions, (short) 1))).all().get();
    }
  }

  private static void produce(String bootstrap, String topic, String codec, int from, int count, long timeOfFirst) {
    Properties properties = properties(bootstrap);
    properties.put("acks", "all");
    properties.put("compression.type", codec);
    AtomicReference<Exception> failure = new AtomicReference<>();
    StringSerializer strings = new StringSerializer();
    try (KafkaProducer<String, String> producer = new KafkaProducer<>(properties, strings, strings)) {
      for (int id = from; id < from + count; id++) {
        RecordHeaders headers = new RecordHeaders();
        headers.add("n", String.valueOf(id).getBytes(StandardCharsets.UTF_8));
        String value = "value-" + id + ":" + "tusk ".repeat(100);
        producer.send(new ProducerRecord<>(topic, null, timeOfFirst + id, "key-" + id % 100, value, headers), (metadata, error) -> {
          if (error != null) failure.compareAndSet(null, error);
        });
      }
      producer.flush();
    }
    if (failure.get() != null) throw new IllegalStateException(failure.get());
  }

  // The poll that takes a Duration came with 2.0.
  @SuppressWarnings("deprecation")
  private static void consume(String bootstrap, String topic, String group, int count, int patience) {
    Properties properties = properties(bootstrap);
    properties.put("group.id", group);
    properties.put("auto.offset.reset", "earliest");
    properties.put("enable.auto.commit", "false");
    PrintStream out = new PrintStream(System.out, false, StandardCharsets.UTF_8);
    StringDeserializer strings = new StringDeserializer();
    try (KafkaConsumer<String, String> consumer = new KafkaConsumer<>(properties, strings, strings)) {
      consumer.subscribe(List.of(topic));
      int received = 0;
      long deadline = System.nanoTime() + patience * 1_000_000_000L;
      while (System.nanoTime() < deadline) {
        for (ConsumerRecord<String, String> record : consumer.poll(200)) {
          out.println(line(record));
          // One that comes twice would come in this time.
          if (++received == count) deadline = System.nanoTime() + QUIET_MS * 1_000_000;
        }
      }
      consumer.commitSync();
    }
    out.flush();
  }

  private static String line(ConsumerRecord<String, String> record) {
    String number = new String(record.headers().lastHeader("n").value(), StandardCharsets.UTF_8);
    return record.partition() + "\t" + record.offset() + "\t" + record.timestamp() + "\t" + record.key() + "\t"
        + record.value() + "\t" + number;
  }
}
