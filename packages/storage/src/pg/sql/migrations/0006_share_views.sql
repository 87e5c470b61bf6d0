-- Share groups in the views: their members, and where they are in each partition. Both lie in kafka.group_members.

create or replace view kafka.member_overview as
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
    select case g.kind when 'share' then substring(a.member_id from '^member/(.*)$') else a.member_id end, kafka.json_of(a.value)
    from kafka.group_members a
    where a.group_id = g.group_id and (g.kind <> 'share' or a.member_id like 'member/%')) m (member_id, json);

create view kafka.share_lag as
  select g.group_id, o.topic, o.partition, shared.start_offset, o.end_offset,
    greatest(o.end_offset - greatest(shared.start_offset, o.log_start_offset), 0) as lag
  from kafka.groups g
  join kafka.group_members m on m.group_id = g.group_id
  cross join lateral (
    select substring(m.member_id from '^partition/([0-9]{1,9})$')::integer,
      substring(kafka.json_of(m.value) ->> 'startOffset' from '^[0-9]{1,18}$')::bigint) shared (partition_id, start_offset)
  join kafka.partition_overview o on o.partition_id = shared.partition_id
  where g.kind = 'share';
comment on view kafka.share_lag is 'Where each share group is in each partition: below start_offset all is done with; lag counts what is given out now, too';

create or replace view kafka.group_overview as
  select ids.group_id, g.kind,
    (select count(*) from kafka.member_overview m where m.group_id = ids.group_id) as members,
    lag.partitions, lag.lag, lag.committed_at,
    (select jsonb_object_agg(c.name, c.value) from kafka.configs c
     where c.resource_type = 32 and c.resource_name = ids.group_id) as configs
  from (select group_id from kafka.groups union select group_id from kafka.offsets) ids
  left join kafka.groups g on g.group_id = ids.group_id
  left join lateral (
    select count(*) as partitions, coalesce(sum(l.lag), 0) as lag, max(l.committed_at) as committed_at
    from (
      select l.lag, l.committed_at from kafka.group_lag l where l.group_id = ids.group_id
      union all
      select s.lag, null from kafka.share_lag s where s.group_id = ids.group_id) l) lag on true;
