package tusk.clients;

import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.Set;
import java.util.TreeMap;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.TransactionListing;
import org.apache.kafka.clients.consumer.ConsumerGroupMetadata;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;

/** Transactions of Apache Kafka's own client: what comes of each scenario, a line `name <tab> outcome` each. */
public final class Transactions {
  private static String bootstrap;
  private static String topic;

  @FunctionalInterface
  private interface Scenario {
    Object run(String id) throws Exception;
  }

  public static void main(String[] args) throws Exception {
    bootstrap = args[0];
    topic = args[1];
    Map<String, Scenario> scenarios = new TreeMap<>();
    scenarios.put("abort", Transactions::abort);
    scenarios.put("commit", Transactions::commit);
    scenarios.put("empty", Transactions::empty);
    scenarios.put("fencing", Transactions::fencing);
    scenarios.put("listing", Transactions::listing);
    scenarios.put("many", Transactions::many);
    scenarios.put("offsets", Transactions::offsets);
    scenarios.put("reuse", Transactions::reuse);
    scenarios.put("timeout", Transactions::timeout);
    scenarios.put("too long", Transactions::tooLong);
    for (Map.Entry<String, Scenario> each : scenarios.entrySet()) {
      Object outcome;
      try {
        outcome = each.getValue().run(topic + "-" + each.getKey());
      } catch (Exception error) {
        outcome = "failed: " + name(error);
      }
      System.out.println(each.getKey() + "\t" + outcome);
    }
  }

  private static Properties properties() {
    Properties properties = new Properties();
    properties.put("bootstrap.servers", bootstrap);
    return properties;
  }

  private static KafkaProducer<String, String> producer(String id, int timeoutMs) {
    Properties properties = properties();
    properties.put("transactional.id", id);
    properties.put("transaction.timeout.ms", timeoutMs);
    properties.put("linger.ms", 0);
    return new KafkaProducer<>(properties, new StringSerializer(), new StringSerializer());
  }

  private static KafkaConsumer<String, String> consumer(String isolation, String group) {
    Properties properties = properties();
    properties.put("isolation.level", isolation);
    properties.put("auto.offset.reset", "earliest");
    properties.put("enable.auto.commit", false);
    if (group != null) properties.put("group.id", group);
    return new KafkaConsumer<>(properties, new StringDeserializer(), new StringDeserializer());
  }

  private static String name(Throwable error) {
    Throwable cause = error instanceof java.util.concurrent.ExecutionException ? error.getCause() : error;
    return cause.getClass().getSimpleName();
  }

  private static void send(KafkaProducer<String, String> producer, String key, int... partitions) throws Exception {
    for (int partition : partitions) producer.send(new ProducerRecord<>(topic, partition, key, "v" + partition)).get();
  }

  /** What is there under a key, in all partitions, up to the end that a reader of this isolation level has. */
  private static List<String> read(String isolation, String key) {
    List<String> found = new ArrayList<>();
    try (KafkaConsumer<String, String> consumer = consumer(isolation, null)) {
      List<TopicPartition> partitions = List.of(0, 1, 2).stream().map((i) -> new TopicPartition(topic, i)).toList();
      consumer.assign(partitions);
      consumer.seekToBeginning(partitions);
      Map<TopicPartition, Long> ends = consumer.endOffsets(partitions);
      long giveUp = System.currentTimeMillis() + 20_000;
      while (ends.entrySet().stream().anyMatch((end) -> consumer.position(end.getKey()) < end.getValue())) {
        if (System.currentTimeMillis() > giveUp) return List.of("not to the end");
        for (ConsumerRecord<String, String> record : consumer.poll(Duration.ofMillis(200))) {
          if (record.key().equals(key)) found.add(record.value());
        }
      }
    }
    return found.stream().sorted().toList();
  }

  private static Object commit(String id) throws Exception {
    try (KafkaProducer<String, String> producer = producer(id, 60_000)) {
      producer.initTransactions();
      producer.beginTransaction();
      send(producer, id, 0, 1, 2);
      List<String> before = read("read_committed", id);
      producer.commitTransaction();
      return before + " " + read("read_committed", id);
    }
  }

  private static Object abort(String id) throws Exception {
    try (KafkaProducer<String, String> producer = producer(id, 60_000)) {
      producer.initTransactions();
      producer.beginTransaction();
      send(producer, id, 0, 1);
      producer.abortTransaction();
      producer.beginTransaction();
      send(producer, id, 1, 2);
      producer.commitTransaction();
      return read("read_committed", id) + " " + read("read_uncommitted", id);
    }
  }

  private static Object empty(String id) {
    try (KafkaProducer<String, String> producer = producer(id, 60_000)) {
      producer.initTransactions();
      producer.beginTransaction();
      producer.commitTransaction();
      producer.beginTransaction();
      producer.abortTransaction();
      return "done";
    }
  }

  private static Object fencing(String id) throws Exception {
    List<String> outcomes = new ArrayList<>();
    try (KafkaProducer<String, String> first = producer(id, 60_000); KafkaProducer<String, String> second = producer(id, 60_000)) {
      first.initTransactions();
      first.beginTransaction();
      send(first, id, 0);
      second.initTransactions();
      second.beginTransaction();
      send(second, id, 1);
      try {
        send(first, id, 2);
        outcomes.add("sent");
      } catch (Exception error) {
        outcomes.add(name(error));
      }
      try {
        first.commitTransaction();
        outcomes.add("committed");
      } catch (Exception error) {
        outcomes.add(name(error));
      }
      second.commitTransaction();
    }
    return outcomes + " " + read("read_committed", id);
  }

  private static Object timeout(String id) throws Exception {
    List<String> outcomes = new ArrayList<>();
    try (KafkaProducer<String, String> producer = producer(id, 1000)) {
      producer.initTransactions();
      producer.beginTransaction();
      send(producer, id, 0);
      long giveUp = System.currentTimeMillis() + 40_000;
      try (Admin admin = Admin.create(properties())) {
        while (stateOf(admin, id).equals("Ongoing") && System.currentTimeMillis() < giveUp) Thread.sleep(200);
        outcomes.add(stateOf(admin, id));
      }
      try {
        producer.commitTransaction();
        outcomes.add("committed");
      } catch (Exception error) {
        outcomes.add(name(error));
      }
    }
    return outcomes + " " + read("read_committed", id);
  }

  private static String stateOf(Admin admin, String id) throws Exception {
    for (TransactionListing each : admin.listTransactions().all().get()) {
      if (each.transactionalId().equals(id)) return each.state().toString();
    }
    return "none";
  }

  private static Object tooLong(String id) {
    try (KafkaProducer<String, String> producer = producer(id, 900_001)) {
      producer.initTransactions();
      return "begun";
    } catch (Exception error) {
      return name(error);
    }
  }

  private static Object offsets(String id) throws Exception {
    String group = id + "-group";
    TopicPartition partition = new TopicPartition(topic, 0);
    List<String> outcomes = new ArrayList<>();
    try (KafkaProducer<String, String> producer = producer(id, 60_000); Admin admin = Admin.create(properties())) {
      producer.initTransactions();
      for (boolean commits : new boolean[] {true, false}) {
        producer.beginTransaction();
        send(producer, id, 1);
        long offset = commits ? 7 : 9;
        producer.sendOffsetsToTransaction(Map.of(partition, new OffsetAndMetadata(offset)), new ConsumerGroupMetadata(group));
        if (commits) producer.commitTransaction();
        else producer.abortTransaction();
        var found = admin.listConsumerGroupOffsets(group).partitionsToOffsetAndMetadata().get().get(partition);
        outcomes.add(found == null ? "none" : "" + found.offset());
      }
    }
    return outcomes + " " + read("read_committed", id);
  }

  /** A second life of an id whose first one left a transaction open. */
  private static Object reuse(String id) throws Exception {
    KafkaProducer<String, String> first = producer(id, 60_000);
    first.initTransactions();
    first.beginTransaction();
    send(first, id, 0);
    try (KafkaProducer<String, String> second = producer(id, 60_000)) {
      second.initTransactions();
      second.beginTransaction();
      send(second, id, 1);
      second.commitTransaction();
    }
    first.close(Duration.ZERO);
    return read("read_committed", id);
  }

  private static Object many(String id) throws Exception {
    try (KafkaProducer<String, String> producer = producer(id, 60_000)) {
      producer.initTransactions();
      for (int i = 0; i < 200; i++) {
        producer.beginTransaction();
        send(producer, id, i % 3);
        if (i % 4 == 0) producer.abortTransaction();
        else producer.commitTransaction();
      }
    }
    return read("read_committed", id).size() + " of " + read("read_uncommitted", id).size();
  }

  private static Object listing(String id) throws Exception {
    try (KafkaProducer<String, String> producer = producer(id, 60_000); Admin admin = Admin.create(properties())) {
      producer.initTransactions();
      producer.beginTransaction();
      send(producer, id, 1);
      var described = admin.describeTransactions(Set.of(id)).all().get().get(id);
      Collection<TopicPartition> partitions = described.topicPartitions();
      var states = admin.describeProducers(List.of(new TopicPartition(topic, 1))).all().get();
      long open = states.values().stream().flatMap((each) -> each.activeProducers().stream())
          .filter((each) -> each.currentTransactionStartOffset().isPresent()).count();
      producer.abortTransaction();
      return described.state() + " " + partitions.size() + " " + described.transactionTimeoutMs() + " " + open;
    }
  }
}
