package tusk.streams;

import java.util.Arrays;
import java.util.Properties;
import java.util.TreeSet;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.errors.StreamsUncaughtExceptionHandler.StreamThreadExceptionResponse;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.kstream.Grouped;
import org.apache.kafka.streams.kstream.Materialized;
import org.apache.kafka.streams.kstream.Produced;

/**
 * Counts words: {@code WordCount BOOTSTRAP APPLICATION classic|streams STATE-FOLDER INPUT OUTPUT [NAME=VALUE]...}. Each word
 * read is a record of the output: the word, and how often it was seen so far. Prints its state and, whenever they change,
 * its active and standby tasks and, by port, of how many partitions it knows that they are at which instance; ends on
 * SIGTERM.
 */
public final class WordCount {
  public static void main(String[] args) throws Exception {
    Properties config = new Properties();
    config.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, args[0]);
    config.put(StreamsConfig.APPLICATION_ID_CONFIG, args[1]);
    config.put("group.protocol", args[2]);
    config.put(StreamsConfig.STATE_DIR_CONFIG, args[3]);
    config.put(StreamsConfig.COMMIT_INTERVAL_MS_CONFIG, 200);
    // A record of output for each word, and not for the last of several.
    config.put(StreamsConfig.STATESTORE_CACHE_MAX_BYTES_CONFIG, 0);
    for (String setting : Arrays.asList(args).subList(6, args.length)) {
      int at = setting.indexOf('=');
      config.put(setting.substring(0, at), setting.substring(at + 1));
    }

    StreamsBuilder builder = new StreamsBuilder();
    builder.stream(args[4], Consumed.with(Serdes.String(), Serdes.String()))
        .flatMapValues(line -> Arrays.asList(line.split(" ")))
        .groupBy((key, word) -> word, Grouped.with("words", Serdes.String(), Serdes.String()))
        .count(Materialized.as("counts"))
        .toStream()
        .mapValues(String::valueOf)
        .to(args[5], Produced.with(Serdes.String(), Serdes.String()));

    KafkaStreams streams = new KafkaStreams(builder.build(), config);
    CountDownLatch ended = new CountDownLatch(1);
    streams.setStateListener((now, before) -> {
      say("state " + now);
      if (now == KafkaStreams.State.ERROR) ended.countDown();
    });
    streams.setUncaughtExceptionHandler(error -> {
      say("error " + error);
      return StreamThreadExceptionResponse.SHUTDOWN_CLIENT;
    });
    Thread close = new Thread(() -> {
      streams.close();
      say("closed");
      ended.countDown();
    });
    Runtime.getRuntime().addShutdownHook(close);
    streams.start();
    String told = "";
    String hosts = "";
    while (!ended.await(100, TimeUnit.MILLISECONDS)) {
      TreeSet<String> active = new TreeSet<>();
      TreeSet<String> standby = new TreeSet<>();
      streams.metadataForLocalThreads().forEach(thread -> {
        thread.activeTasks().forEach(task -> active.add(task.taskId().toString()));
        thread.standbyTasks().forEach(task -> standby.add(task.taskId().toString()));
      });
      String tasks = "tasks " + String.join(",", active) + " " + String.join(",", standby);
      if (!tasks.equals(told)) say(told = tasks);
      if (streams.state() != KafkaStreams.State.RUNNING) continue;
      TreeSet<String> known = new TreeSet<>();
      streams.metadataForAllStreamsClients()
          .forEach(client -> known.add(client.port() + "=" + client.topicPartitions().size()));
      String seen = "hosts " + String.join(",", known);
      if (!seen.equals(hosts)) say(hosts = seen);
    }
    if (streams.state() == KafkaStreams.State.ERROR) System.exit(1);
  }

  private static synchronized void say(String line) {
    System.out.println(line);
    System.out.flush();
  }
}
