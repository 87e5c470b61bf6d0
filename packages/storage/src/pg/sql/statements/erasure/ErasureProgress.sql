-- The newest row of each partition is found from the top of the index, whatever is dead below.
select e.partition_id, e.next_offset, e.end_offset, e.records, e.bytes from kafka.erasure_passes p
  cross join unnest(p.partition_ids) u (id)
  cross join lateral (
    select * from kafka.erasure_progress g where g.pass_id = p.pass_id and g.partition_id = u.id
    order by g.next_offset desc limit 1) e
  where p.topic_id = $1::text
