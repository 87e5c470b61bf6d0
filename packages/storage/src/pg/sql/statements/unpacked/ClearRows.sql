-- Nothing where there is a position: a statement that comes late takes no rows that were added since.
with gone as (
    delete from kafka.unpacked where partition_id = $1 and "offset" = any(array(
      select "offset" from kafka.unpacked where partition_id = $1
        and not exists (select from kafka.unpacked_positions where partition_id = $1) order by "offset" limit $2))
    returning 1)
  select count(*) from gone
