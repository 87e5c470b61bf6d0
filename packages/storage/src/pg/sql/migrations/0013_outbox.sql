-- What SQL sessions hand to the broker: records to append, and offsets that they committed. A row is visible exactly if
-- its transaction committed. The broker takes what became visible since its last snapshot, and deletes it by key in the
-- commit that appends it.

-- A header of a record; both fields as the record has them.
create type kafka.header as (key text, value bytea);

create function kafka.headers(headers jsonb) returns kafka.header[] language plpgsql immutable strict parallel safe
    set search_path = pg_catalog, pg_temp as $$
  declare
    pairs jsonb := headers;
  begin
    if jsonb_typeof(pairs) = 'object' then
      pairs := (select jsonb_agg(jsonb_build_array(e.key, e.value)) from jsonb_each(pairs) e);
    end if;
    if jsonb_typeof(pairs) <> 'array' or exists (
      select from jsonb_array_elements(pairs) p where not coalesce(
        jsonb_typeof(p -> 0) = 'string' and jsonb_typeof(p -> 1) in ('string', 'null') and p -> 2 is null, false)) then
      raise exception 'not headers of a record: %', left(headers::text, 200) using errcode = '22023',
        detail = 'A header is a name and a value, and a value is a string or null.',
        hint = 'Write {"name": "value"}, or [["name", "value"], …] to keep an order or to repeat a name.';
    end if;
    return (
      select array_agg(row(p.pair ->> 0, convert_to(p.pair ->> 1, 'UTF8'))::kafka.header order by p.place)
      from jsonb_array_elements(pairs) with ordinality p (pair, place));
  end $$;
comment on function kafka.headers(jsonb) is 'Headers for kafka.produce, of an object or of an array of pairs';

create function kafka.header_bytes(headers kafka.header[]) returns bigint language plpgsql immutable as $$
  begin
    if exists (select from unnest(headers) h where h.key is null) then
      raise exception 'a header has no name' using errcode = '22004',
        hint = 'The value of a header may be null, its name may not.';
    end if;
    return (select sum(octet_length(h.key) + coalesce(octet_length(h.value), 0) + 10) from unnest(headers) h);
  end $$;
comment on function kafka.header_bytes(kafka.header[]) is 'What headers add to a record at most';

create table kafka.outbox (
  xid xid8 not null default pg_current_xact_id(),
  id bigint generated always as identity,
  partition_id integer not null,
  timestamp bigint not null default (extract(epoch from clock_timestamp()) * 1000)::bigint,
  key bytea,
  value bytea,
  headers kafka.header[],
  group_id text collate "C",
  committed_offset bigint,
  claim bigint,
  primary key (xid, id)
) with (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000, autovacuum_vacuum_cost_delay = 0,
  autovacuum_analyze_scale_factor = 0, autovacuum_analyze_threshold = 1000000, vacuum_truncate = false);
-- Bytes are stored as they are: a session does not wait for their compression.
alter table kafka.outbox alter column key set storage external, alter column value set storage external;
comment on table kafka.outbox is 'Records of kafka.produce that the broker has not appended yet: see kafka.outbox_lag';
comment on column kafka.outbox.xid is 'The transaction that calls';
comment on column kafka.outbox.id is 'Rises with each call: the order within a session';
comment on column kafka.outbox.partition_id is 'The partition';
comment on column kafka.outbox.timestamp is 'Of the record, in milliseconds since 1970';
comment on column kafka.outbox.key is 'Of the record; null: none';
comment on column kafka.outbox.value is 'Of the record; null: a tombstone';
comment on column kafka.outbox.headers is 'Of the record, in order; null: none';
comment on column kafka.outbox.group_id is 'Set if the row is no record: the group that committed an offset in SQL';
comment on column kafka.outbox.committed_offset is 'What it committed; null: it has given its claim back';
comment on column kafka.outbox.claim is 'The claim by which it did';

create table kafka.outbox_refused (
  refused_id bigint generated always as identity primary key,
  id bigint not null,
  refused_at timestamptz not null default now(),
  reason text not null,
  partition_id integer not null,
  timestamp bigint not null,
  key bytea,
  value bytea,
  headers kafka.header[]
);
comment on table kafka.outbox_refused is 'Records of kafka.produce that cannot be appended any more, for a person to look at';
comment on column kafka.outbox_refused.refused_id is 'Rises with each refusal';
comment on column kafka.outbox_refused.id is 'Its id in kafka.outbox';
comment on column kafka.outbox_refused.refused_at is 'When the broker gave it up';
comment on column kafka.outbox_refused.reason is 'Why';
comment on column kafka.outbox_refused.partition_id is 'The partition it was for';
comment on column kafka.outbox_refused.timestamp is 'Of the record, in milliseconds since 1970';
comment on column kafka.outbox_refused.key is 'Of the record';
comment on column kafka.outbox_refused.value is 'Of the record';
comment on column kafka.outbox_refused.headers is 'Of the record';

create table kafka.sql_settings (
  one boolean primary key default true check (one),
  dedup_window interval not null default '24 hours',
  max_message_bytes integer not null default 1048588,
  cleanup_policy text not null default 'delete'
);
insert into kafka.sql_settings default values;
comment on table kafka.sql_settings is 'One row: settings of the broker that SQL''s functions go by; the broker keeps it';
comment on column kafka.sql_settings.one is 'True: there is one row';
comment on column kafka.sql_settings.dedup_window is 'For how long kafka.produce knows a dedup key again';
comment on column kafka.sql_settings.max_message_bytes is 'message.max.bytes that the broker was started with';
comment on column kafka.sql_settings.cleanup_policy is 'log.cleanup.policy that the broker was started with';

create table kafka.outbox_keys (
  topic text collate "C" not null,
  key text collate "C" not null,
  expires_at timestamptz not null,
  primary key (topic, key)
) with (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000, autovacuum_vacuum_cost_delay = 0);
create index outbox_keys_expire on kafka.outbox_keys (expires_at);
comment on table kafka.outbox_keys is 'Dedup keys of kafka.produce, as long as they are known';
comment on column kafka.outbox_keys.topic is 'The topic: each has keys of its own';
comment on column kafka.outbox_keys.key is 'What the caller gave as dedup';
comment on column kafka.outbox_keys.expires_at is 'From then on it counts as new';

-- In the statement that deletes what is appended: all of it was there, or nothing is stored.
create function kafka.all_there(there bigint, wanted bigint) returns boolean language plpgsql immutable as $$
  begin
    if there <> wanted then
      raise exception 'of % rows of kafka.outbox only % are there', wanted, there using errcode = 'P0002';
    end if;
    return true;
  end $$;
comment on function kafka.all_there(bigint, bigint) is 'The broker''s own: fails if a row that it appends is gone';

-- Rights, in the columns of Kafka's ACLs. Kafka's API and SQL obey the same rows.
create table kafka.acls (
  resource_type text collate "C" not null,
  resource_name text collate "C" not null,
  pattern_type text collate "C" not null default 'LITERAL',
  principal text collate "C" not null,
  host text collate "C" not null default '*',
  operation text collate "C" not null,
  permission_type text collate "C" not null,
  primary key (resource_type, resource_name, pattern_type, principal, host, operation, permission_type),
  check (resource_type in ('TOPIC', 'GROUP', 'CLUSTER', 'TRANSACTIONAL_ID', 'DELEGATION_TOKEN', 'USER')),
  check (pattern_type in ('LITERAL', 'PREFIXED')),
  check (operation in ('ALL', 'READ', 'WRITE', 'CREATE', 'DELETE', 'ALTER', 'DESCRIBE', 'CLUSTER_ACTION',
    'DESCRIBE_CONFIGS', 'ALTER_CONFIGS', 'IDEMPOTENT_WRITE', 'CREATE_TOKENS', 'DESCRIBE_TOKENS')),
  check (permission_type in ('ALLOW', 'DENY'))
);
comment on table kafka.acls is 'Who may do what: kafka.allow and kafka.deny add a row';
comment on column kafka.acls.resource_type is 'TOPIC, GROUP and so on';
comment on column kafka.acls.resource_name is 'Its name, a prefix of it, or *';
comment on column kafka.acls.pattern_type is 'LITERAL or PREFIXED';
comment on column kafka.acls.principal is 'User:name, or Group:name for the members of a role of Postgres';
comment on column kafka.acls.host is 'The address from which it holds; * for any';
comment on column kafka.acls.operation is 'READ, WRITE and so on, or ALL';
comment on column kafka.acls.permission_type is 'ALLOW or DENY, which goes before';

-- The role of a session, also inside a function that runs as its owner: what SET ROLE chose, else who logged in. Its
-- body is parsed here, once: no search_path of a session makes another meaning of it.
create function kafka.session_role() returns name language sql stable begin atomic
  select case current_setting('role') when 'none' then session_user else current_setting('role')::name end;
end;
comment on function kafka.session_role() is 'The role whose rights count: that of SET ROLE, else the one that logged in';

-- Its body goes into the statements that use it.
create function kafka.acls_say(role name, op text, kind text, resource text) returns table (allowed boolean)
    language sql stable
begin atomic
  select bool_and(a.permission_type = 'ALLOW') from kafka.acls a
  where a.resource_type = kind
    and (a.resource_name in (resource, '*') and a.pattern_type = 'LITERAL'
      or a.pattern_type = 'PREFIXED' and starts_with(resource, a.resource_name))
    and a.operation in (op, 'ALL')
    and (a.principal in ('User:' || role, 'User:*') or a.principal like 'Group:%' and pg_has_role(
      to_regrole(quote_ident(role))::oid, to_regrole(quote_ident(substr(a.principal, 7)))::oid, 'MEMBER'))
    and (a.host = '*' or a.host = coalesce(host(inet_client_addr()), '127.0.0.1'));
end;
comment on function kafka.acls_say(name, text, text, text) is 'What the rows of kafka.acls say of it; null: nothing';

-- A row has to allow it, and none to deny it. The owner, who has its privileges, and superusers may do all. It runs as the
-- owner, with a search_path of its own: nothing of a caller is taken for what is named here.
create function kafka.may(role name, op text, kind text, resource text) returns boolean language plpgsql stable
    security definer set search_path = pg_catalog, pg_temp as $$
  begin
    return coalesce((select s.allowed from kafka.acls_say(role, op, kind, resource) s), false)
      or coalesce(pg_has_role(to_regrole(quote_ident(role))::oid, current_user, 'USAGE'), false);
  end $$;
comment on function kafka.may(name, text, text, text) is 'Whether a role may do an operation on a resource, by kafka.acls';

-- A row of kafka.acls, as kafka.allow and the others are told of it.
create function kafka.acl_of(role text, operation text, resource text, resource_type text, pattern_type text,
    permission_type text) returns kafka.acls language plpgsql stable as $$
  declare
    operations constant text[] := '{ALL,READ,WRITE,CREATE,DELETE,ALTER,DESCRIBE,CLUSTER_ACTION,DESCRIBE_CONFIGS,ALTER_CONFIGS,IDEMPOTENT_WRITE,CREATE_TOKENS,DESCRIBE_TOKENS}';
    types constant text[] := '{TOPIC,GROUP,CLUSTER,TRANSACTIONAL_ID,DELEGATION_TOKEN,USER}';
    patterns constant text[] := '{LITERAL,PREFIXED}';
    told record;
  begin
    for told in select * from (values ('operation', operation, operations), ('resource type', resource_type, types),
        ('pattern type', pattern_type, patterns)) v (what, name, names) loop
      if not coalesce(upper(told.name) = any (told.names), false) then
        raise exception 'there is no % "%"', told.what, told.name using errcode = '22023',
          hint = format('One of %s.', lower(array_to_string(told.names, ', ')));
      end if;
    end loop;
    if role is null or resource is null then
      raise exception 'the % is null', case when role is null then 'role' else 'resource' end using errcode = '22004';
    end if;
    return row(upper(resource_type), resource, upper(pattern_type),
      case when role ~ '^(User|Group):.' then role else 'User:' || role end, '*'::text, upper(operation), permission_type);
  end $$;
comment on function kafka.acl_of(text, text, text, text, text, text) is 'A row of kafka.acls out of what a person says, or what is wrong with it';

create function kafka.check_role(role text) returns void language plpgsql stable as $$
  begin
    if role not like 'User:%' and not exists (
      select from pg_roles r where r.rolname = regexp_replace(role, '^Group:', '')) then
      raise exception 'there is no role "%"', regexp_replace(role, '^Group:', '') using errcode = '42704',
        hint = format('Make it first, or write %L for a name that only clients of Kafka have.',
          'User:' || regexp_replace(role, '^Group:', ''));
    end if;
  end $$;
comment on function kafka.check_role(text) is 'Fails if Postgres has no such role';

create function kafka.allow(role text, operation text, resource text, resource_type text default 'topic',
    pattern_type text default 'literal') returns void language plpgsql security definer
    set search_path = pg_catalog, pg_temp as $$
  declare
    member name := regexp_replace(role, '^(User|Group):', '');
  begin
    perform kafka.check_role(role);
    insert into kafka.acls
      select (kafka.acl_of(role, operation, resource, resource_type, pattern_type, 'ALLOW')).* on conflict do nothing;
    -- What is in the schema cannot be named without.
    if exists (select from pg_roles r where r.rolname = member) then
      execute format('grant usage on schema kafka to %I', member);
    elsif role = 'User:*' then
      grant usage on schema kafka to public;
    end if;
  end $$;
comment on function kafka.allow(text, text, text, text, text) is 'Lets a role do an operation, and name what is in the schema';

create function kafka.deny(role text, operation text, resource text, resource_type text default 'topic',
    pattern_type text default 'literal') returns void language plpgsql security definer
    set search_path = pg_catalog, pg_temp as $$
  begin
    perform kafka.check_role(role);
    insert into kafka.acls
      select (kafka.acl_of(role, operation, resource, resource_type, pattern_type, 'DENY')).* on conflict do nothing;
  end $$;
comment on function kafka.deny(text, text, text, text, text) is 'Keeps a role from an operation, whatever else allows it';

create function kafka.revoke(role text, operation text, resource text, resource_type text default 'topic',
    pattern_type text default 'literal') returns bigint language plpgsql security definer
    set search_path = pg_catalog, pg_temp as $$
  declare
    acl kafka.acls := kafka.acl_of(role, operation, resource, resource_type, pattern_type, 'ALLOW');
    gone bigint;
  begin
    delete from kafka.acls a
      where (a.resource_type, a.resource_name, a.pattern_type, a.principal, a.operation)
        = (acl.resource_type, acl.resource_name, acl.pattern_type, acl.principal, acl.operation);
    get diagnostics gone = row_count;
    return gone;
  end $$;
comment on function kafka.revoke(text, text, text, text, text) is 'Undoes kafka.allow and kafka.deny; how many rows of kafka.acls that were';

-- Nobody but the owner sees or calls what is here, until a grant says so.
revoke execute on function kafka.may(name, text, text, text), kafka.all_there(bigint, bigint),
  kafka.header_bytes(kafka.header[]), kafka.acls_say(name, text, text, text),
  kafka.acl_of(text, text, text, text, text, text), kafka.check_role(text),
  kafka.allow(text, text, text, text, text), kafka.deny(text, text, text, text, text),
  kafka.revoke(text, text, text, text, text) from public;

create view kafka.outbox_lag as
  select count(*) filter (where o.group_id is null) as records,
    kafka.time_of(min(o.timestamp) filter (where o.group_id is null)) as since,
    coalesce(sum(coalesce(octet_length(o.key), 0) + coalesce(octet_length(o.value), 0)), 0)::bigint as bytes,
    (select count(*) from kafka.outbox_refused) as refused
  from kafka.outbox o;
comment on view kafka.outbox_lag is 'What kafka.produce has left for the broker to append';
comment on column kafka.outbox_lag.records is 'Records that wait';
comment on column kafka.outbox_lag.since is 'The time of the oldest of them; null: none waits';
comment on column kafka.outbox_lag.bytes is 'Bytes of their keys and values';
comment on column kafka.outbox_lag.refused is 'Records that cannot be appended any more: see kafka.outbox_refused';
