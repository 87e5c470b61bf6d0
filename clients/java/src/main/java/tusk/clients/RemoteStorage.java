package tusk.clients;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import org.apache.kafka.server.log.remote.storage.LogSegmentData;
import org.apache.kafka.server.log.remote.storage.RemoteLogSegmentMetadata;
import org.apache.kafka.server.log.remote.storage.RemoteLogSegmentMetadata.CustomMetadata;
import org.apache.kafka.server.log.remote.storage.RemoteResourceNotFoundException;
import org.apache.kafka.server.log.remote.storage.RemoteStorageException;
import org.apache.kafka.server.log.remote.storage.RemoteStorageManager;

/** A second tier in memory: with such a class a broker of Apache Kafka's serves tiered topics (KIP-405). */
public final class RemoteStorage implements RemoteStorageManager {
  private static final String LOG = "LOG";

  private final Map<String, byte[]> parts = new ConcurrentHashMap<>();

  private static String key(RemoteLogSegmentMetadata segment, String part) {
    return segment.remoteLogSegmentId().id() + " " + part;
  }

  private void put(RemoteLogSegmentMetadata segment, String part, Path file) throws IOException {
    parts.put(key(segment, part), Files.readAllBytes(file));
  }

  @Override
  public Optional<CustomMetadata> copyLogSegmentData(RemoteLogSegmentMetadata segment, LogSegmentData data)
      throws RemoteStorageException {
    try {
      put(segment, LOG, data.logSegment());
      put(segment, IndexType.OFFSET.name(), data.offsetIndex());
      put(segment, IndexType.TIMESTAMP.name(), data.timeIndex());
      put(segment, IndexType.PRODUCER_SNAPSHOT.name(), data.producerSnapshotIndex());
      if (data.transactionIndex().isPresent()) {
        put(segment, IndexType.TRANSACTION.name(), data.transactionIndex().get());
      }
      ByteBuffer epochs = data.leaderEpochIndex().duplicate();
      byte[] bytes = new byte[epochs.remaining()];
      epochs.get(bytes);
      parts.put(key(segment, IndexType.LEADER_EPOCH.name()), bytes);
      return Optional.empty();
    } catch (IOException error) {
      throw new RemoteStorageException(error);
    }
  }

  @Override
  public InputStream fetchLogSegment(RemoteLogSegmentMetadata segment, int from) throws RemoteStorageException {
    return fetchLogSegment(segment, from, Integer.MAX_VALUE - 1);
  }

  @Override
  public InputStream fetchLogSegment(RemoteLogSegmentMetadata segment, int from, int to) throws RemoteStorageException {
    byte[] bytes = part(segment, LOG);
    return new ByteArrayInputStream(Arrays.copyOfRange(bytes, from, Math.min(bytes.length, to + 1)));
  }

  @Override
  public InputStream fetchIndex(RemoteLogSegmentMetadata segment, IndexType type) throws RemoteStorageException {
    return new ByteArrayInputStream(part(segment, type.name()));
  }

  @Override
  public void deleteLogSegmentData(RemoteLogSegmentMetadata segment) {
    parts.keySet().removeIf(key -> key.startsWith(key(segment, "")));
  }

  private byte[] part(RemoteLogSegmentMetadata segment, String part) throws RemoteStorageException {
    byte[] bytes = parts.get(key(segment, part));
    if (bytes == null) throw new RemoteResourceNotFoundException("no " + part + " of " + segment);
    return bytes;
  }

  @Override
  public void configure(Map<String, ?> configs) {}

  @Override
  public void close() {}
}
