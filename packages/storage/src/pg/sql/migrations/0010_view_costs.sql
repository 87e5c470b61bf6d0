-- What the views cost, told to the planner: with Postgres' own guesses (1,000 rows of a function, 100 of each array) it sees tens
-- of millions of rows in a few, and compiles code for them. Sizes and topics are looked up, not computed one by one.

alter function kafka.json_of(text) cost 10;
alter function kafka.classic_assignment(bytea) cost 50 rows 10;

create or replace function kafka.owned_partitions(kind text, owner jsonb, member jsonb)
    returns table (topic text, partition integer) language plpgsql stable cost 50 rows 10
    set plan_cache_mode = force_generic_plan set enable_seqscan = off as $$
  begin
    if kind = 'classic' and owner ->> 'protocolType' = 'consumer' then
      return query select c.topic, c.partition from kafka.classic_assignment(decode(member ->> 'assignment', 'base64')) c;
    elsif kind = 'consumer' then
      -- By topic id: partition, epoch, partition, epoch … A topic is looked up where it is named.
      return query
        select named.name, pair.number::integer
        from jsonb_each(member -> 'assigned') topics (id, numbers)
        cross join lateral (select t.name from kafka.topics t where t.topic_id = topics.id offset 0) named
        cross join lateral jsonb_array_elements_text(topics.numbers) with ordinality pair (number, place)
        where pair.place % 2 = 1;
    elsif kind = 'streams' then
      return query
        select distinct source.name, task.number::integer
        from jsonb_array_elements(owner -> 'topology' -> 'subtopologies') sub (json)
        cross join lateral jsonb_each(member -> 'held' -> 'active' -> (sub.json ->> 'subtopologyId')) epoch (number, tasks)
        cross join lateral jsonb_array_elements_text(epoch.tasks) task (number)
        cross join lateral (
          select jsonb_array_elements_text(sub.json -> 'sourceTopics')
          union select jsonb_array_elements(sub.json -> 'repartitionSourceTopics') ->> 'name') source (name);
    end if;
  exception when others then
    return;
  end $$;

create function kafka.members_of(id text, kind text, owner jsonb)
    returns table (member_id text, details jsonb) language plpgsql stable cost 50 rows 10
    set plan_cache_mode = force_generic_plan set enable_seqscan = off as $$
  begin
    return query
      select i.json ->> 'memberId', i.json
      from jsonb_array_elements(
        case jsonb_typeof(owner -> 'members') when 'array' then owner -> 'members' else '[]'::jsonb end) i (json);
    return query
      select case kind when 'share' then substring(a.member_id from '^member/(.*)$') else a.member_id end,
        kafka.json_of(a.value)
      from kafka.group_members a
      where a.group_id = id and (kind <> 'share' or a.member_id like 'member/%');
  end $$;
comment on function kafka.members_of(text, text, jsonb) is 'Members of a group, out of its own stored form and their rows';

create or replace view kafka.partition_overview as
  select t.name as topic, p.partition_index as partition, p.partition_id, p.log_start_offset,
    greatest(newest.last_offset + 1, p.end_offset_floor) as end_offset,
    case when p.cleaned_offset is null
      then coalesce(newest.cumulative_bytes - oldest.cumulative_bytes + oldest.bytes, 0)
      else kafka.partition_bytes(p.partition_id, p.cleaned_offset) end as size_bytes,
    kafka.time_of(newest.timestamp_high) as newest_timestamp
  from kafka.partitions p
  join kafka.topics t on t.topic_id = p.topic_id
  left join lateral (
    select b.last_offset, b.timestamp_high, b.cumulative_bytes from kafka.batches b
    where b.partition_id = p.partition_id order by b.base_offset desc limit 1) newest on true
  left join lateral (
    select b.cumulative_bytes, octet_length(b.data) as bytes from kafka.batches b
    where b.partition_id = p.partition_id order by b.base_offset limit 1) oldest on true;

-- Here and in kafka.member_lag: partitions with their ends, without what else kafka.partition_overview looks up.
create or replace view kafka.group_lag as
  select f.group_id, g.kind, o.topic, o.partition, f.committed_offset, o.end_offset,
    o.end_offset - greatest(f.committed_offset, 0) as lag, kafka.time_of(f.commit_timestamp) as committed_at
  from kafka.offsets f
  join (
    select t.name as topic, p.partition_index as partition, p.partition_id, p.log_start_offset,
      greatest((select b.last_offset + 1 from kafka.batches b
        where b.partition_id = p.partition_id order by b.base_offset desc limit 1), p.end_offset_floor) as end_offset
    from kafka.partitions p join kafka.topics t on t.topic_id = p.topic_id) o on o.partition_id = f.partition_id
  left join kafka.groups g on g.group_id = f.group_id;

create or replace view kafka.topic_overview as
  select t.name as topic, t.topic_id, count(o.partition_id) as partitions,
    coalesce(sum(o.end_offset - o.log_start_offset), 0) as records, coalesce(sum(o.size_bytes), 0) as size_bytes,
    (select jsonb_object_agg(c.name, c.value) from kafka.configs c
     where c.resource_type = 2 and c.resource_name = t.name) as configs
  from kafka.topics t left join kafka.partition_overview o on o.topic = t.name
  group by t.topic_id;

create or replace view kafka.member_overview as
  select g.group_id, g.kind, m.member_id collate "C" as member_id,
    coalesce(m.details ->> 'groupInstanceId', m.details ->> 'instanceId') as instance_id,
    m.details ->> 'clientId' as client_id, m.details ->> 'clientHost' as client_host,
    (select array_agg(o.topic || '-' || o.partition order by o.topic, o.partition)
     from kafka.owned_partitions(g.kind, parsed.json, m.details) o) as partitions,
    m.details
  from kafka.groups g
  cross join lateral (select kafka.json_of(g.value) offset 0) parsed (json)
  cross join lateral kafka.members_of(g.group_id, g.kind, parsed.json) m;

create or replace view kafka.member_lag as
  select g.group_id, g.kind, m.member_id collate "C" as member_id, m.details ->> 'clientId' as client_id, m.details ->> 'clientHost' as client_host,
    own.topic, own.partition, f.committed_offset, o.end_offset,
    o.end_offset - greatest(coalesce(f.committed_offset, o.log_start_offset), 0) as lag
  from kafka.groups g
  cross join lateral (select kafka.json_of(g.value) offset 0) parsed (json)
  cross join lateral kafka.members_of(g.group_id, g.kind, parsed.json) m
  cross join lateral kafka.owned_partitions(g.kind, parsed.json, m.details) own
  left join (
    select t.name as topic, p.partition_index as partition, p.partition_id, p.log_start_offset,
      greatest((select b.last_offset + 1 from kafka.batches b
        where b.partition_id = p.partition_id order by b.base_offset desc limit 1), p.end_offset_floor) as end_offset
    from kafka.partitions p join kafka.topics t on t.topic_id = p.topic_id) o on o.topic = own.topic and o.partition = own.partition
  left join kafka.offsets f on f.group_id = g.group_id and f.partition_id = o.partition_id;

create or replace view kafka.group_overview as
  select ids.group_id, g.kind,
    (select count(*) from kafka.members_of(ids.group_id, g.kind, kafka.json_of(g.value))) as members,
    coalesce(lag.partitions, 0) as partitions, coalesce(lag.lag, 0) as lag, lag.committed_at,
    (select jsonb_object_agg(c.name, c.value) from kafka.configs c
     where c.resource_type = 32 and c.resource_name = ids.group_id) as configs
  from (select group_id from kafka.groups union select group_id from kafka.offsets) ids
  left join kafka.groups g on g.group_id = ids.group_id
  left join (
    select l.group_id, count(*) as partitions, sum(l.lag) as lag, max(l.committed_at) as committed_at
    from (
      select l.group_id, l.lag, l.committed_at from kafka.group_lag l
      union all
      select s.group_id, s.lag, null from kafka.share_lag s) l
    group by l.group_id) lag on lag.group_id = ids.group_id;
