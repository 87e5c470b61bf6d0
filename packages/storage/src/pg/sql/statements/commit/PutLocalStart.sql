update kafka.partitions p set local_start_offset = s.local_start_offset
  from (select partition_id, max(local_start_offset) as local_start_offset
    from unnest($1::int[], $2::bigint[]) u (partition_id, local_start_offset) group by partition_id) s
  where p.partition_id = s.partition_id and p.local_start_offset < s.local_start_offset
