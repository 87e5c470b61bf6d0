-- The same, the keys alone.
select xid, id from (
    select o.* from kafka.outbox o where o.xid >= (select pg_snapshot_xmax($1::text::pg_snapshot))
    union all
    select o.* from kafka.outbox o where o.xid = any (array(select pg_snapshot_xip($1::text::pg_snapshot)))) new
where ($2::text is null or pg_visible_in_snapshot(xid, $2::text::pg_snapshot)) and partition_id <> all ($3::integer[]) order by id limit $4::integer
