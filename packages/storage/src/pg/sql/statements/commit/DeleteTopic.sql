with gone as (delete from kafka.topics where topic_id = any($1::text[]) returning topic_id, name),
  orphans as (
    update kafka.partitions p set topic_id = null from gone
    where p.topic_id = gone.topic_id returning p.partition_id),
  no_offsets as (
    delete from kafka.offsets o using orphans where o.partition_id = orphans.partition_id)
  delete from kafka.configs c using gone where c.resource_type = 2 and c.resource_name = gone.name
