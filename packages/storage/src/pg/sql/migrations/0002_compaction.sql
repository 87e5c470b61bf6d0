-- How far partitions are compacted, and their bytes where batches were taken from their midst.

alter table kafka.partitions add column cleaned_offset bigint, add column cleaned_bytes bigint,
  add column delete_horizon bigint;
comment on column kafka.partitions.cleaned_offset is 'Compacted up to here: for each key only the latest record is left below; null: never compacted';
comment on column kafka.partitions.cleaned_bytes is 'cumulative_bytes of the last batch below cleaned_offset';
comment on column kafka.partitions.delete_horizon is 'When the first tombstone below cleaned_offset may go, in milliseconds; -1: there is none';

create function kafka.partition_bytes(id integer, cleaned bigint) returns bigint language plpgsql stable as $$
  declare
    newest bigint;
    oldest record;
  begin
    if cleaned is not null then
      return (select coalesce(sum(octet_length(b.data)), 0) from kafka.batches b where b.partition_id = id);
    end if;
    select b.cumulative_bytes into newest from kafka.batches b
      where b.partition_id = id order by b.base_offset desc limit 1;
    select b.cumulative_bytes, octet_length(b.data) as bytes into oldest from kafka.batches b
      where b.partition_id = id order by b.base_offset limit 1;
    return coalesce(newest - oldest.cumulative_bytes + oldest.bytes, 0);
  end $$;
comment on function kafka.partition_bytes(integer, bigint) is 'Bytes of a partition''s batches; summed up one by one only where compaction took some from their midst';

create or replace view kafka.partition_overview as
  select t.name as topic, p.partition_index as partition, p.partition_id, p.log_start_offset,
    greatest(newest.last_offset + 1, p.end_offset_floor) as end_offset,
    kafka.partition_bytes(p.partition_id, p.cleaned_offset) as size_bytes,
    to_timestamp(newest.timestamp_high / 1000.0) as newest_timestamp
  from kafka.partitions p
  join kafka.topics t on t.topic_id = p.topic_id
  left join lateral (
    select b.last_offset, b.timestamp_high from kafka.batches b
    where b.partition_id = p.partition_id order by b.base_offset desc limit 1) newest on true;
