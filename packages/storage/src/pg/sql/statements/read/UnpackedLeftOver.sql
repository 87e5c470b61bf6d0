-- From one partition's rows to the next one's, however many there are.
with recursive held (partition_id) as (
    (select partition_id from kafka.unpacked order by partition_id limit 1)
    union all
    select (select u.partition_id from kafka.unpacked u where u.partition_id > held.partition_id
      order by u.partition_id limit 1) from held where held.partition_id is not null)
  select partition_id from held where partition_id is not null
    and not exists (select from kafka.unpacked_positions k where k.partition_id = held.partition_id)
