-- Batches whose bytes lie in an object store: the row keeps everything but the bytes, and says where they are.

create table kafka.objects (
  object_id bigint primary key,
  name text collate "C" not null,
  bytes bigint not null,
  created_at bigint not null,
  unused_since bigint,
  merged boolean not null default false,
  constraint objects_name_key unique (name)
);
comment on table kafka.objects is 'Objects of the object store to which rows of kafka.batches point, or have pointed';
comment on column kafka.objects.object_id is 'Rises with each object';
comment on column kafka.objects.name is 'Its name in the store, behind the prefix that the store''s URL gives';
comment on column kafka.objects.bytes is 'Its size';
comment on column kafka.objects.created_at is 'When it was put, in milliseconds, by the broker''s clock';
comment on column kafka.objects.unused_since is 'Since when no batch points to it, in milliseconds; null: one may';
comment on column kafka.objects.merged is 'Its batches lie in order of partition and offset';
create index objects_unused_since on kafka.objects (unused_since, object_id) where unused_since is not null;

alter table kafka.batches alter column data drop not null;
alter table kafka.batches add column object_id bigint, add column object_position bigint, add column object_bytes integer;
comment on column kafka.batches.data is 'Record batch, format version 2 of Kafka''s protocol; null: it lies in an object';
comment on column kafka.batches.object_id is 'The object in which the batch lies; null: it lies in data';
comment on column kafka.batches.object_position is 'Where the batch begins in the object';
comment on column kafka.batches.object_bytes is 'Size of the batch in the object';

create index batches_object_id on kafka.batches (object_id) where object_id is not null;

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
