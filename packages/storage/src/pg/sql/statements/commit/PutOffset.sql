insert into kafka.offsets (group_id, partition_id, committed_offset, leader_epoch, commit_timestamp,
    expire_timestamp, metadata, commit_id)
  select * from unnest($1::text[], $2::int[], $3::bigint[], $4::int[], $5::bigint[], $6::bigint[], $7::text[],
    $8::bigint[])
