-- Small batches, several.
copy kafka.batches (partition_id, leader_epoch, base_offset, last_offset, max_timestamp, timestamp_high,
    cumulative_bytes, producer_id, base_sequence, producer_epoch, data) from stdin (format binary)
