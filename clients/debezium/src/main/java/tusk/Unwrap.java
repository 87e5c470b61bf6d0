package tusk;

import io.debezium.transforms.ExtractNewRecordState;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.record.TimestampType;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.connect.data.Field;
import org.apache.kafka.connect.data.Schema;
import org.apache.kafka.connect.data.SchemaAndValue;
import org.apache.kafka.connect.json.JsonConverter;
import org.apache.kafka.connect.sink.SinkRecord;

/**
 * Reads a topic as a sink of Kafka Connect does, by JsonConverter, and takes Debezium's envelopes apart by its own
 * ExtractNewRecordState. Prints a line for what is left of each record: partition, key, value, and the schema of the value.
 * Arguments: bootstrap servers, topic.
 */
public final class Unwrap {
  private Unwrap() {}

  public static void main(String[] args) {
    JsonConverter keys = converter(true, true);
    JsonConverter values = converter(true, false);
    JsonConverter plainKeys = converter(false, true);
    JsonConverter plain = converter(false, false);
    try (ExtractNewRecordState<SinkRecord> unwrap = new ExtractNewRecordState<>()) {
      unwrap.configure(Map.of("delete.tombstone.handling.mode", "tombstone"));
      for (ConsumerRecord<byte[], byte[]> record : all(args[0], args[1])) {
        SchemaAndValue key = keys.toConnectData(record.topic(), record.key());
        SchemaAndValue value = values.toConnectData(record.topic(), record.value());
        SinkRecord made = new SinkRecord(record.topic(), record.partition(), key.schema(), key.value(), value.schema(), value.value(),
            record.offset(), record.timestamp(), TimestampType.CREATE_TIME);
        SinkRecord left = unwrap.apply(made);
        if (left == null) continue;
        System.out.println(record.partition() + "\t" + text(plainKeys.fromConnectData(left.topic(), left.keySchema(), left.key()))
            + "\t" + text(plain.fromConnectData(left.topic(), left.valueSchema(), left.value())) + "\t" + schemaOf(left.valueSchema()));
      }
    }
  }

  private static List<ConsumerRecord<byte[], byte[]>> all(String servers, String topic) {
    Map<String, Object> settings = Map.of("bootstrap.servers", servers, "auto.offset.reset", "earliest");
    List<ConsumerRecord<byte[], byte[]>> found = new ArrayList<>();
    try (KafkaConsumer<byte[], byte[]> consumer = new KafkaConsumer<>(settings, new ByteArrayDeserializer(), new ByteArrayDeserializer())) {
      List<TopicPartition> partitions = consumer.partitionsFor(topic).stream().map(p -> new TopicPartition(topic, p.partition())).toList();
      consumer.assign(partitions);
      consumer.seekToBeginning(partitions);
      Map<TopicPartition, Long> ends = consumer.endOffsets(partitions);
      while (partitions.stream().anyMatch(p -> consumer.position(p) < ends.get(p))) {
        consumer.poll(Duration.ofMillis(500)).forEach(found::add);
      }
    }
    return found;
  }

  private static JsonConverter converter(boolean schemas, boolean isKey) {
    JsonConverter converter = new JsonConverter();
    converter.configure(new HashMap<>(Map.of("schemas.enable", schemas)), isKey);
    return converter;
  }

  private static String text(byte[] bytes) {
    return bytes == null ? "null" : new String(bytes, StandardCharsets.UTF_8);
  }

  private static String schemaOf(Schema schema) {
    if (schema == null) return "null";
    StringBuilder all = new StringBuilder();
    for (Field field : schema.fields()) {
      String name = field.schema().name() == null ? field.schema().type().getName() : field.schema().name();
      all.append(all.isEmpty() ? "" : ",").append(field.name()).append(':').append(name).append(field.schema().isOptional() ? "?" : "");
    }
    return all.toString();
  }
}
