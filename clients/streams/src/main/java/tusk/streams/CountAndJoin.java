package tusk.streams;

import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.kstream.JoinWindows;
import org.apache.kafka.streams.kstream.KStream;
import org.apache.kafka.streams.kstream.Produced;
import org.apache.kafka.streams.kstream.StreamJoined;

/**
 * Counts words, and joins two topics beside it: {@code CountAndJoin BOOTSTRAP APPLICATION classic|streams STATE-FOLDER LINES
 * COUNTS LEFT RIGHT PAIRS WINDOW-MS [NAME=VALUE]...}. A value of LEFT and of RIGHT is {@code customer:number}. For each two of one
 * customer whose times lie no more than the window apart PAIRS has {@code left:right} of their numbers, by customer.
 */
public final class CountAndJoin {
  /** No record is ever late, in whatever order the two sides are read: what comes out depends on the input alone. */
  private static final Duration GRACE = Duration.ofDays(1);

  public static void main(String[] args) throws Exception {
    List<String> all = Arrays.asList(args);
    StreamsBuilder builder = new StreamsBuilder();
    WordCount.count(builder, args[4], args[5]);
    JoinWindows window = JoinWindows.ofTimeDifferenceAndGrace(Duration.ofMillis(Long.parseLong(args[9])), GRACE);
    byCustomer(builder, args[6])
        .join(
            byCustomer(builder, args[7]),
            (left, right) -> number(left) + ":" + number(right),
            window,
            StreamJoined.with(Serdes.String(), Serdes.String(), Serdes.String()).withName("pairs").withStoreName("pairs"))
        .to(args[8], Produced.with(Serdes.String(), Serdes.String()));
    Instance.run(builder.build(), Instance.settings(args, all.subList(10, all.size())));
  }

  /** Its records have other keys: the join makes a repartition topic of it. */
  private static KStream<String, String> byCustomer(StreamsBuilder builder, String topic) {
    return builder.stream(topic, Consumed.with(Serdes.String(), Serdes.String()))
        .selectKey((key, value) -> value.substring(0, value.indexOf(':')));
  }

  private static String number(String value) {
    return value.substring(value.indexOf(':') + 1);
  }
}
