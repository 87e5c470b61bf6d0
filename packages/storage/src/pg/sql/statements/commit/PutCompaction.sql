update kafka.partitions p set cleaned_offset = c.cleaned_offset, cleaned_bytes = c.cleaned_bytes,
    delete_horizon = c.delete_horizon
  from unnest($1::int[], $2::bigint[], $3::bigint[], $4::bigint[])
    c (partition_id, cleaned_offset, cleaned_bytes, delete_horizon)
  where p.partition_id = c.partition_id
