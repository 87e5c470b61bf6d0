package tusk.clients;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import javax.security.auth.callback.Callback;
import javax.security.auth.login.AppConfigurationEntry;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.security.auth.AuthenticateCallbackHandler;
import org.apache.kafka.common.security.auth.SaslExtensionsCallback;
import org.apache.kafka.common.security.oauthbearer.OAuthBearerToken;
import org.apache.kafka.common.security.oauthbearer.OAuthBearerTokenCallback;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;

/** Apache Kafka's own client behind the steps of the matrix of security (clients/README.md). */
public final class SecuredClient {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final String MODULES = "org.apache.kafka.common.security.";
  private static JsonNode config;
  private static KafkaProducer<String, String> producer;
  private static KafkaConsumer<String, String> consumer;

  public static void main(String[] args) throws Exception {
    config = JSON.readTree(args[0]);
    BufferedReader steps = new BufferedReader(new InputStreamReader(System.in));
    for (String step = steps.readLine(); step != null; step = steps.readLine()) {
      ObjectNode told = JSON.createObjectNode().put("step", step).put("error", "");
      try {
        if (step.equals("produce")) produce();
        else consume();
      } catch (Exception error) {
        List<String> names = new ArrayList<>();
        List<String> messages = new ArrayList<>();
        for (Throwable each = error; each != null; each = each.getCause()) {
          names.add(each.getClass().getSimpleName());
          messages.add(String.valueOf(each.getMessage()));
        }
        told.put("error", String.join(" ", names)).put("said", String.join(" <- ", messages));
      }
      System.out.println(told);
    }
    System.exit(0);
  }

  /** The token as it is, with a lifetime that is not its own: the broker has to find out. */
  public static final class GivenToken implements AuthenticateCallbackHandler {
    @Override
    public void configure(Map<String, ?> configs, String mechanism, List<AppConfigurationEntry> entries) {}

    @Override
    public void handle(Callback[] callbacks) {
      for (Callback callback : callbacks) {
        if (callback instanceof OAuthBearerTokenCallback asked) asked.token(given());
        else if (!(callback instanceof SaslExtensionsCallback)) throw new IllegalArgumentException(callback.toString());
      }
    }

    private static OAuthBearerToken given() {
      long now = System.currentTimeMillis();
      return new OAuthBearerToken() {
        @Override
        public String value() {
          return config.get("token").asText();
        }

        @Override
        public Set<String> scope() {
          return Set.of();
        }

        @Override
        public long lifetimeMs() {
          return now + 3_600_000;
        }

        @Override
        public String principalName() {
          return config.get("user").asText();
        }

        @Override
        public Long startTimeMs() {
          return now;
        }
      };
    }

    @Override
    public void close() {}
  }

  private static String file(String name) throws IOException {
    return Files.readString(Path.of(config.get(name).asText()));
  }

  private static Properties properties() throws IOException {
    String mechanism = config.get("mechanism").asText();
    Properties properties = new Properties();
    properties.put("bootstrap.servers", config.get("bootstrap").asText());
    if (mechanism.equals("mTLS")) {
      properties.put("security.protocol", "SSL");
      properties.put("ssl.keystore.type", "PEM");
      properties.put("ssl.keystore.certificate.chain", file("certificate"));
      properties.put("ssl.keystore.key", file("key"));
      properties.put("ssl.truststore.type", "PEM");
      properties.put("ssl.truststore.certificates", file("ca"));
      return properties;
    }
    properties.put("security.protocol", "SASL_PLAINTEXT");
    properties.put("sasl.mechanism", mechanism);
    String login = " required username=\"" + config.get("user").asText() + "\" password=\"" + config.get("password").asText() + "\";";
    switch (mechanism) {
      case "PLAIN" -> properties.put("sasl.jaas.config", MODULES + "plain.PlainLoginModule" + login);
      case "OAUTHBEARER" -> {
        properties.put("sasl.jaas.config", MODULES + "oauthbearer.OAuthBearerLoginModule required;");
        properties.put("sasl.login.callback.handler.class", GivenToken.class.getName());
      }
      default -> properties.put("sasl.jaas.config", MODULES + "scram.ScramLoginModule" + login);
    }
    return properties;
  }

  private static void produce() throws Exception {
    int timeout = config.get("timeoutMs").asInt();
    if (producer == null) {
      Properties properties = properties();
      properties.put("max.block.ms", timeout * 3 / 4);
      properties.put("delivery.timeout.ms", timeout * 3 / 4);
      properties.put("request.timeout.ms", timeout / 2);
      producer = new KafkaProducer<>(properties, new StringSerializer(), new StringSerializer());
    }
    producer.send(new ProducerRecord<>(config.get("topic").asText(), "hello")).get(timeout, TimeUnit.MILLISECONDS);
  }

  private static void consume() throws Exception {
    if (consumer == null) {
      Properties properties = properties();
      properties.put("group.id", config.get("group").asText());
      properties.put("auto.offset.reset", "earliest");
      properties.put("enable.auto.commit", "false");
      consumer = new KafkaConsumer<>(properties, new StringDeserializer(), new StringDeserializer());
      List<TopicPartition> partitions = List.of(new TopicPartition(config.get("topic").asText(), 0));
      consumer.assign(partitions);
      consumer.seekToBeginning(partitions);
    }
    long end = System.currentTimeMillis() + config.get("timeoutMs").asInt();
    while (System.currentTimeMillis() < end) {
      if (!consumer.poll(Duration.ofMillis(200)).isEmpty()) return;
    }
    throw new TimeoutException("no record");
  }
}
