insert into kafka.materialised_positions (follower_id, partition_id, next_offset)
  select $1::integer, $2::integer, $3::bigint
  where exists (select from kafka.materialised_tables where follower_id = $1 for key share)
    and not exists (select from kafka.materialised_positions where follower_id = $1 and partition_id = $2)
