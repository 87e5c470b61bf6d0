package tusk.streams;

import java.util.List;
import java.util.Properties;
import java.util.TreeSet;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.errors.StreamsUncaughtExceptionHandler.StreamThreadExceptionResponse;

/**
 * One instance of an application. Prints its state and, whenever they change, its active and standby tasks and, by port, of
 * how many partitions it knows that they are at which instance; ends on SIGTERM.
 */
final class Instance {
  private Instance() {}

  /** Settings from {@code BOOTSTRAP APPLICATION classic|streams STATE-FOLDER}, and then from each {@code NAME=VALUE}. */
  static Properties settings(String[] args, List<String> more) {
    Properties config = new Properties();
    config.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, args[0]);
    config.put(StreamsConfig.APPLICATION_ID_CONFIG, args[1]);
    config.put("group.protocol", args[2]);
    config.put(StreamsConfig.STATE_DIR_CONFIG, args[3]);
    config.put(StreamsConfig.COMMIT_INTERVAL_MS_CONFIG, 200);
    // A record of output for each word, and not for the last of several.
    config.put(StreamsConfig.STATESTORE_CACHE_MAX_BYTES_CONFIG, 0);
    for (String setting : more) {
      int at = setting.indexOf('=');
      config.put(setting.substring(0, at), setting.substring(at + 1));
    }
    return config;
  }

  static void run(Topology topology, Properties config) throws InterruptedException {
    KafkaStreams streams = new KafkaStreams(topology, config);
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
      String tasks = tasks(streams);
      if (!tasks.equals(told)) say(told = tasks);
      if (streams.state() != KafkaStreams.State.RUNNING) continue;
      String seen = hosts(streams);
      if (!seen.equals(hosts)) say(hosts = seen);
    }
    if (streams.state() == KafkaStreams.State.ERROR) System.exit(1);
  }

  private static String tasks(KafkaStreams streams) {
    TreeSet<String> active = new TreeSet<>();
    TreeSet<String> standby = new TreeSet<>();
    streams.metadataForLocalThreads().forEach(thread -> {
      thread.activeTasks().forEach(task -> active.add(task.taskId().toString()));
      thread.standbyTasks().forEach(task -> standby.add(task.taskId().toString()));
    });
    return "tasks " + String.join(",", active) + " " + String.join(",", standby);
  }

  private static String hosts(KafkaStreams streams) {
    TreeSet<String> known = new TreeSet<>();
    streams.metadataForAllStreamsClients()
        .forEach(client -> known.add(client.port() + "=" + client.topicPartitions().size()));
    return "hosts " + String.join(",", known);
  }

  private static synchronized void say(String line) {
    System.out.println(line);
    System.out.flush();
  }
}
