-- What a person sees of groups, members and configs (docs/sql.md). Members are read out of the coordinator's own text:
-- where that is of a later form, a view shows less of them and never fails.

create function kafka.json_of(value text) returns jsonb language plpgsql immutable strict as $$
  begin
    return value::jsonb;
  exception when others then
    return null;
  end $$;
comment on function kafka.json_of(text) is 'The value as JSON; null where it is none';

-- An int16 version, then topics: a text with an int16 length, partitions as int32, both after int32 counts.
create function kafka.classic_assignment(assignment bytea)
    returns table (topic text, partition integer) language plpgsql immutable strict as $$
  declare
    at integer := 2;
    size integer;
    partitions integer;
  begin
    for t in 1 .. ('x' || encode(substring(assignment from at + 1 for 4), 'hex'))::bit(32)::integer loop
      at := case when t = 1 then at + 4 else at end;
      size := get_byte(assignment, at) * 256 + get_byte(assignment, at + 1);
      topic := convert_from(substring(assignment from at + 3 for size), 'UTF8');
      at := at + 2 + size;
      partitions := ('x' || encode(substring(assignment from at + 1 for 4), 'hex'))::bit(32)::integer;
      at := at + 4;
      for p in 1 .. partitions loop
        exit when at + 4 > octet_length(assignment);
        partition := ('x' || encode(substring(assignment from at + 1 for 4), 'hex'))::bit(32)::integer;
        at := at + 4;
        return next;
      end loop;
    end loop;
  exception when others then
    return;
  end $$;
comment on function kafka.classic_assignment(bytea) is 'Partitions in what the leader of a classic group assigned to a consumer (ConsumerProtocolAssignment)';

create function kafka.owned_partitions(kind text, owner jsonb, member jsonb)
    returns table (topic text, partition integer) language plpgsql stable as $$
  begin
    if kind = 'classic' and owner ->> 'protocolType' = 'consumer' then
      return query select c.topic, c.partition from kafka.classic_assignment(decode(member ->> 'assignment', 'base64')) c;
    elsif kind = 'consumer' then
      -- By topic id: partition, epoch, partition, epoch …
      return query
        select t.name, pair.number::integer
        from jsonb_each(member -> 'assigned') topics (id, numbers)
        join kafka.topics t on t.topic_id = topics.id
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
comment on function kafka.owned_partitions(text, jsonb, jsonb) is 'Partitions that a member reads, out of its own and its group''s stored form; of a streams member those of its active tasks';

create view kafka.member_overview as
  select g.group_id, g.kind, m.member_id, coalesce(m.json ->> 'groupInstanceId', m.json ->> 'instanceId') as instance_id,
    m.json ->> 'clientId' as client_id, m.json ->> 'clientHost' as client_host,
    (select array_agg(o.topic || '-' || o.partition order by o.topic, o.partition)
     from kafka.owned_partitions(g.kind, parsed.json, m.json) o) as partitions,
    m.json as details
  from kafka.groups g
  cross join lateral (select kafka.json_of(g.value)) parsed (json)
  cross join lateral (
    select i.json ->> 'memberId', i.json
    from jsonb_array_elements(
      case jsonb_typeof(parsed.json -> 'members') when 'array' then parsed.json -> 'members' else '[]'::jsonb end) i (json)
    union all
    select a.member_id, kafka.json_of(a.value) from kafka.group_members a where a.group_id = g.group_id) m (member_id, json);
comment on view kafka.member_overview is 'Members of groups of every kind, as of the last change that was stored; details is the coordinator''s own form';

create view kafka.member_lag as
  select g.group_id, g.kind, m.member_id, m.client_id, m.client_host, own.topic, own.partition,
    f.committed_offset, o.end_offset, o.end_offset - coalesce(f.committed_offset, o.log_start_offset) as lag
  from kafka.groups g
  join kafka.member_overview m on m.group_id = g.group_id
  cross join lateral kafka.owned_partitions(g.kind, kafka.json_of(g.value), m.details) own
  left join kafka.partition_overview o on o.topic = own.topic and o.partition = own.partition
  left join kafka.offsets f on f.group_id = g.group_id and f.partition_id = o.partition_id;
comment on view kafka.member_lag is 'Each partition that a member reads, and how far it is behind: from the committed offset, or the log start where there is none';

create view kafka.group_overview as
  select ids.group_id, g.kind,
    (select count(*) from kafka.member_overview m where m.group_id = ids.group_id) as members,
    lag.partitions, lag.lag, lag.committed_at,
    (select jsonb_object_agg(c.name, c.value) from kafka.configs c
     where c.resource_type = 32 and c.resource_name = ids.group_id) as configs
  from (select group_id from kafka.groups union select group_id from kafka.offsets) ids
  left join kafka.groups g on g.group_id = ids.group_id
  left join lateral (
    select count(*) as partitions, coalesce(sum(l.lag), 0) as lag, max(l.committed_at) as committed_at
    from kafka.group_lag l where l.group_id = ids.group_id) lag on true;
comment on view kafka.group_overview is 'Each group with its kind (null: offsets only, nobody ever joined), members, partitions with a committed offset, lag over all of them, and configs';

create view kafka.config_overview as
  select case c.resource_type when 2 then 'topic' when 4 then 'broker' when 32 then 'group'
      else c.resource_type::text end as resource,
    case when c.resource_type = 4 and c.resource_name = '' then '(all brokers)' else c.resource_name end as resource_name,
    c.name, c.value
  from kafka.configs c;
comment on view kafka.config_overview is 'Every config that was set while Tusk ran; all else has its default, or what the broker was started with';

create view kafka.disk_usage as
  select c.relname::text as table_name, pg_table_size(c.oid) as table_bytes, pg_indexes_size(c.oid) as index_bytes,
    pg_total_relation_size(c.oid) as total_bytes, s.n_live_tup as rows_estimated, s.n_dead_tup as dead_rows_estimated
  from pg_class c join pg_stat_all_tables s on s.relid = c.oid
  where c.relnamespace = 'kafka'::regnamespace and c.relkind = 'r';
comment on view kafka.disk_usage is 'Bytes on disk of each table with its indexes, as Postgres counts them; dead rows are those that vacuum will make room of';

create view kafka.active_broker as
  select l.pid, a.application_name, a.usename::text as role, a.client_addr, a.backend_start as since, c.cluster_id, c.epoch
  from pg_locks l
  left join pg_stat_activity a on a.pid = l.pid
  cross join kafka.cluster c
  where l.locktype = 'advisory' and l.classid = 1416983403 and l.objid = 1 and l.objsubid = 2 and l.granted
    and l.database = (select d.oid from pg_database d where d.datname = current_database());
comment on view kafka.active_broker is 'The session of the broker that writes: it holds the cluster''s lock; no row: none does';
