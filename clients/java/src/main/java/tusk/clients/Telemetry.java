package tusk.clients;

import java.util.List;
import java.util.Map;
import org.apache.kafka.common.metrics.KafkaMetric;
import org.apache.kafka.common.metrics.MetricsReporter;
import org.apache.kafka.common.telemetry.internals.ClientTelemetryUtils;
import org.apache.kafka.server.telemetry.ClientTelemetryExporter;
import org.apache.kafka.server.telemetry.ClientTelemetryExporterProvider;

/** Reads what clients push and drops it: with such a class a broker of Apache Kafka's serves KIP-714. */
public final class Telemetry implements MetricsReporter, ClientTelemetryExporterProvider {
  @Override
  public void init(List<KafkaMetric> metrics) {}

  @Override
  public void metricChange(KafkaMetric metric) {}

  @Override
  public void metricRemoval(KafkaMetric metric) {}

  @Override
  public void close() {}

  @Override
  public void configure(Map<String, ?> configs) {}

  @Override
  public ClientTelemetryExporter clientTelemetryExporter() {
    return (context, payload) -> ClientTelemetryUtils.deserializeMetricsData(payload.data());
  }
}
