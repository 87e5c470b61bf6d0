with gone as (
    delete from kafka.unpacked where partition_id = $1 and "offset" = any(array(
      select "offset" from kafka.unpacked where partition_id = $1 and "offset" < $2 order by "offset" limit $3))
    returning 1)
  select count(*) from gone
