-- Of each place what may be taken of it, and a first batch in any case; of a batch that lies in an object, where it lies, with the
-- object's name where it is another than before. Of those some beyond as well, as they are asked for next: never one behind a batch
-- that is left out. How many may fit, the size of the first tells; where that ends it, there may be more.
select (r.place - 1)::int, b.last_offset, b.nth = b.most_rows, b.data, case when b.data is null then concat_ws(' ', b.base_offset,
    b.leader_epoch, b.max_timestamp, b.object_position, b.object_bytes, case when b.object_id is distinct from b.object_before
      then (select o.name from kafka.objects o where o.object_id = b.object_id) end) end
  from unnest($1::int[], $2::bigint[], $3::bigint[]) with ordinality r (part, from_offset, most, place)
  left join lateral (
    select f.base_offset, f.last_offset, r.most / coalesce(f.object_bytes, octet_length(f.data)) + 1 as fitting, f.object_id
    from kafka.batches f
    where f.partition_id = r.part and f.base_offset <= r.from_offset order by f.base_offset desc limit 1) h on true
  cross join lateral (
    select least(coalesce(case when h.object_id is null then h.fitting else h.fitting * 4 end, 64), 512) as most_rows) l
  cross join lateral (
    select b.*, l.most_rows, row_number() over so_far as nth, lag(b.object_id) over so_far as object_before,
      sum(coalesce(b.object_bytes, octet_length(b.data))) over so_far as bytes,
      bool_and(b.data is null) over so_far as in_objects
    from (select b.* from kafka.batches b
      where b.partition_id = r.part
        and b.base_offset >= case when h.last_offset >= r.from_offset then h.base_offset else r.from_offset end
      order by b.base_offset limit l.most_rows) b
    window so_far as (order by b.base_offset rows unbounded preceding)) b
  where b.bytes <= r.most or b.nth = 1 or b.in_objects
