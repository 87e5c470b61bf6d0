-- An aborted one has a last offset. By ctid: see DeleteOutbox.
with ended as (
    delete from kafka.open_transactions where ctid = any (array(
      select t.ctid from unnest($1::int[], $2::bigint[]) e (partition_id, first_offset)
      cross join lateral (
        select ctid from kafka.open_transactions o
        where o.partition_id = e.partition_id and o.first_offset = e.first_offset offset 0) t)))
  insert into kafka.aborted_transactions (partition_id, first_offset, last_offset, producer_id, last_stable_offset)
  select * from unnest($1::int[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[])
    a (partition_id, first_offset, last_offset, producer_id, last_stable_offset)
  where a.last_offset >= 0
