-- What the broker has not been told yet counts as well: it hears of the end of a claim when it takes the outbox's row.
select o.group_id, o.partition_id from kafka.sql_offsets o
  join kafka.partitions p on p.partition_id = o.partition_id where p.topic_id is not null
union
select o.group_id, o.partition_id from kafka.outbox o where o.group_id is not null
