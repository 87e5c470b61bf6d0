-- Nothing, if progress is not where the step began.
with former as (
    delete from kafka.erasure_progress where pass_id = $1::bigint and partition_id = $2::integer and next_offset = $3::bigint
    returning end_offset, records, bytes)
insert into kafka.erasure_progress (pass_id, partition_id, next_offset, end_offset, records, bytes)
  select $1::bigint, $2::integer, $4::bigint, f.end_offset, array(
      select n.before + n.now from unnest(f.records, $5::bigint[]) with ordinality n (before, now, place) order by n.place),
    f.bytes + $6::bigint
  from former f returning next_offset
