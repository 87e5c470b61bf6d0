-- Rows by their keys, each by its own look-up (see DeleteOutbox), in that order, as far as a number of bytes goes.
with sized as (
  select k.place, o.*,
    sum(coalesce(octet_length(o.key), 0) + coalesce(octet_length(o.value), 0) + 64) over (order by k.place) as upto
  from unnest($1::bigint[], $2::bigint[]) with ordinality k (xid, id, place)
  cross join lateral (
    select * from kafka.outbox r where r.xid = k.xid::text::xid8 and r.id = k.id offset 0) o)
select place, xid, id, partition_id, timestamp, key, value,
  case when headers is not null then array(select h.key from unnest(headers) h) end,
  case when headers is not null then array(select h.value from unnest(headers) h) end,
  group_id, committed_offset
from sized where upto - coalesce(octet_length(key), 0) - coalesce(octet_length(value), 0) - 64 < $3::bigint order by place
