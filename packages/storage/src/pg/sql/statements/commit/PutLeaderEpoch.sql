insert into kafka.leader_epochs (partition_id, epoch, start_offset)
  select * from unnest($1::int[], $2::int[], $3::bigint[]) on conflict (partition_id, epoch) do nothing
