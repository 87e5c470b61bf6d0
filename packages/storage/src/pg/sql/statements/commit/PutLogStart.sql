update kafka.partitions p set log_start_offset = s.log_start_offset
  from (select partition_id, max(log_start_offset) as log_start_offset
    from unnest($1::int[], $2::bigint[]) u (partition_id, log_start_offset) group by partition_id) s
  where p.partition_id = s.partition_id and p.log_start_offset < s.log_start_offset
