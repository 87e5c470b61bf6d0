insert into kafka.producer_snapshots (partition_id, end_offset, value)
  select * from unnest($1::int[], $2::bigint[], $3::bytea[])
  on conflict (partition_id) do update set end_offset = excluded.end_offset, value = excluded.value
