-- So many rows at once are looked at. Where to go on; nothing: there are no more.
with part as materialized (
    select ctid, "offset", key from kafka.unpacked
    where partition_id = $1::integer and "offset" >= $2::bigint and "offset" < $3::bigint
    order by "offset" limit 100000),
  gone as (
    delete from kafka.unpacked where ctid = any (array(
      select p.ctid from part p where p.key = any (array(
        select r.key from kafka.erasure_requests r where r.pass_id = $4::bigint and r.erased_at is null)))))
select max("offset") + 1 from part having count(*) = 100000
