update kafka.objects set erased = true
  where not erased and object_id = any (array(
    select b.object_id from unnest($1::int[], $2::bigint[]) r (partition_id, base_offset)
    cross join lateral (
      select object_id from kafka.batches f
      where f.partition_id = r.partition_id and f.base_offset = r.base_offset offset 0) b
    where b.object_id is not null))
