package tusk.clients;

import java.io.BufferedWriter;
import java.io.OutputStreamWriter;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Properties;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicReference;
import java.util.stream.Collectors;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.WakeupException;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;

/** Apache Kafka's own client behind the command line that every program of the matrix speaks (clients/README.md). */
public final class JavaClient {
  /** What clients/groups varies; the matrix keeps to the defaults. */
  private static final Map<String, String> MEMBERSHIP = Map.of(
      "TUSK_GROUP_PROTOCOL", "group.protocol",
      "TUSK_ASSIGNOR", "partition.assignment.strategy",
      "TUSK_INSTANCE_ID", "group.instance.id");

  public static void main(String[] args) throws Exception {
    switch (args[0]) {
      case "create" -> create(args[1], args[2], Integer.parseInt(args[3]));
      case "produce" -> produce(args[1], args[2], Integer.parseInt(args[3]), Integer.parseInt(args[4]));
      case "consume" -> consume(args[1], args[2], args[3]);
      case "admin" -> admin(args[1], args[2], args[3]);
      default -> throw new IllegalArgumentException("unknown command " + args[0]);
    }
  }

  private static Properties properties(String bootstrap) {
    Properties properties = new Properties();
    properties.put("bootstrap.servers", bootstrap);
    return properties;
  }

  private static void create(String bootstrap, String topic, int partitions) throws Exception {
    try (Admin admin = Admin.create(properties(bootstrap))) {
      NewTopic wanted = new NewTopic(topic, Optional.of(partitions), Optional.empty());
      admin.createTopics(List.of(wanted)).all().get();
    }
    System.out.println("{\"created\":true}");
  }

  private static void produce(String bootstrap, String topic, int from, int count) {
    AtomicReference<Exception> failure = new AtomicReference<>();
    StringSerializer strings = new StringSerializer();
    try (KafkaProducer<String, String> producer = new KafkaProducer<>(properties(bootstrap), strings, strings)) {
      for (int id = from; id < from + count; id++) {
        ProducerRecord<String, String> record = new ProducerRecord<>(topic, "key-" + id % 100, "value-" + id);
        producer.send(record, (metadata, error) -> {
          if (error != null) failure.compareAndSet(null, error);
        });
      }
      producer.flush();
    }
    if (failure.get() != null) throw new IllegalStateException(failure.get());
    System.out.println("{\"produced\":" + count + "}");
  }

  private static void consume(String bootstrap, String topic, String group) {
    Properties properties = properties(bootstrap);
    properties.put("group.id", group);
    properties.put("auto.offset.reset", "earliest");
    MEMBERSHIP.forEach((name, key) -> Optional.ofNullable(System.getenv(name)).ifPresent(value -> properties.put(key, value)));
    PrintWriter out =
        new PrintWriter(new BufferedWriter(new OutputStreamWriter(System.out, StandardCharsets.UTF_8), 1 << 16));
    StringDeserializer strings = new StringDeserializer();
    KafkaConsumer<String, String> consumer = new KafkaConsumer<>(properties, strings, strings);
    CountDownLatch closed = new CountDownLatch(1);
    Runtime.getRuntime().addShutdownHook(new Thread(() -> {
      consumer.wakeup();
      try {
        closed.await();
      } catch (InterruptedException interrupted) {
        Thread.currentThread().interrupt();
      }
    }));
    try {
      consumer.subscribe(List.of(topic));
      Set<TopicPartition> shown = Set.of();
      while (true) {
        for (ConsumerRecord<String, String> record : consumer.poll(Duration.ofMillis(200))) {
          out.println(record.partition() + "\t" + record.offset() + "\t" + record.key() + "\t" + record.value());
        }
        Set<TopicPartition> assigned = consumer.assignment();
        if (!assigned.equals(shown)) {
          shown = assigned;
          TreeSet<Integer> partitions =
              assigned.stream().map(TopicPartition::partition).collect(Collectors.toCollection(TreeSet::new));
          out.println("# assigned " + partitions.stream().map(String::valueOf).collect(Collectors.joining(",")));
        }
        out.flush();
      }
    } catch (WakeupException stop) {
      consumer.commitSync();
    } finally {
      consumer.close();
      out.flush();
      closed.countDown();
    }
  }

  private static void admin(String bootstrap, String topic, String group) throws Exception {
    try (Admin admin = Admin.create(properties(bootstrap))) {
      int partitions = admin.describeTopics(List.of(topic)).allTopicNames().get().get(topic).partitions().size();
      Map<TopicPartition, OffsetSpec> latest = new HashMap<>();
      for (int partition = 0; partition < partitions; partition++) {
        latest.put(new TopicPartition(topic, partition), OffsetSpec.latest());
      }
      long end = admin.listOffsets(latest).all().get().values().stream().mapToLong(info -> info.offset()).sum();
      long committed = admin.listConsumerGroupOffsets(group).partitionsToOffsetAndMetadata().get().values().stream()
          .mapToLong(offset -> offset.offset())
          .sum();
      String state = admin.describeConsumerGroups(List.of(group)).all().get().get(group).groupState().toString();
      admin.deleteConsumerGroups(List.of(group)).all().get();
      admin.deleteTopics(List.of(topic)).all().get();
      System.out.println("{\"partitions\":" + partitions + ",\"end\":" + end + ",\"committed\":" + committed
          + ",\"state\":\"" + state + "\"}");
    }
  }
}
