-- All of them are there, or the commit fails. By ctid, here and elsewhere, and each found by its own look-up ("offset 0"
-- keeps it one): Postgres joins a table that was empty when vacuum saw it by reading all of its index.
with gone as (
  delete from kafka.outbox where ctid = any (array(
    select o.ctid from unnest($1::bigint[], $2::bigint[]) k (xid, id)
    cross join lateral (
      select ctid from kafka.outbox where xid = k.xid::text::xid8 and id = k.id offset 0) o))
  returning id)
select kafka.all_there((select count(*) from gone), $3::bigint)
