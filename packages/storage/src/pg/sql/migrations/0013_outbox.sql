-- What SQL sessions hand to the broker: records to append, and offsets that they committed. A row is visible exactly if
-- its transaction committed. The broker takes what became visible since its last snapshot, and deletes it by key in the
-- commit that appends it.

-- A header of a record; both fields as the record has them.
create type kafka.header as (key text, value bytea);

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
comment on column kafka.acls.resource_type is 'TOPIC, GROUP, …';
comment on column kafka.acls.resource_name is 'Its name, a prefix of it, or *';
comment on column kafka.acls.pattern_type is 'LITERAL or PREFIXED';
comment on column kafka.acls.principal is 'User:name, or Group:name for the members of a role of Postgres';
comment on column kafka.acls.host is 'The address from which it holds; * for any';
comment on column kafka.acls.operation is 'READ, WRITE, …, or ALL';
comment on column kafka.acls.permission_type is 'ALLOW or DENY, which goes before';

-- The role of a session, also inside a function that runs as its owner: what SET ROLE chose, else who logged in.
create function kafka.session_role() returns name language sql stable as $$
  select case current_setting('role') when 'none' then session_user else current_setting('role')::name end $$;
comment on function kafka.session_role() is 'The role whose rights count: that of SET ROLE, else the one that logged in';

-- The owner of the schema and superusers may do all. Else a row has to allow it, and none to deny it.
create function kafka.may(role name, op text, kind text, resource text) returns boolean language plpgsql stable as $$
  declare
    it record;
    allowed boolean;
  begin
    select r.oid, r.rolsuper or r.oid = n.nspowner as is_owner into it
      from pg_catalog.pg_roles r, pg_catalog.pg_namespace n where r.rolname = role and n.nspname = 'kafka';
    if it.is_owner then
      return true;
    end if;
    select bool_and(a.permission_type = 'ALLOW') into allowed from kafka.acls a
      where a.resource_type = kind
        and (a.resource_name in (resource, '*') and a.pattern_type = 'LITERAL'
          or a.pattern_type = 'PREFIXED' and starts_with(resource, a.resource_name))
        and (a.operation in (op, 'ALL'))
        and (a.principal in ('User:' || role, 'User:*') or a.principal like 'Group:%' and exists (
          select from pg_catalog.pg_roles g
            where g.rolname = substr(a.principal, 7) and pg_has_role(it.oid, g.oid, 'MEMBER')))
        and a.host in ('*', coalesce(host(inet_client_addr()), '127.0.0.1'));
    return coalesce(allowed, false);
  end $$;
comment on function kafka.may(name, text, text, text) is 'Whether a role may do an operation on a resource, by kafka.acls';

-- Nobody but the owner sees or calls what is here, until a grant says so.
revoke execute on function kafka.may(name, text, text, text) from public;

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
