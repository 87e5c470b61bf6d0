-- Batches whose bytes lie in objects. Rows come as COPY's binary format has them: no executor, one WAL record for many.
copy kafka.batches (partition_id, leader_epoch, base_offset, last_offset, max_timestamp, timestamp_high,
    cumulative_bytes, producer_id, base_sequence, producer_epoch, object_id, object_position, object_bytes)
  from stdin (format binary)
