-- What the broker appends at this moment is locked, and in the log then.
delete from kafka.outbox where ctid = any (array(
  select o.ctid from kafka.outbox o where o.xid < (select pg_snapshot_xmax($2::text::pg_snapshot))
    and o.partition_id = any ($1::integer[]) and o.key = any (array(
      select r.key from kafka.erasure_requests r where r.pass_id = $3::bigint and r.erased_at is null))
    and pg_visible_in_snapshot(o.xid, $2::text::pg_snapshot)
  for update skip locked))
