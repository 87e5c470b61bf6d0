-- Transactions: what is open and what was aborted, for each partition they touch; and the state of transactional ids.
-- Rows are never changed in place, as those of offsets are not (0007): each has a key that only rises.

create table kafka.open_transactions (
  partition_id integer not null,
  first_offset bigint not null,
  producer_id bigint not null,
  primary key (partition_id, first_offset)
) with (autovacuum_vacuum_scale_factor = 0.2, autovacuum_vacuum_threshold = 20000);
comment on table kafka.open_transactions is 'Transactions that have not ended, a row for each partition: read_committed goes up to the first of them';
comment on column kafka.open_transactions.partition_id is 'The partition';
comment on column kafka.open_transactions.first_offset is 'Its first record there';
comment on column kafka.open_transactions.producer_id is 'Whose it is: see kafka.transactions';

create table kafka.aborted_transactions (
  partition_id integer not null,
  first_offset bigint not null,
  last_offset bigint not null,
  producer_id bigint not null,
  last_stable_offset bigint not null,
  primary key (partition_id, last_offset)
);
comment on table kafka.aborted_transactions is 'Transactions that were aborted, as long as a record of theirs is there: a row for each partition';
comment on column kafka.aborted_transactions.partition_id is 'The partition';
comment on column kafka.aborted_transactions.first_offset is 'Its first record there';
comment on column kafka.aborted_transactions.last_offset is 'Its marker there';
comment on column kafka.aborted_transactions.producer_id is 'Whose it was';
comment on column kafka.aborted_transactions.last_stable_offset is 'How far read_committed could go behind it: none that ended later begins below';

create table kafka.transactional_ids (
  revision bigint primary key,
  transactional_id text not null,
  value text not null
) with (autovacuum_vacuum_scale_factor = 0.2, autovacuum_vacuum_threshold = 20000);
comment on table kafka.transactional_ids is 'Transactional ids, a row each: see kafka.transactions';
comment on column kafka.transactional_ids.revision is 'Rises with each change of any of them: a change is a new row';
comment on column kafka.transactional_ids.transactional_id is 'transactional.id of the producer';
comment on column kafka.transactional_ids.value is 'The coordinator''s own form';

create function kafka.partition_names(ids integer[]) returns text[] language sql stable as $$
  select array_agg(t.name || '-' || p.partition_index order by t.name, p.partition_index)
  from kafka.partitions p join kafka.topics t on t.topic_id = p.topic_id where p.partition_id = any (ids) $$;
comment on function kafka.partition_names(integer[]) is 'Partitions as topic-partition, in order; null for none';

create view kafka.transactions as
  select t.transactional_id, (s.json ->> 'producerId')::bigint as producer_id,
    (s.json ->> 'producerEpoch')::integer as producer_epoch, s.json ->> 'phase' as state,
    case when s.json ->> 'phase' = 'Ongoing' then kafka.time_of((s.json ->> 'startedAtMs')::bigint) end as since,
    make_interval(secs => (s.json ->> 'timeoutMs')::bigint / 1000.0) as timeout,
    kafka.partition_names(array(select jsonb_array_elements_text(s.json -> 'partitionIds')::integer)) as partitions,
    kafka.partition_names(held.ids) as holds_back
  from kafka.transactional_ids t cross join lateral (select kafka.json_of(t.value)) s (json)
  left join (
    select first.producer_id, array_agg(first.partition_id) as ids from (
      select distinct on (partition_id) partition_id, producer_id from kafka.open_transactions
      order by partition_id, first_offset) first
    group by first.producer_id) held on held.producer_id = (s.json ->> 'producerId')::bigint;
comment on view kafka.transactions is 'Each transactional id, and what it has open';
comment on column kafka.transactions.transactional_id is 'transactional.id of the producer';
comment on column kafka.transactions.producer_id is 'Its producer id now';
comment on column kafka.transactions.producer_epoch is 'Its epoch now: an older one is fenced';
comment on column kafka.transactions.state is 'Empty, Ongoing, CompleteCommit or CompleteAbort, as kafka-transactions tells it';
comment on column kafka.transactions.since is 'When the open transaction began; null: none is open';
comment on column kafka.transactions.timeout is 'transaction.timeout.ms: an open one is aborted after so long';
comment on column kafka.transactions.partitions is 'What the open transaction has written to, as topic-partition';
comment on column kafka.transactions.holds_back is 'Where read_committed waits for it and for none before it, as topic-partition';

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
    select b.cumulative_bytes, octet_length(b.data) as bytes from kafka.batches b
    where b.partition_id = p.partition_id order by b.base_offset limit 1) oldest on true;
comment on column kafka.partition_overview.last_stable_offset is 'How far read_committed goes: to the first open transaction, or the end';
