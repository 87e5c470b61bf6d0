package tusk.streams;

import java.util.Arrays;
import java.util.List;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.kstream.Grouped;
import org.apache.kafka.streams.kstream.Materialized;
import org.apache.kafka.streams.kstream.Produced;

/**
 * Counts words: {@code WordCount BOOTSTRAP APPLICATION classic|streams STATE-FOLDER INPUT OUTPUT [NAME=VALUE]...}. Each word
 * read is a record of the output: the word, and how often it was seen so far. What it prints: {@link Instance}.
 */
public final class WordCount {
  public static void main(String[] args) throws Exception {
    List<String> all = Arrays.asList(args);
    StreamsBuilder builder = new StreamsBuilder();
    count(builder, args[4], args[5]);
    Instance.run(builder.build(), Instance.settings(args, all.subList(6, all.size())));
  }

  static void count(StreamsBuilder builder, String input, String output) {
    builder.stream(input, Consumed.with(Serdes.String(), Serdes.String()))
        .flatMapValues(line -> Arrays.asList(line.split(" ")))
        .groupBy((key, word) -> word, Grouped.with("words", Serdes.String(), Serdes.String()))
        .count(Materialized.as("counts"))
        .toStream()
        .mapValues(String::valueOf)
        .to(output, Produced.with(Serdes.String(), Serdes.String()));
  }
}
