-- Batches whose bytes lie in an object store: the row keeps everything but the bytes, and says where they are.

create table kafka.objects (
  object_id bigint primary key,
  name text collate "C" not null,
  bytes bigint not null,
  created_at bigint not null,
  unused_since bigint,
  merged boolean not null default false,
  erased boolean not null default false,
  constraint objects_name_key unique (name)
);
comment on table kafka.objects is 'Objects of the object store to which rows of kafka.batches point, or have pointed';
comment on column kafka.objects.object_id is 'Rises with each object';
comment on column kafka.objects.name is 'Its name in the store, behind the prefix that the store''s URL gives';
comment on column kafka.objects.bytes is 'Its size';
comment on column kafka.objects.created_at is 'When it was put, in milliseconds, by the broker''s clock';
comment on column kafka.objects.unused_since is 'Since when no batch points to it, in milliseconds; null: one may';
comment on column kafka.objects.erased is 'Records of batches that lay in it were erased: what else lies in it is moved soon';
comment on column kafka.objects.merged is 'Its batches lie in order of partition and offset';
create index objects_unused_since on kafka.objects (unused_since, object_id) where unused_since is not null;

alter table kafka.batches alter column data drop not null;
alter table kafka.batches add column object_id bigint, add column object_position bigint, add column object_bytes integer;
comment on column kafka.batches.data is 'Record batch, format version 2 of Kafka''s protocol; null: it lies in an object';
comment on column kafka.batches.object_id is 'The object in which the batch lies; null: it lies in data';
comment on column kafka.batches.object_position is 'Where the batch begins in the object';
comment on column kafka.batches.object_bytes is 'Size of the batch in the object';

create index objects_mergeable on kafka.objects (object_id) where (not merged or erased) and unused_since is null;

create index batches_object_id on kafka.batches (object_id) where object_id is not null;

alter table kafka.partitions add column local_start_offset bigint not null default 0;
comment on column kafka.partitions.local_start_offset is 'Of a tiered topic: batches below it lie in objects, which they have moved to';

create or replace function kafka.partition_bytes(id integer, cleaned bigint) returns bigint language plpgsql stable cost 50 as $$
  declare
    newest bigint;
    oldest record;
  begin
    if cleaned is not null then
      return (select coalesce(sum(coalesce(b.object_bytes, octet_length(b.data))), 0) from kafka.batches b
        where b.partition_id = id);
    end if;
    select b.cumulative_bytes into newest from kafka.batches b
      where b.partition_id = id order by b.base_offset desc limit 1;
    select b.cumulative_bytes, coalesce(b.object_bytes, octet_length(b.data)) as bytes into oldest from kafka.batches b
      where b.partition_id = id order by b.base_offset limit 1;
    return coalesce(newest - oldest.cumulative_bytes + oldest.bytes, 0);
  end $$;

create or replace function kafka.plan_read(
    ids integer[], froms bigint[], maxes bigint[], total bigint,
    out request integer, out part integer, out first_base bigint, out last_base bigint
  ) returns setof record language plpgsql stable cost 50 rows 10 as $$
  declare
    budget bigint := total;
    nothing_yet boolean := true;
    start_base bigint;
    head record;
    item record;
    room bigint;
    taken bigint;
  begin
    for i in 1 .. coalesce(array_length(ids, 1), 0) loop
      exit when budget <= 0 and not nothing_yet;
      select b.base_offset, b.last_offset into head from kafka.batches b
        where b.partition_id = ids[i] and b.base_offset <= froms[i] order by b.base_offset desc limit 1;
      start_base := case when head.last_offset >= froms[i] then head.base_offset else froms[i] end;
      room := least(maxes[i], budget);
      taken := 0;
      last_base := null;
      for item in select b.base_offset, coalesce(b.object_bytes, octet_length(b.data)) as size from kafka.batches b
        where b.partition_id = ids[i] and b.base_offset >= start_base order by b.base_offset
      loop
        exit when taken + item.size > room and not nothing_yet;
        if last_base is null then
          first_base := item.base_offset;
        end if;
        last_base := item.base_offset;
        nothing_yet := false;
        taken := taken + item.size;
        exit when taken >= room;
      end loop;
      if last_base is not null then
        budget := budget - taken;
        request := i - 1;
        part := ids[i];
        return next;
      end if;
    end loop;
  end $$;

comment on table kafka.batches is 'The log: a row is a record batch as its producer sent it (compressed as it came), base offset and leader epoch patched in; or all but its bytes, and where these lie in an object';

-- Sizes are those of the batches, wherever their bytes lie.
create or replace view kafka.partition_overview as
  select t.name as topic, p.partition_index as partition, p.partition_id, p.log_start_offset,
    greatest(newest.last_offset + 1, p.end_offset_floor) as end_offset,
    case when p.cleaned_offset is null
      then coalesce(newest.cumulative_bytes - oldest.cumulative_bytes + oldest.bytes, 0)
      else kafka.partition_bytes(p.partition_id, p.cleaned_offset) end as size_bytes,
    kafka.time_of(newest.timestamp_high) as newest_timestamp,
    least(greatest(newest.last_offset + 1, p.end_offset_floor), (
      select greatest(o.first_offset, p.log_start_offset) from kafka.open_transactions o
      where o.partition_id = p.partition_id order by o.first_offset limit 1)) as last_stable_offset
  from kafka.partitions p
  join kafka.topics t on t.topic_id = p.topic_id
  left join lateral (
    select b.last_offset, b.timestamp_high, b.cumulative_bytes from kafka.batches b
    where b.partition_id = p.partition_id order by b.base_offset desc limit 1) newest on true
  left join lateral (
    select b.cumulative_bytes, coalesce(b.object_bytes, octet_length(b.data)) as bytes from kafka.batches b
    where b.partition_id = p.partition_id order by b.base_offset limit 1) oldest on true;
comment on column kafka.topic_overview.size_bytes is 'Bytes of its batches, in rows and in objects: see kafka.storage_overview';
comment on column kafka.partition_overview.size_bytes is 'Bytes of its batches, in rows and in objects: see kafka.storage_overview';

-- By the index: rows that lie in no object are not looked at. A function, as the planner takes each object for hundreds of batches.
create function kafka.batches_in(id bigint) returns table (partition_id integer, bytes bigint, batches bigint)
    language plpgsql stable cost 50 rows 10 as $$
  begin
    return query select b.partition_id, sum(b.object_bytes)::bigint, count(*) from kafka.batches b
      where b.object_id = id group by b.partition_id;
  end $$;
comment on function kafka.batches_in(bigint) is 'What lies in an object: bytes and batches of each partition';

create view kafka.storage_overview as
  select v.topic, v.partition, v.size_bytes, (v.size_bytes - coalesce(o.bytes, 0))::bigint as row_bytes,
    coalesce(o.bytes, 0)::bigint as object_bytes, coalesce(o.batches, 0)::bigint as object_batches, p.local_start_offset
  from kafka.partition_overview v
  join kafka.partitions p on p.partition_id = v.partition_id
  left join (
    select b.partition_id, sum(b.bytes) as bytes, sum(b.batches) as batches
    from kafka.objects o cross join lateral kafka.batches_in(o.object_id) b
    group by b.partition_id) o on o.partition_id = v.partition_id;
comment on view kafka.storage_overview is 'Each partition with the bytes that lie in rows, and in objects; it looks at every batch that lies in an object';
comment on column kafka.storage_overview.topic is 'The topic''s name';
comment on column kafka.storage_overview.partition is 'The partition''s number in the topic';
comment on column kafka.storage_overview.size_bytes is 'Bytes of its batches';
comment on column kafka.storage_overview.row_bytes is 'Those of them that lie in rows';
comment on column kafka.storage_overview.object_bytes is 'Those of them that lie in objects';
comment on column kafka.storage_overview.object_batches is 'How many batches these are';
comment on column kafka.storage_overview.local_start_offset is 'Of a tiered topic: batches below it have moved to objects';

create view kafka.object_overview as
  select s.state, count(o.object_id) as objects, coalesce(sum(o.bytes), 0)::bigint as bytes,
    coalesce(sum(l.bytes), 0)::bigint as live_bytes, kafka.time_of(min(o.created_at)) as oldest,
    kafka.time_of(min(o.unused_since)) as unused_since
  from (values (1, 'new'), (2, 'merged'), (3, 'erased'), (4, 'unused')) s (place, state)
  left join kafka.objects o
    on s.state = case when o.unused_since is not null then 'unused' when o.erased then 'erased' when o.merged then 'merged' else 'new' end
  left join lateral (select sum(b.bytes) as bytes from kafka.batches_in(o.object_id) b) l on true
  group by s.place, s.state order by s.place;
comment on view kafka.object_overview is 'Objects of the object store by what becomes of them; it looks at every batch that lies in one';
comment on column kafka.object_overview.state is 'new: as it was put, and to be merged; merged: made of others; erased: records of it were erased, and what else lies in it is moved soon; unused: no batch lies in it, and it goes after tusk.object.delete.delay.ms';
comment on column kafka.object_overview.objects is 'How many there are';
comment on column kafka.object_overview.bytes is 'Their bytes';
comment on column kafka.object_overview.live_bytes is 'Those of them that batches lie in';
comment on column kafka.object_overview.oldest is 'When the first of them was put';
comment on column kafka.object_overview.unused_since is 'Since when the first of them has been unused; null: they are in use';

-- Of a batch in an object SQL sees the row: what it tells is enough to pass over what was aborted, and what nothing is left of.
create or replace function kafka.log_records(id integer, from_offset bigint, most bigint, since timestamptz)
    returns table ("offset" bigint, "timestamp" timestamptz, key bytea, value bytea, headers kafka.header[])
    language plpgsql stable cost 1000 rows 100 as $$
  declare
    batch record;
    flags integer;
    found_rows bigint;
    base bigint;
  begin
    from_offset := kafka.first_offset(id, from_offset, since);
    for batch in select b.base_offset, b.producer_id, b.data, coalesce(b.object_bytes, octet_length(b.data)) as size,
        substring(b.data for 61) as head, b.object_id, b.object_position
      from kafka.batches b
      where b.partition_id = id and b.base_offset < coalesce((
          select o.first_offset from kafka.open_transactions o
          where o.partition_id = id order by o.first_offset limit 1), 9223372036854775807)
        and b.base_offset >= coalesce((
          select l.base_offset from (
            select n.base_offset, n.last_offset from kafka.batches n
            where n.partition_id = id and n.base_offset <= from_offset order by n.base_offset desc limit 1) l
          where l.last_offset >= from_offset), from_offset)
      order by b.base_offset
    loop
      base := batch.base_offset;
      -- What compaction has left nothing of.
      continue when batch.size = 61;
      if batch.object_id is not null then
        -- A producer with transactions sends nothing outside of them.
        continue when batch.producer_id >= 0 and kafka.is_aborted(id, batch.producer_id, base);
        raise 'the batch at offset % lies in an object store, and only a broker reads it', base using errcode = '0A000',
          detail = format('object %s, bytes %s to %s, offset %s',
            coalesce((select o.name from kafka.objects o where o.object_id = batch.object_id), batch.object_id::text),
            batch.object_position, batch.object_position + batch.size - 1, base),
          hint = (select case when p.local_start_offset > base
              then format('From offset %s on batches lie in rows. Or set', p.local_start_offset) else 'Set' end
            from kafka.partitions p where p.partition_id = id)
            || ' tusk.sql.records=on for the topic, or for the broker: then it keeps the records as rows.';
      end if;
      flags := get_byte(batch.head, 22);
      -- Control records; what was aborted.
      continue when flags & 32 <> 0;
      continue when flags & 16 <> 0 and kafka.is_aborted(id, batch.producer_id, base);
      if flags & 7 <> 0 then
        raise 'the batch at offset % is compressed, and only a broker reads it', base using errcode = '0A000',
          detail = format('codec %s, offset %s', (array['gzip', 'snappy', 'lz4', 'zstd'])[flags & 7], base),
          hint = 'Set tusk.sql.records=on for the topic, or for the broker: then it keeps the records as rows.';
      end if;
      return query select * from kafka.unpack(batch.data, from_offset, most, since);
      get diagnostics found_rows = row_count;
      most := most - found_rows;
      exit when most <= 0;
      since := case when found_rows = 0 then since end;
    end loop;
  -- What is beyond the bytes, or no number of that size, lies in a batch that no producer should have sent.
  exception when data_corrupted or array_subscript_error or numeric_value_out_of_range or substring_error then
    raise 'the batch at offset % is malformed: %', base, sqlerrm using errcode = 'XX001',
      hint = 'Read on behind it, with a greater from_offset.';
  end $$;
