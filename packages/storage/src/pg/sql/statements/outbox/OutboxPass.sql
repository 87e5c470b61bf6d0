-- What became visible since a snapshot, in order of calls, as far as a number of bytes goes. The first row is the snapshot
-- of now, and how many there are. Two scans of the index: "or" would read all of it.
with new as (
    select o.* from kafka.outbox o where o.xid >= (select pg_snapshot_xmax($1::text::pg_snapshot))
    union all
    select o.* from kafka.outbox o where o.xid = any (array(select pg_snapshot_xip($1::text::pg_snapshot)))),
sized as (
  select first.*, sum(coalesce(octet_length(key), 0) + coalesce(octet_length(value), 0) + 64) over (order by id) as upto
  from (select * from new where ($2::text is null or pg_visible_in_snapshot(xid, $2::text::pg_snapshot)) and partition_id <> all ($3::integer[]) order by id limit $4::integer) first)
select pg_current_snapshot()::text, null::xid8, (select count(*) from sized), null::integer, null::bigint, null::bytea, null::bytea,
  null::text[], null::bytea[], null::text, null::bigint
union all
(select null, xid, id, partition_id, timestamp, key, value,
  case when headers is not null then array(select h.key from unnest(headers) h) end,
  case when headers is not null then array(select h.value from unnest(headers) h) end,
  group_id, committed_offset
from sized where upto - coalesce(octet_length(key), 0) - coalesce(octet_length(value), 0) - 64 < $5::bigint order by id)
