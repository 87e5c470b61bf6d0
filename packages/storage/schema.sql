-- The schema of Tusk as its migrations make it (packages/storage/src/pg/sql/migrations), for reading; a broker installs it by itself.
-- Written by `npx vitest run --config vitest.workspace.ts packages/storage/test/pg/schema.test.ts -u`.

create schema kafka;

-- Types

create type kafka.header as (key text, value bytea);

create type kafka.read_record as (partition integer, "offset" bigint, "timestamp" timestamp with time zone, key bytea, value bytea, headers kafka.header[]);

-- Tables

create table kafka.aborted_transactions (
  partition_id integer not null,
  first_offset bigint not null,
  last_offset bigint not null,
  producer_id bigint not null,
  last_stable_offset bigint not null,
  constraint aborted_transactions_pkey PRIMARY KEY (partition_id, last_offset)
);

create table kafka.acls (
  resource_type text collate "C" not null,
  resource_name text collate "C" not null,
  pattern_type text collate "C" default 'LITERAL'::text not null,
  principal text collate "C" not null,
  host text collate "C" default '*'::text not null,
  operation text collate "C" not null,
  permission_type text collate "C" not null,
  constraint acls_pkey PRIMARY KEY (resource_type, resource_name, pattern_type, principal, host, operation, permission_type),
  constraint acls_operation_check CHECK ((operation = ANY (ARRAY['ALL'::text, 'READ'::text, 'WRITE'::text, 'CREATE'::text, 'DELETE'::text, 'ALTER'::text, 'DESCRIBE'::text, 'CLUSTER_ACTION'::text, 'DESCRIBE_CONFIGS'::text, 'ALTER_CONFIGS'::text, 'IDEMPOTENT_WRITE'::text, 'CREATE_TOKENS'::text, 'DESCRIBE_TOKENS'::text, 'TWO_PHASE_COMMIT'::text]))),
  constraint acls_pattern_type_check CHECK ((pattern_type = ANY (ARRAY['LITERAL'::text, 'PREFIXED'::text]))),
  constraint acls_permission_type_check CHECK ((permission_type = ANY (ARRAY['ALLOW'::text, 'DENY'::text]))),
  constraint acls_resource_type_check CHECK ((resource_type = ANY (ARRAY['TOPIC'::text, 'GROUP'::text, 'CLUSTER'::text, 'TRANSACTIONAL_ID'::text, 'DELEGATION_TOKEN'::text, 'USER'::text])))
);

create table kafka.batches (
  partition_id integer not null,
  leader_epoch integer not null,
  base_offset bigint not null,
  last_offset bigint not null,
  max_timestamp bigint not null,
  timestamp_high bigint not null,
  cumulative_bytes bigint not null,
  producer_id bigint not null,
  base_sequence integer not null,
  producer_epoch smallint not null,
  data bytea,
  object_id bigint,
  object_position bigint,
  object_bytes integer,
  constraint batches_pkey PRIMARY KEY (partition_id, base_offset)
) with (
  autovacuum_analyze_scale_factor=0,
  autovacuum_analyze_threshold=1000000,
  autovacuum_vacuum_cost_delay=1,
  autovacuum_vacuum_cost_limit=2000,
  autovacuum_vacuum_insert_scale_factor=0,
  autovacuum_vacuum_insert_threshold=500000,
  autovacuum_vacuum_scale_factor=0,
  autovacuum_vacuum_threshold=10000,
  vacuum_truncate=false,
  toast.autovacuum_vacuum_cost_delay=1,
  toast.autovacuum_vacuum_cost_limit=2000,
  toast.autovacuum_vacuum_insert_scale_factor=0,
  toast.autovacuum_vacuum_insert_threshold=5000000,
  toast.autovacuum_vacuum_scale_factor=0,
  toast.autovacuum_vacuum_threshold=50000,
  toast.vacuum_truncate=false
);

create table kafka.cluster (
  one boolean default true not null,
  cluster_id text not null,
  epoch integer default 0 not null,
  next_producer_id bigint default 0 not null,
  next_partition_id integer default 1 not null,
  created_at timestamp with time zone default now() not null,
  system_identifier text,
  timeline text,
  failover_epoch integer default 0 not null,
  constraint cluster_pkey PRIMARY KEY (one),
  constraint cluster_one_check CHECK (one)
);

create table kafka.commits (
  commit_id bigint not null,
  constraint commits_pkey PRIMARY KEY (commit_id)
) with (
  autovacuum_vacuum_cost_delay=0,
  autovacuum_vacuum_scale_factor=0,
  autovacuum_vacuum_threshold=5000
);

create table kafka.configs (
  resource_type integer not null,
  resource_name text collate "C" not null,
  name text collate "C" not null,
  value text collate "C" not null,
  constraint configs_pkey PRIMARY KEY (resource_type, resource_name, name)
);

create table kafka.delegation_tokens (
  token_id text collate "C" not null,
  hmac_hash bytea not null,
  owner text collate "C" not null,
  requester text collate "C" not null,
  renewers text collate "C" not null,
  issue_timestamp bigint not null,
  max_timestamp bigint not null,
  expiry_timestamp bigint not null,
  constraint delegation_tokens_pkey PRIMARY KEY (token_id),
  constraint delegation_tokens_renewers_check CHECK ((json_typeof((renewers)::json) = 'array'::text))
);

create table kafka.erasure_passes (
  pass_id bigint not null generated always as identity,
  topic_id text collate "C" not null,
  partition_ids integer[],
  waits_for text,
  constraint erasure_passes_topic_id_key UNIQUE (topic_id),
  constraint erasure_passes_pkey PRIMARY KEY (pass_id)
);

create table kafka.erasure_progress (
  pass_id bigint not null,
  partition_id integer not null,
  next_offset bigint not null,
  end_offset bigint not null,
  records bigint[] not null,
  bytes bigint not null,
  constraint erasure_progress_pkey PRIMARY KEY (pass_id, partition_id, next_offset)
);

create table kafka.erasure_requests (
  erasure_id bigint not null generated always as identity,
  topic text collate "C" not null,
  topic_id text collate "C" not null,
  partition_ids integer[] not null,
  key bytea,
  key_sha256 bytea,
  vacuum boolean not null,
  requested_by name not null,
  requested_at timestamp with time zone default clock_timestamp() not null,
  pass_id bigint,
  place integer,
  began_at timestamp with time zone,
  records bigint,
  erased_at timestamp with time zone,
  vacuumed_at timestamp with time zone,
  done_at timestamp with time zone,
  wal_position pg_lsn,
  constraint erasure_requests_pkey PRIMARY KEY (erasure_id),
  constraint erasure_requests_check CHECK (((key IS NULL) = (erased_at IS NOT NULL)))
);

create table kafka.group_members (
  group_id text collate "C" not null,
  member_id text collate "C" not null,
  value text collate "C" not null,
  constraint group_members_pkey PRIMARY KEY (group_id, member_id)
) with (
  autovacuum_vacuum_cost_delay=0,
  autovacuum_vacuum_scale_factor=0.05,
  autovacuum_vacuum_threshold=1000,
  fillfactor=50
);

create table kafka.groups (
  group_id text collate "C" not null,
  kind text collate "C" not null,
  value text collate "C" not null,
  constraint groups_pkey PRIMARY KEY (group_id)
) with (
  autovacuum_vacuum_scale_factor=0.05,
  autovacuum_vacuum_threshold=1000,
  fillfactor=50
);

create table kafka.leader_epochs (
  partition_id integer not null,
  epoch integer not null,
  start_offset bigint not null,
  constraint leader_epochs_pkey PRIMARY KEY (partition_id, epoch)
);

create table kafka.materialised_positions (
  follower_id integer not null,
  partition_id integer not null,
  next_offset bigint not null,
  constraint materialised_positions_pkey PRIMARY KEY (follower_id, partition_id, next_offset)
) with (
  autovacuum_vacuum_scale_factor=0.2,
  autovacuum_vacuum_threshold=20000
);

create table kafka.materialised_tables (
  follower_id integer not null generated always as identity,
  target regclass not null,
  table_name text not null,
  topic text collate "C" not null,
  topic_id text collate "C",
  role name not null,
  on_error text not null,
  key_column json not null,
  columns json not null,
  created_at timestamp with time zone default now() not null,
  constraint materialised_tables_target_key UNIQUE (target),
  constraint materialised_tables_pkey PRIMARY KEY (follower_id),
  constraint materialised_tables_on_error_check CHECK ((on_error = ANY (ARRAY['stop'::text, 'skip'::text])))
);

create table kafka.materialised_troubles (
  follower_id integer not null,
  partition_id integer not null,
  stands_since timestamp with time zone,
  error text,
  error_offset bigint,
  skipped bigint default 0 not null,
  skipped_offset bigint,
  skipped_error text,
  skipped_at timestamp with time zone,
  constraint materialised_troubles_pkey PRIMARY KEY (follower_id, partition_id)
);

create table kafka.migrations (
  migration_id integer not null,
  created_at timestamp with time zone default now() not null,
  name text not null,
  constraint migrations_pkey PRIMARY KEY (migration_id)
);

create table kafka.objects (
  object_id bigint not null,
  name text collate "C" not null,
  bytes bigint not null,
  created_at bigint not null,
  unused_since bigint,
  merged boolean default false not null,
  erased boolean default false not null,
  constraint objects_name_key UNIQUE (name),
  constraint objects_pkey PRIMARY KEY (object_id)
);

create table kafka.offsets (
  group_id text collate "C" not null,
  partition_id integer not null,
  committed_offset bigint not null,
  leader_epoch integer not null,
  commit_timestamp bigint not null,
  expire_timestamp bigint not null,
  metadata text collate "C",
  commit_id bigint not null,
  constraint offsets_pkey PRIMARY KEY (commit_id)
) with (
  autovacuum_analyze_scale_factor=0.5,
  autovacuum_analyze_threshold=10000,
  autovacuum_vacuum_cost_delay=0,
  autovacuum_vacuum_scale_factor=0.2,
  autovacuum_vacuum_threshold=20000,
  fillfactor=100
);

create table kafka.open_transactions (
  partition_id integer not null,
  first_offset bigint not null,
  producer_id bigint not null,
  constraint open_transactions_pkey PRIMARY KEY (partition_id, first_offset)
) with (
  autovacuum_vacuum_scale_factor=0.2,
  autovacuum_vacuum_threshold=20000
);

create table kafka.outbox (
  xid xid8 default pg_current_xact_id() not null,
  id bigint not null generated always as identity,
  partition_id integer not null,
  "timestamp" bigint default ((EXTRACT(epoch FROM clock_timestamp()) * (1000)::numeric))::bigint not null,
  key bytea,
  value bytea,
  headers kafka.header[],
  group_id text collate "C",
  committed_offset bigint,
  claim bigint,
  constraint outbox_pkey PRIMARY KEY (xid, id)
) with (
  autovacuum_analyze_scale_factor=0,
  autovacuum_analyze_threshold=1000000,
  autovacuum_vacuum_cost_delay=0,
  autovacuum_vacuum_scale_factor=0,
  autovacuum_vacuum_threshold=5000,
  vacuum_truncate=false
);

create table kafka.outbox_keys (
  topic text collate "C" not null,
  key text collate "C" not null,
  expires_at timestamp with time zone not null,
  constraint outbox_keys_pkey PRIMARY KEY (topic, key)
) with (
  autovacuum_vacuum_cost_delay=0,
  autovacuum_vacuum_scale_factor=0,
  autovacuum_vacuum_threshold=5000
);

create table kafka.outbox_refused (
  refused_id bigint not null generated always as identity,
  id bigint not null,
  refused_at timestamp with time zone default now() not null,
  reason text not null,
  partition_id integer not null,
  "timestamp" bigint not null,
  key bytea,
  value bytea,
  headers kafka.header[],
  constraint outbox_refused_pkey PRIMARY KEY (refused_id)
);

create table kafka.partitions (
  partition_id integer not null,
  topic_id text collate "C",
  partition_index integer not null,
  log_start_offset bigint default 0 not null,
  end_offset_floor bigint default 0 not null,
  timestamp_high_floor bigint default '-1'::integer not null,
  cumulative_bytes_floor bigint default 0 not null,
  cleaned_offset bigint,
  cleaned_bytes bigint,
  delete_horizon bigint,
  failover_epoch integer default 0 not null,
  local_start_offset bigint default 0 not null,
  constraint partitions_topic_id_partition_index_key UNIQUE (topic_id, partition_index),
  constraint partitions_pkey PRIMARY KEY (partition_id)
);

create table kafka.producer_snapshots (
  partition_id integer not null,
  end_offset bigint not null,
  value bytea not null,
  constraint producer_snapshots_pkey PRIMARY KEY (partition_id)
) with (
  fillfactor=50
);

create table kafka.published (
  publication_id integer not null generated always as identity,
  relation oid not null,
  table_name text not null,
  home oid default 'kafka.published'::regclass not null,
  topic text collate "C" not null,
  key_numbers smallint[] not null,
  key_names name[] not null,
  format text not null,
  schemas boolean not null,
  on_error text not null,
  role name not null,
  since timestamp with time zone default now() not null,
  columns text[] default '{}'::text[] not null,
  snapshot text not null,
  mark bigint,
  open_then bigint[] default '{}'::bigint[] not null,
  position_names name[],
  "position" text[],
  rows_read bigint default 0 not null,
  error text,
  error_since timestamp with time zone,
  constraint published_relation_topic_key UNIQUE (relation, topic),
  constraint published_pkey PRIMARY KEY (publication_id),
  constraint published_format_check CHECK ((format = ANY (ARRAY['json'::text, 'debezium'::text]))),
  constraint published_on_error_check CHECK ((on_error = ANY (ARRAY['fail'::text, 'set aside'::text]))),
  constraint published_snapshot_check CHECK ((snapshot = ANY (ARRAY['begun'::text, 'none'::text, 'asked'::text, 'running'::text, 'done'::text])))
);

create table kafka.quotas (
  user_name text collate "C" default ''::text not null,
  client_id text collate "C" default ''::text not null,
  ip text collate "C" default ''::text not null,
  quota_key text collate "C" not null,
  value double precision not null,
  constraint quotas_pkey PRIMARY KEY (user_name, client_id, ip, quota_key),
  constraint quotas_check CHECK (((user_name <> ''::text) OR (client_id <> ''::text) OR (ip <> ''::text))),
  constraint quotas_check1 CHECK (((ip = ''::text) OR ((user_name = ''::text) AND (client_id = ''::text)))),
  constraint quotas_quota_key_check CHECK ((quota_key = ANY (ARRAY['producer_byte_rate'::text, 'consumer_byte_rate'::text, 'request_percentage'::text, 'controller_mutation_rate'::text, 'connection_creation_rate'::text]))),
  constraint quotas_value_check CHECK (((value > (0)::double precision) AND (value < 'Infinity'::double precision)))
);

create table kafka.scram_users (
  user_name text collate "C" not null,
  mechanism text collate "C" not null,
  iterations integer not null,
  salt bytea not null,
  stored_key bytea not null,
  server_key bytea not null,
  constraint scram_users_pkey PRIMARY KEY (user_name, mechanism),
  constraint scram_users_iterations_check CHECK ((iterations > 0)),
  constraint scram_users_mechanism_check CHECK ((mechanism = ANY (ARRAY['SCRAM-SHA-256'::text, 'SCRAM-SHA-512'::text])))
);

create table kafka.security_changes (
  xid xid8 default pg_current_xact_id() not null,
  constraint security_changes_pkey PRIMARY KEY (xid)
);

create table kafka.shadow_offsets (
  cluster_id text not null,
  topic text not null,
  partition_index integer not null,
  target_offset bigint not null,
  source_offset bigint not null,
  constraint shadow_offsets_pkey PRIMARY KEY (cluster_id, topic, partition_index, target_offset, source_offset)
);

create table kafka.shadow_partitions (
  cluster_id text not null,
  topic text not null,
  partition_index integer not null,
  source_topic_id text not null,
  target_topic_id text not null,
  difference bigint not null,
  fills boolean not null,
  target_start bigint not null,
  target_end bigint not null,
  source_next bigint not null,
  source_end bigint not null,
  moved_at timestamp with time zone default now() not null,
  stopped_at timestamp with time zone,
  stopped_why text,
  constraint shadow_partitions_pkey PRIMARY KEY (cluster_id, topic, partition_index)
) with (
  autovacuum_vacuum_scale_factor=0.05,
  fillfactor=70
);

create table kafka.shadow_targets (
  cluster_id text not null,
  producer_id bigint not null,
  producer_epoch integer not null,
  constraint shadow_targets_pkey PRIMARY KEY (cluster_id)
);

create table kafka.sql_offsets (
  group_id text collate "C" not null,
  partition_id integer not null,
  revision bigint not null generated always as identity,
  claim bigint not null,
  committed_offset bigint,
  claimed_at timestamp with time zone not null,
  committed_at timestamp with time zone,
  role name not null,
  constraint sql_offsets_pkey PRIMARY KEY (group_id, partition_id, revision)
) with (
  autovacuum_analyze_scale_factor=0,
  autovacuum_analyze_threshold=1000000,
  autovacuum_vacuum_cost_delay=0,
  autovacuum_vacuum_scale_factor=0,
  autovacuum_vacuum_threshold=5000
);

create table kafka.sql_settings (
  one boolean default true not null,
  dedup_window interval default '24:00:00'::interval not null,
  max_message_bytes integer default 1048588 not null,
  cleanup_policy text default 'delete'::text not null,
  constraint sql_settings_pkey PRIMARY KEY (one),
  constraint sql_settings_one_check CHECK (one)
);

create table kafka.sql_topics (
  topic text collate "C" not null,
  partition_ids integer[] not null,
  max_message_bytes bigint not null,
  is_compacted boolean not null,
  constraint sql_topics_pkey PRIMARY KEY (topic)
) with (
  fillfactor=50
);

create table kafka.topics (
  topic_id text collate "C" not null,
  name text collate "C" not null,
  created_at timestamp with time zone default now() not null,
  constraint topics_name_key UNIQUE (name),
  constraint topics_pkey PRIMARY KEY (topic_id)
);

create table kafka.transactional_ids (
  revision bigint not null,
  transactional_id text not null,
  value text not null,
  constraint transactional_ids_pkey PRIMARY KEY (revision)
) with (
  autovacuum_vacuum_scale_factor=0.2,
  autovacuum_vacuum_threshold=20000
);

create table kafka.unpacked (
  partition_id integer not null,
  "offset" bigint not null,
  "timestamp" timestamp with time zone not null,
  key bytea,
  value bytea,
  headers kafka.header[],
  constraint unpacked_pkey PRIMARY KEY (partition_id, "offset")
) with (
  autovacuum_vacuum_scale_factor=0.05,
  autovacuum_vacuum_threshold=20000
);

create table kafka.unpacked_positions (
  partition_id integer not null,
  next_offset bigint not null,
  cleaned_offset bigint,
  delete_horizon bigint,
  constraint unpacked_positions_pkey PRIMARY KEY (partition_id, next_offset)
) with (
  autovacuum_vacuum_scale_factor=0.2,
  autovacuum_vacuum_threshold=20000
);

-- Storage

alter table kafka.batches alter column data set storage external;

alter table kafka.outbox alter column key set storage external;

alter table kafka.outbox alter column value set storage external;

-- Indexes

CREATE INDEX batches_object_id ON kafka.batches USING btree (object_id) WHERE (object_id IS NOT NULL);

CREATE INDEX erasure_requests_last ON kafka.erasure_requests USING btree (erasure_id) WHERE (done_at IS NULL);

CREATE INDEX erasure_requests_open ON kafka.erasure_requests USING btree (topic_id, erasure_id) WHERE (erased_at IS NULL);

CREATE INDEX objects_mergeable ON kafka.objects USING btree (object_id) WHERE (((NOT merged) OR erased) AND (unused_since IS NULL));

CREATE INDEX objects_unused_since ON kafka.objects USING btree (unused_since, object_id) WHERE (unused_since IS NOT NULL);

CREATE INDEX offsets_partition_id ON kafka.offsets USING btree (partition_id);

CREATE INDEX outbox_keys_expire ON kafka.outbox_keys USING btree (expires_at);

CREATE INDEX outbox_offsets ON kafka.outbox USING btree (group_id, partition_id, id) WHERE (group_id IS NOT NULL);

CREATE INDEX unpacked_timestamp ON kafka.unpacked USING btree (partition_id, "timestamp");

-- Functions

CREATE OR REPLACE FUNCTION kafka.acl_of(role text, operation text, resource text, resource_type text, pattern_type text, permission_type text)
 RETURNS kafka.acls
 LANGUAGE plpgsql
 STABLE
AS $function$
  declare
    operations constant text[] := '{ALL,READ,WRITE,CREATE,DELETE,ALTER,DESCRIBE,CLUSTER_ACTION,DESCRIBE_CONFIGS,ALTER_CONFIGS,IDEMPOTENT_WRITE,CREATE_TOKENS,DESCRIBE_TOKENS,TWO_PHASE_COMMIT}';
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
  end $function$;

CREATE OR REPLACE FUNCTION kafka.add_materialised(of_follower integer, of_partition integer, from_offset bigint, to_offset bigint, batches bytea[])
 RETURNS TABLE(reached bigint, refusal text)
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
  declare
    it kafka.materialised_tables;
    index integer := (select p.partition_index from kafka.partitions p where p.partition_id = of_partition);
    records kafka.read_record[];
    number integer;
    at integer := 1;
    size integer;
    left_out bigint := 0;
    last_left_out bigint;
    why text;
    write text := format('select kafka.materialised_%s_write($1)', of_follower);
  begin
    -- As long as this lasts nobody takes the row away, and finds no position that is not there yet.
    select * into it from kafka.materialised_tables m where m.follower_id = of_follower for key share;
    delete from kafka.materialised_positions p
      where p.follower_id = it.follower_id and p.partition_id = of_partition and p.next_offset = from_offset;
    if not found then
      return;
    end if;
    reached := to_offset;
    records := array(select row(index, u.*)::kafka.read_record from unnest(batches) b, kafka.unpack_whole(b, from_offset) u);
    number := cardinality(records);
    size := number;
    if number > 0 then
      perform kafka.check_materialised(it);
    end if;
    while at <= number loop
      begin
        execute write using case when size = number then records else records[at : at + size - 1] end;
        at := at + size;
        size := least(size * 2, number);
      exception when data_exception or integrity_constraint_violation or cardinality_violation or program_limit_exceeded
          or plpgsql_error then
        why := left(sqlerrm, 1000);
        if size > 1 then
          size := greatest(least(size, number - at + 1) / 4, 1);
        elsif it.on_error = 'skip' then
          left_out := left_out + 1;
          last_left_out := records[at]."offset";
          at := at + 1;
        else
          reached := records[at]."offset";
          refusal := why;
          exit;
        end if;
      end;
    end loop;
    insert into kafka.materialised_positions (follower_id, partition_id, next_offset) values (of_follower, of_partition, reached);
    if refusal is not null then
      perform kafka.note_materialised(of_follower, of_partition, refusal);
    else
      update kafka.materialised_troubles t set stands_since = null, error = null, error_offset = null
        where t.follower_id = of_follower and t.partition_id = of_partition and t.stands_since is not null;
    end if;
    if left_out > 0 then
      insert into kafka.materialised_troubles as t (follower_id, partition_id, skipped, skipped_offset, skipped_error, skipped_at)
        values (of_follower, of_partition, left_out, last_left_out, why, now())
        on conflict (follower_id, partition_id) do update set skipped = t.skipped + excluded.skipped,
          skipped_offset = excluded.skipped_offset, skipped_error = excluded.skipped_error, skipped_at = excluded.skipped_at;
    end if;
    return next;
  end $function$;

CREATE OR REPLACE FUNCTION kafka.all_there(there bigint, wanted bigint)
 RETURNS boolean
 LANGUAGE plpgsql
 IMMUTABLE
AS $function$
  begin
    if there <> wanted then
      raise exception 'of % rows of kafka.outbox only % are there', wanted, there using errcode = 'P0002';
    end if;
    return true;
  end $function$;

CREATE OR REPLACE FUNCTION kafka.allow(role text, operation text, resource text, resource_type text DEFAULT 'topic'::text, pattern_type text DEFAULT 'literal'::text)
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
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
  end $function$;

CREATE OR REPLACE FUNCTION kafka.as_json(bytes bytea)
 RETURNS jsonb
 LANGUAGE plpgsql
 IMMUTABLE STRICT
AS $function$
  begin
    return convert_from(bytes, 'UTF8')::jsonb;
  exception when others then
    return null;
  end $function$;

CREATE OR REPLACE FUNCTION kafka.as_text(bytes bytea)
 RETURNS text
 LANGUAGE plpgsql
 IMMUTABLE STRICT
AS $function$
  begin
    return convert_from(bytes, 'UTF8');
  exception when others then
    return null;
  end $function$;

CREATE OR REPLACE FUNCTION kafka.await(topic text, partition integer, "offset" bigint, timeout interval DEFAULT '00:00:10'::interval)
 RETURNS boolean
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
  begin
    if not exists (select from kafka.topics t where t.name = await.topic)
      and (select (kafka.materialised_named(await.topic)).follower_id) is not null then
      return kafka.await_table(topic, partition, "offset", timeout);
    end if;
    return kafka.await_position(null, (select p.partition_id from kafka.readable_partitions(topic, partition) p limit 1),
      "offset", timeout);
  end $function$;

CREATE OR REPLACE FUNCTION kafka.await_position(of_follower integer, of_partition integer, of_offset bigint, timeout interval)
 RETURNS boolean
 LANGUAGE plpgsql
AS $function$
  declare
    until timestamptz := clock_timestamp() + timeout;
    pause double precision := 0.002;
  begin
    if current_setting('transaction_isolation') not in ('read committed', 'read uncommitted') then
      raise 'kafka.await sees nothing new in a transaction that is %', current_setting('transaction_isolation')
        using errcode = '25001', hint = 'Call it in a transaction that is read committed.';
    end if;
    loop
      if (case when of_follower is null
          then exists (select from kafka.unpacked_positions p where p.partition_id = of_partition and p.next_offset > of_offset)
          else exists (select from kafka.materialised_positions p
            where p.follower_id = of_follower and p.partition_id = of_partition and p.next_offset > of_offset) end) then
        return true;
      end if;
      if clock_timestamp() >= until then
        return false;
      end if;
      perform pg_sleep(least(pause, extract(epoch from until - clock_timestamp())::double precision));
      pause := least(pause * 1.5, 0.05);
    end loop;
  end $function$;

CREATE OR REPLACE FUNCTION kafka.await_table("table" text, partition integer, "offset" bigint, timeout interval DEFAULT '00:00:10'::interval)
 RETURNS boolean
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
  declare
    it kafka.materialised_tables := kafka.materialised_named("table");
    id integer;
  begin
    if it.follower_id is null or not (kafka.may_read(it.topic)
        or coalesce(has_table_privilege(kafka.session_role(), it.target, 'select'), false)) then
      raise 'there is no materialised table "%" that this session may read', "table" using errcode = '42704',
        hint = 'kafka.materialised shows those that there are.';
    end if;
    select p.partition_id into id from kafka.topics t join kafka.partitions p on p.topic_id = t.topic_id
      where t.name = it.topic and p.partition_index = await_table.partition;
    if id is null then
      raise 'topic "%" has no partition %', it.topic, partition using errcode = '22003',
        hint = 'kafka.partition_overview shows those that there are.';
    end if;
    return kafka.await_position(it.follower_id, id, "offset", timeout);
  end $function$;

CREATE OR REPLACE FUNCTION kafka.base_type(INOUT typ oid, INOUT typmod integer)
 RETURNS record
 LANGUAGE plpgsql
 STABLE
AS $function$
  declare
    it record;
  begin
    loop
      select t.typtype, t.typbasetype, t.typtypmod into it from pg_type t where t.oid = typ;
      exit when it.typtype is distinct from 'd';
      typ := it.typbasetype;
      typmod := it.typtypmod;
    end loop;
  end $function$;

CREATE OR REPLACE FUNCTION kafka.batches_in(id bigint)
 RETURNS TABLE(partition_id integer, bytes bigint, batches bigint)
 LANGUAGE plpgsql
 STABLE COST 50 ROWS 10
AS $function$
  begin
    return query select b.partition_id, sum(b.object_bytes)::bigint, count(*) from kafka.batches b
      where b.object_id = id group by b.partition_id;
  end $function$;

CREATE OR REPLACE FUNCTION kafka.begin_erasure(pass bigint, ids integer[], ends bigint[])
 RETURNS void
 LANGUAGE plpgsql
AS $function$
  declare
    keys bytea[] := array(
      select r.key from kafka.erasure_requests r where r.pass_id = pass and r.erased_at is null order by r.place);
  begin
    update kafka.erasure_passes p set partition_ids = ids, waits_for = null
      where p.pass_id = pass and p.partition_ids is null;
    if not found then
      return;
    end if;
    insert into kafka.erasure_progress (pass_id, partition_id, next_offset, end_offset, records, bytes)
      select pass, e.id, 0, e.ends_at, array_fill(0::bigint, array[cardinality(keys)]), 0
      from unnest(ids, ends) e (id, ends_at);
    update kafka.erasure_requests r set began_at = clock_timestamp() where r.pass_id = pass and r.erased_at is null;
    delete from kafka.outbox_refused o where o.partition_id = any (ids) and o.key = any (keys);
    delete from kafka.outbox_keys k using kafka.erasure_requests r
      where r.pass_id = pass and k.topic = r.topic and convert_to(k.key, 'UTF8') = any (keys);
  end $function$;

CREATE OR REPLACE FUNCTION kafka.begin_publication(rel oid, of_topic text, key text[], of_format text, with_schemas boolean, with_snapshot boolean, on_refusal text)
 RETURNS integer
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET row_security TO 'off'
AS $function$
  declare
    role name := kafka.session_role();
    p kafka.published;
    pk name[] := (select array_agg(k.name order by k.place) from kafka.primary_key(rel) k);
    missing text;
  begin
    if of_topic is null or not kafka.may(role, 'WRITE', 'TOPIC', of_topic) then
      perform kafka.refuse_right(role, 'WRITE', 'TOPIC', of_topic);
    end if;
    perform kafka.check_table(role, rel);
    if not exists (select from kafka.sql_topics t where t.topic = of_topic) then
      raise exception 'there is no topic "%"', of_topic using errcode = '42704', hint = 'Make it first, with any client or tool of Kafka.';
    elsif of_format not in ('json', 'debezium') or on_refusal not in ('fail', 'set aside') or num_nulls(of_format, on_refusal, with_schemas, with_snapshot) > 0 then
      raise exception 'no way to publish: format %, on_error %', of_format, on_refusal using errcode = '22023',
        hint = 'format is ''json'' or ''debezium'', on_error ''fail'' or ''set aside''.';
    elsif (select count(*) from kafka.published f) >= 1000 then
      raise exception 'there is no room for more than 1,000 publications' using errcode = '54000', hint = 'kafka.unpublish_table ends one.';
    elsif exists (select from kafka.published f where f.relation = rel and f.home = 'kafka.published'::regclass and f.topic = of_topic) then
      raise exception 'table % is published as topic "%" already', rel::regclass, of_topic using errcode = '42710',
        hint = format('To publish it otherwise: select kafka.unpublish_table(%L, %L).', rel::regclass, of_topic);
    end if;
    p.key_names := coalesce(nullif(key, '{}'), pk);
    if coalesce(cardinality(p.key_names), 0) = 0 then
      raise exception 'table % has no primary key', rel::regclass using errcode = '42P16', hint = 'Say by which columns its records are known: key => ''a, b''.';
    elsif with_snapshot and pk is null then
      raise exception 'table % has no primary key to read its rows by', rel::regclass using errcode = '42P16',
        hint = 'Add one, or have no rows read: snapshot => false.';
    end if;
    missing := (select k.name from unnest(p.key_names) k (name) where not exists (
      select from kafka.columns_to_publish(rel) c where c.name = k.name) limit 1);
    if missing is not null then
      raise exception 'table % has no column "%" that a record could tell', rel::regclass, missing using errcode = '42703';
    end if;
    p.relation := rel;
    p.table_name := rel::regclass;
    if with_snapshot then
      perform kafka.check_reading(p, true);
    end if;
    insert into kafka.published (relation, table_name, topic, key_numbers, key_names, format, schemas, on_error, role, snapshot, position_names)
      values (rel, rel::regclass, of_topic,
        array(select a.attnum from unnest(p.key_names) with ordinality k (name, place)
          join pg_attribute a on a.attrelid = rel and a.attname = k.name order by k.place),
        p.key_names, of_format, with_schemas, on_refusal, role, 'begun', case when with_snapshot then pk end)
      returning * into p;
    perform kafka.make_publisher(p);
    return p.publication_id;
  end $function$;

CREATE OR REPLACE FUNCTION kafka.bind_materialised(of_follower integer, of_table regclass, key_column json, columns json)
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
  declare
    key_name text := key_column ->> 'name';
    -- In the column's collation: another one finds nothing in its index.
    key_made text := kafka.materialised_expression(key_column, kafka.materialised_type(of_table, key_column)) || coalesce((
      select format(' collate %I.%I', n.nspname, o.collname) from pg_attribute a join pg_collation o on o.oid = a.attcollation
        join pg_namespace n on n.oid = o.collnamespace where a.attrelid = of_table and a.attname = key_name), '');
    names text;
    makes text;
    sets text;
  begin
    select string_agg(format(', %I', c ->> 'name'), '' order by n),
      string_agg(', ' || kafka.materialised_expression(c, kafka.materialised_type(of_table, c)), '' order by n),
      string_agg(format('%1$I = excluded.%1$I', c ->> 'name'), ', ' order by n)
      into names, makes, sets from json_array_elements(columns) with ordinality e (c, n);
    execute format($make$
      create function kafka.materialised_%1$s_write(records kafka.read_record[]) returns void language sql
        set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off set jit = off
      begin atomic
        with given as materialized (select %3$s as made_key, l.* from unnest(records) l),
          newest as materialized (select distinct on (g.made_key) g.* from given g order by g.made_key, g."offset" desc),
          gone as (delete from only %2$s x using newest l where l.value is null and x.%4$I = l.made_key)
        insert into %2$s as x (%4$I%5$s)
          select l.made_key%6$s from newest l cross join lateral (select convert_from(l.value, 'UTF8')::jsonb as doc offset 0) d
          where l.value is not null
          on conflict (%4$I) do %7$s;
      end$make$, of_follower, of_table, key_made, key_name, names, makes,
      case when sets is null then 'nothing' else 'update set ' || sets end);
    execute format($make$
      create function kafka.materialised_%1$s_erase(records kafka.read_record[]) returns void language sql
        set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off set jit = off
      begin atomic
        delete from only %2$s x using unnest(records) l where x.%4$I = %3$s;
      end$make$, of_follower, of_table, key_made, key_name);
    execute format($make$
      create function kafka.materialised_%1$s_clear(most bigint) returns bigint language sql
      begin atomic
        with gone as (delete from only %2$s x where x.%3$I in (select y.%3$I from only %2$s y limit most) returning 1)
          select count(*) from gone;
      end$make$, of_follower, of_table, key_name);
    execute format('revoke execute on function kafka.materialised_%1$s_write(kafka.read_record[]),
      kafka.materialised_%1$s_erase(kafka.read_record[]), kafka.materialised_%1$s_clear(bigint) from public', of_follower);
    -- A table that was renamed at this moment might be another.
    if exists (select from pg_depend d join pg_proc p on p.oid = d.objid
        where d.classid = 'pg_proc'::regclass and p.pronamespace = 'kafka'::regnamespace
          and p.proname in (format('materialised_%s_write', of_follower), format('materialised_%s_erase', of_follower),
            format('materialised_%s_clear', of_follower))
          and d.refclassid = 'pg_class'::regclass and d.refobjid <> of_table
          and exists (select from pg_class c where c.oid = d.refobjid and c.relkind <> 'c')) then
      raise 'the table % was renamed at this moment', of_table using errcode = '40001';
    end if;
  end $function$;

CREATE OR REPLACE FUNCTION kafka.bytes_of(texts text[])
 RETURNS bytea[]
 LANGUAGE plpgsql
 IMMUTABLE PARALLEL SAFE STRICT
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
  begin
    return array(select convert_to(t.text, 'UTF8') from unnest(texts) with ordinality t (text, number) order by t.number);
  end $function$;

CREATE OR REPLACE FUNCTION kafka.check_materialised(of_table kafka.materialised_tables)
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
  declare
    owner oid := (select c.relowner from pg_class c where c.oid = of_table.target);
    code text;
  begin
    if owner is null then
      raise 'the table % is not there any more', of_table.table_name using errcode = '42P01',
        hint = format('select kafka.dematerialise(%L)', of_table.table_name);
    elsif not kafka.may(of_table.role, 'READ', 'TOPIC', of_table.topic) then
      perform kafka.refuse_right(of_table.role, 'READ', 'TOPIC', of_table.topic);
    elsif exists (select from kafka.published p where p.relation = of_table.target and p.topic = of_table.topic) then
      raise 'the table % is published to the topic that it follows, and would feed itself', of_table.target using errcode = '55000',
        hint = format('select kafka.unpublish_table(%L), or kafka.dematerialise', of_table.table_name);
    elsif pg_has_role(owner, current_user, 'USAGE') and pg_has_role(owner, session_user, 'USAGE') then
      return;
    end if;
    execute format('lock table only %s in row exclusive mode', of_table.target);
    if not exists (select from pg_locks l where l.pid = pg_backend_pid() and l.relation = of_table.target
        and l.database = (select d.oid from pg_database d where d.datname = current_database())
        and l.mode = 'RowExclusiveLock' and l.granted) then
      raise 'the table % was renamed at this moment', of_table.target using errcode = '40001';
    end if;
    code := kafka.code_of(of_table.target);
    if code is not null then
      raise 'the table % %, and its owner % has not the broker''s rights', of_table.target, code, owner::regrole
        using errcode = '42501', detail = 'It would run with them.',
        hint = format('Take it away, or let a role own the table that has the rights of %I and %I.', current_user, session_user);
    end if;
  end $function$;

CREATE OR REPLACE FUNCTION kafka.check_reading(p kafka.published, changes boolean)
 RETURNS void
 LANGUAGE plpgsql
AS $function$
  begin
    if not has_table_privilege(current_user, p.relation, 'select')
      or changes and not has_table_privilege(current_user, p.relation, 'update') then
      raise exception 'role % may not read table %', current_user, p.table_name using errcode = '42501',
        detail = case when changes then 'Rows that it reads it locks for share, for a moment: that needs the right to update, too.'
          else 'A tombstone is told of each row.' end,
        hint = format('grant select%s on %s to %I; or have no rows read: snapshot => false.',
          case when changes then ', update' else '' end, p.table_name, current_user);
    elsif row_security_active(p.relation) then
      raise exception 'row level security hides rows of table % from role %', p.table_name, current_user using errcode = '42501',
        hint = 'Have no rows read (snapshot => false), or give that role bypassrls.';
    elsif not kafka.trusts_owner(p.relation) and exists (
      select from (select p.relation as relid union select t.relid from pg_partition_tree(p.relation) t) t
        join (select i.indrelid as rel, 'pg_class'::regclass as class, i.indexrelid as id from pg_index i
            where i.indexprs is not null or i.indpred is not null
          union all select s.stxrelid, 'pg_statistic_ext'::regclass, s.oid from pg_statistic_ext s
          union all select k.partrelid, 'pg_class'::regclass, k.partrelid from pg_partitioned_table k) e on e.rel = t.relid
        join pg_depend d on d.classid = e.class and d.objid = e.id
        left join pg_operator o on d.refclassid = 'pg_operator'::regclass and o.oid = d.refobjid
        left join pg_proc f on f.oid = case d.refclassid when 'pg_proc'::regclass then d.refobjid else o.oprcode end
        left join pg_language l on l.oid = f.prolang
      where l.lanname not in ('internal', 'c')
        or d.refclassid = 'pg_type'::regclass and exists (select from pg_type y where y.oid = d.refobjid and y.typtype = 'd')) then
      raise exception 'an index, statistics or the partitioning of table % run functions that are not Postgres'' own', p.table_name
        using errcode = '42501', detail = format('To read the table would run them with the rights of role %s.', current_user),
        hint = 'Have no rows read (snapshot => false), or let the table belong to the role that owns the schema.';
    end if;
  end $function$;

CREATE OR REPLACE FUNCTION kafka.check_role(role text)
 RETURNS void
 LANGUAGE plpgsql
 STABLE
AS $function$
  begin
    if role not like 'User:%' and not exists (
      select from pg_roles r where r.rolname = regexp_replace(role, '^Group:', '')) then
      raise exception 'there is no role "%"', regexp_replace(role, '^Group:', '') using errcode = '42704',
        hint = format('Make it first, or write %L for a name that only clients of Kafka have.',
          'User:' || regexp_replace(role, '^Group:', ''));
    end if;
  end $function$;

CREATE OR REPLACE FUNCTION kafka.check_table(role name, rel oid)
 RETURNS void
 LANGUAGE plpgsql
 STABLE
AS $function$
  declare
    it record;
    why text;
  begin
    select c.*, n.nspname into it from pg_class c join pg_namespace n on n.oid = c.relnamespace where c.oid = rel;
    if it.oid is null then
      raise exception 'there is no table' using errcode = '42P01';
    elsif not pg_has_role(to_regrole(quote_ident(role))::oid, it.relowner, 'usage') then
      raise exception 'must be owner of table %', rel::regclass using errcode = '42501',
        detail = format('Role %I has not the privileges of its owner, %s.', role, it.relowner::regrole),
        hint = 'Let its owner publish it.';
    end if;
    why := case
      when it.relkind not in ('r', 'p') then 'it is no table'
      when it.relpersistence = 't' then 'it is temporary'
      when it.relnamespace = 'kafka'::regnamespace or it.nspname ~ '^pg_|^information_schema$' then 'it is none of an app'
      when it.relpersistence = 'u' then 'it is unlogged: after a crash it is empty, and nobody is told'
      when it.relispartition then format('it is a partition: publish %s', pg_partition_root(rel))
      when it.relkind = 'r' and exists (select from pg_inherits i where i.inhparent = rel) then 'other tables inherit it: their rows are not its own'
      when exists (select from pg_partition_tree(rel) t join pg_class c on c.oid = t.relid where c.relkind = 'f') then 'a partition of it is a foreign table'
    end;
    if why is not null then
      raise exception 'table % cannot be published: %', rel::regclass, why using errcode = '0A000';
    end if;
  end $function$;

CREATE OR REPLACE FUNCTION kafka.claim("group" text, topic text, partition integer, OUT committed_offset bigint, OUT claim bigint)
 RETURNS record
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
  declare
    id integer;
    taken kafka.sql_offsets;
  begin
    perform kafka.may_consume($1, $2);
    id := kafka.partition_to_claim($2, $3);
    perform kafka.lock_claim($1, id, true);
    taken := kafka.take_claim($1, id);
    committed_offset := taken.committed_offset;
    claim := taken.claim;
  end $function$;

CREATE OR REPLACE FUNCTION kafka.classic_assignment(assignment bytea)
 RETURNS TABLE(topic text, partition integer)
 LANGUAGE plpgsql
 IMMUTABLE STRICT COST 50 ROWS 10
AS $function$
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
  end $function$;

CREATE OR REPLACE FUNCTION kafka.clear_materialised(of_follower integer, most bigint)
 RETURNS bigint
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
  declare
    gone bigint;
  begin
    perform kafka.check_materialised(m) from kafka.materialised_tables m where m.follower_id = of_follower;
    delete from kafka.materialised_positions p where p.follower_id = of_follower;
    delete from kafka.materialised_troubles t where t.follower_id = of_follower;
    execute format('select kafka.materialised_%s_clear($1)', of_follower) into gone using most;
    return gone;
  end $function$;

CREATE OR REPLACE FUNCTION kafka.columns_now(rel oid)
 RETURNS text[]
 LANGUAGE plpgsql
 STABLE
AS $function$
  begin
    return (select array_agg(format('%s %s %s %s', c.name, c.typ, c.typmod, c.required) order by c.number)
      from kafka.columns_to_publish(rel) c);
  end $function$;

CREATE OR REPLACE FUNCTION kafka.commit_claimed(of_group text, of_partition integer, of_offset bigint, of_claim bigint)
 RETURNS void
 LANGUAGE plpgsql
AS $function$
  declare
    former kafka.sql_offsets;
    now_on kafka.sql_offsets;
    bounds record;
  begin
    perform kafka.lock_claim(of_group, of_partition, true);
    former := kafka.newest_claim(of_group, of_partition);
    if former.claim is distinct from of_claim then
      raise exception 'the claim of group % is not in force any more', of_group using errcode = '40001',
        detail = format('%s was claimed by %s; in force is %s', (kafka.partition_names(array[of_partition]))[1],
          coalesce(of_claim::text, 'nobody'), coalesce(former.claim::text, 'none')),
        hint = 'Another session has claimed the partition. Roll back, claim it again and read from where that one was.';
    end if;
    select p.log_start_offset as first, greatest(p.end_offset_floor, (select b.last_offset + 1 from kafka.batches b
        where b.partition_id = p.partition_id order by b.base_offset desc limit 1)) as past into bounds
      from kafka.partitions p where p.partition_id = of_partition;
    -- What retention took while it was worked on may be committed all the same: it is no step back.
    if of_offset is null or of_offset < least(bounds.first, coalesce(former.committed_offset, 0)) or of_offset > bounds.past then
      raise exception 'offset % is not in the log', of_offset using errcode = '22003',
        detail = format('The log goes from %s to %s', bounds.first, bounds.past),
        hint = 'What is committed is the offset of the next record to read: one more than that of the last one.';
    end if;
    now_on := former;
    now_on.committed_offset := of_offset;
    now_on.committed_at := clock_timestamp();
    perform kafka.put_claim(former, now_on);
    perform kafka.tell_offset(of_group, of_partition, of_offset, of_claim);
  end $function$;

CREATE OR REPLACE FUNCTION kafka.commit_offsets("group" text, topic text, partition integer, "offset" bigint, claim bigint)
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
  begin
    perform kafka.may_consume($1, $2);
    perform kafka.commit_claimed($1, kafka.partition_to_claim($2, $3), $4, $5);
  end $function$;

CREATE OR REPLACE FUNCTION kafka.commit_offsets_many("group" text, topic text, partitions integer[], offsets bigint[], claims bigint[])
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
  declare
    it record;
  begin
    perform kafka.may_consume($1, $2);
    -- One order for all sessions: none waits for another that waits for it.
    for it in
      select kafka.partition_to_claim($2, u.partition) as id, u.committed, u.claimed
      from unnest($3, $4, $5) with ordinality u (partition, committed, claimed, place) order by 1, u.place
    loop
      perform kafka.commit_claimed($1, it.id, it.committed, it.claimed);
    end loop;
  end $function$;

CREATE OR REPLACE FUNCTION kafka.debezium_code(x text, typ oid, typmod integer, OUT kind text, OUT meaning text, OUT code text)
 RETURNS record
 LANGUAGE plpgsql
 STABLE
AS $function$
  declare
    base record := kafka.base_type(typ, typmod);
    element oid := (select t.typelem from pg_type t where t.oid = base.typ and t.typcategory = 'A');
    is_short boolean := base.typmod between 0 and 3;
    is_own boolean := kafka.is_postgres_own(typ);
    finite constant text := 'case when %1$s is null then null when isfinite(%1$s) then %2$s when %1$s > ''epoch'' then %3$s else %4$s end';
  begin
    code := x;
    if element is not null then
      element := (kafka.base_type(element, -1)).typ;
      kind := case element when 16 then 'boolean' when 21 then 'int16' when 23 then 'int32' when 20 then 'int64'
        when 700 then 'float' when 701 then 'double' else 'string' end;
      code := case when kind <> 'string' or element in (25, 1043) then x
        else format('to_json((%s)::text[])', kafka.text_code(x)) end;
      kind := kind || '[]';
      return;
    end if;
    case base.typ
      when 16 then kind := 'boolean';
      when 21 then kind := 'int16';
      when 23 then kind := 'int32';
      when 20, 26 then kind := 'int64';
      when 700 then kind := 'float';
      when 701 then kind := 'double';
      when 25, 1042, 1043 then kind := 'string';
      when 17 then
        kind := 'bytes';
        code := format('replace(encode(%s, ''base64''), chr(10), '''')', x);
      when 1082 then
        kind := 'int32';
        meaning := 'io.debezium.time.Date';
        code := format(finite, x, format('%s - date ''epoch''', x), '2147483647', '-2147483648');
      when 1083 then
        kind := case when is_short then 'int32' else 'int64' end;
        meaning := case when is_short then 'io.debezium.time.Time' else 'io.debezium.time.MicroTime' end;
        code := format('(extract(epoch from %s) * %s)::int8', x, case when is_short then 1000 else 1000000 end);
      when 1266 then
        kind := 'string';
        meaning := 'io.debezium.time.ZonedTime';
        code := format('replace(format(''%%s'', %1$s at time zone ''UTC''), ''+00'', ''Z'')', x);
        code := format('case when %s is not null then %s end', x, code);
      when 1114 then
        kind := 'int64';
        meaning := case when is_short then 'io.debezium.time.Timestamp' else 'io.debezium.time.MicroTimestamp' end;
        code := format(finite, x,
          format('(extract(epoch from %s) * %s)::int8', x, case when is_short then 1000 else 1000000 end),
          case when is_short then '9223372036825200' else '9223372036825200000' end,
          case when is_short then '-9223372036832400' else '-9223372036832400000' end);
      when 1184 then
        kind := 'string';
        meaning := 'io.debezium.time.ZonedTimestamp';
        code := format('replace(to_json(%s) #>> ''{}'', ''+00:00'', ''Z'')', x);
      when 1186 then
        kind := 'int64';
        meaning := 'io.debezium.time.MicroDuration';
        -- A month is the twelfth part of 365.25 days.
        code := format('case when isfinite(%1$s) then ((extract(year from %1$s) * 12 + extract(month from %1$s)) * 2629800
          + extract(day from %1$s) * 86400 + extract(hour from %1$s) * 3600 + extract(minute from %1$s) * 60
          + extract(second from %1$s)) * 1000000 end::int8', x);
      else
        kind := 'string';
        meaning := case when base.typ = 2950 then 'io.debezium.data.Uuid' when base.typ in (114, 3802) then 'io.debezium.data.Json'
          when base.typ = 142 then 'io.debezium.data.Xml'
          when exists (select from pg_type t where t.oid = base.typ and t.typtype = 'e') then 'io.debezium.data.Enum' end;
        code := kafka.text_code(x);
    end case;
    if not is_own then
      code := kafka.text_code(x);
    end if;
  end $function$;

CREATE OR REPLACE FUNCTION kafka.dematerialise("table" text, drop_table boolean DEFAULT false)
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
  declare
    name text := kafka.unregister_materialised("table");
    owner oid := (select n.nspowner from pg_namespace n where n.oid = 'kafka'::regnamespace);
  begin
    if drop_table and name is not null then
      execute format('drop table %s', name);
    elsif owner <> (select c.relowner from pg_class c where c.oid = name::regclass) then
      execute format('revoke select, insert, update, delete on %s from %s', name, owner::regrole);
    end if;
  end $function$;

CREATE OR REPLACE FUNCTION kafka.deny(role text, operation text, resource text, resource_type text DEFAULT 'topic'::text, pattern_type text DEFAULT 'literal'::text)
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
  begin
    perform kafka.check_role(role);
    insert into kafka.acls
      select (kafka.acl_of(role, operation, resource, resource_type, pattern_type, 'DENY')).* on conflict do nothing;
  end $function$;

CREATE OR REPLACE FUNCTION kafka.end_publication(publication integer)
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
  declare
    p kafka.published := kafka.publication_now(publication);
    role oid := to_regrole(quote_ident(kafka.session_role()))::oid;
  begin
    if p.publication_id is null or not coalesce(pg_has_role(role, (select c.relowner from pg_class c where c.oid = p.relation), 'usage'), false)
      and not pg_has_role(role, current_user, 'usage') then
      raise exception 'must be owner of table %', p.table_name using errcode = '42501';
    end if;
    delete from kafka.published f where f.publication_id = publication;
    execute format('drop function if exists kafka.publish_%s()', publication);
  end $function$;

CREATE OR REPLACE FUNCTION kafka.envelope_of(p kafka.published)
 RETURNS text
 LANGUAGE plpgsql
 STABLE
AS $function$
  declare
    it record;
    schema text;
    payload text;
    source constant text := '{"type":"struct","fields":[%s],"optional":false,"name":"io.debezium.connector.postgresql.Source","version":1,"field":"source"}';
    field record;
    fields text := '';
  begin
    select n.nspname, c.relname into it from pg_class c join pg_namespace n on n.oid = c.relnamespace where c.oid = p.relation;
    for field in select * from (values ('version', 'string', false), ('connector', 'string', false), ('name', 'string', false),
        ('ts_ms', 'int64', false), ('snapshot', 'string', true), ('db', 'string', false), ('sequence', 'string', true),
        ('ts_us', 'int64', true), ('ts_ns', 'int64', true), ('schema', 'string', false), ('table', 'string', false),
        ('txId', 'int64', true), ('lsn', 'int64', true), ('xmin', 'int64', true)) v (name, kind, is_optional) loop
      fields := fields || case when fields = '' then '' else ',' end
        || kafka.schema_of_field(field.kind, null, not field.is_optional, field.name);
    end loop;
    schema := '{"type":"struct","fields":['
      || kafka.schema_of_row(p.relation, p.topic || '.Value', null) || ',"field":"before"},'
      || kafka.schema_of_row(p.relation, p.topic || '.Value', null) || ',"field":"after"},'
      || format(source, fields)
      || ',{"type":"string","optional":false,"field":"op"},{"type":"int64","optional":true,"field":"ts_ms"}'
      || ',{"type":"int64","optional":true,"field":"ts_us"},{"type":"int64","optional":true,"field":"ts_ns"}'
      || ',{"type":"struct","fields":[{"type":"string","optional":false,"field":"id"},{"type":"int64","optional":false,"field":"total_order"}'
      || ',{"type":"int64","optional":false,"field":"data_collection_order"}],"optional":true,"name":"event.block","version":1,"field":"transaction"}'
      || '],"optional":false,"name":' || to_json(p.topic || '.Envelope') || ',"version":2}';
    payload := '{"before":%1$s,"after":%2$s,"source":{"version":"tusk","connector":"postgresql","name":'
      || replace(to_json(p.topic)::text, '%', '%%') || ',"ts_ms":%3$s,"snapshot":"%4$s","db":'
      || replace(to_json(current_database())::text, '%', '%%') || ',"sequence":null,"ts_us":%3$s%5$s,"ts_ns":%3$s%5$s000,"schema":'
      || replace(to_json(it.nspname)::text, '%', '%%') || ',"table":' || replace(to_json(it.relname)::text, '%', '%%')
      || ',"txId":%6$s,"lsn":null,"xmin":null},"transaction":null,"op":"%7$s","ts_ms":%3$s,"ts_us":%3$s%5$s,"ts_ns":%3$s%5$s000}';
    return case when p.schemas then '{"schema":' || replace(schema, '%', '%%') || ',"payload":' || payload || '}' else payload end;
  end $function$;

CREATE OR REPLACE FUNCTION kafka.enveloped(envelope text, op text, before text, after text)
 RETURNS text
 LANGUAGE plpgsql
 STABLE
AS $function$
  declare
    us text := (extract(epoch from clock_timestamp()) * 1000000)::bigint::text;
  begin
    return format(envelope, coalesce(before, 'null'), coalesce(after, 'null'), left(us, -3),
      case op when 'r' then 'incremental' else 'false' end, right(us, 3), pg_current_xact_id(), op);
  end $function$;

CREATE OR REPLACE FUNCTION kafka.erase(topic text, key bytea, vacuum boolean DEFAULT false)
 RETURNS bigint
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
  declare
    role name := kafka.session_role();
    made bigint;
  begin
    if topic is null or not kafka.may(role, 'DELETE', 'TOPIC', topic) then
      perform kafka.refuse_right(role, 'DELETE', 'TOPIC', topic);
    end if;
    if key is null then
      raise exception 'the key is null' using errcode = '22004',
        hint = 'Records without a key cannot be told apart: delete them by offset (kafka-delete-records) or by retention.ms.';
    end if;
    insert into kafka.erasure_requests (topic, topic_id, partition_ids, key, vacuum, requested_by)
      select t.name, t.topic_id, s.partition_ids, erase.key, coalesce(erase.vacuum, false), role
      from kafka.topics t join kafka.sql_topics s on s.topic = t.name where t.name = erase.topic
      returning erasure_id into made;
    if made is null then
      raise exception 'there is no topic "%"', topic using errcode = '42704',
        hint = 'kafka.topic_overview shows those that there are; names are case-sensitive.';
    end if;
    -- A transaction that is prepared cannot have notified: where there may be one, the broker looks now and then.
    if current_setting('max_prepared_transactions') = '0' then
      perform pg_notify('kafka_erasures', '');
    end if;
    return made;
  end $function$;

CREATE OR REPLACE FUNCTION kafka.erase(topic text, key text, vacuum boolean DEFAULT false)
 RETURNS bigint
 LANGUAGE plpgsql
AS $function$
  begin
    return kafka.erase(topic, pg_catalog.convert_to(key, 'UTF8'), vacuum);
  end $function$;

CREATE OR REPLACE FUNCTION kafka.erase_materialised(of_follower integer, of_partition integer, of_key bytea, from_offset bigint, to_offset bigint, batches bytea[])
 RETURNS boolean
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
  declare
    later kafka.read_record[];
  begin
    perform from kafka.materialised_positions p
      where p.follower_id = of_follower and p.partition_id = of_partition and p.next_offset = to_offset for update;
    if not found then
      return false;
    end if;
    perform kafka.check_materialised(m) from kafka.materialised_tables m where m.follower_id = of_follower;
    -- What was noted may tell a value.
    update kafka.materialised_troubles t set error = null, skipped_error = null
      where t.follower_id = of_follower and t.partition_id = of_partition;
    later := array(select row(0, u.*)::kafka.read_record from unnest(batches) b, kafka.unpack_whole(b, from_offset) u
      where u.key = of_key and u."offset" < to_offset order by u."offset" desc limit 1);
    -- A key that is none of this table has no row, and a value that did not fit was left out.
    begin
      execute format('select kafka.materialised_%s_erase($1)', of_follower)
        using array[row(0, 0, now(), of_key, null, null)::kafka.read_record];
    exception when data_exception then
      return true;
    end;
    if cardinality(later) > 0 then
      begin
        execute format('select kafka.materialised_%s_write($1)', of_follower) using later;
      exception when data_exception or integrity_constraint_violation or program_limit_exceeded or plpgsql_error then
        null;
      end;
    end if;
    return true;
  end $function$;

CREATE OR REPLACE FUNCTION kafka.finish_erasure(pass bigint)
 RETURNS void
 LANGUAGE plpgsql
AS $function$
  declare
    went bigint[] := array(
      select sum(n.records)::bigint from kafka.erasure_progress p cross join unnest(p.records) with ordinality n (records, place)
      where p.pass_id = pass group by n.place order by n.place);
  begin
    update kafka.erasure_requests r set key = null, key_sha256 = sha256(r.key), records = coalesce(went[r.place], 0),
        erased_at = clock_timestamp(), began_at = coalesce(r.began_at, clock_timestamp())
      where r.pass_id = pass and r.erased_at is null;
    -- Postgres' messages quote what does not fit.
    update kafka.materialised_troubles t set
        error = case when t.error_offset >= p.end_offset then t.error end,
        skipped_error = case when t.skipped_offset >= p.end_offset then t.skipped_error end
      from kafka.erasure_progress p
      where p.pass_id = pass and t.partition_id = p.partition_id
        and (t.error_offset < p.end_offset or t.skipped_offset < p.end_offset);
    delete from kafka.erasure_progress p where p.pass_id = pass;
    delete from kafka.erasure_passes p where p.pass_id = pass;
  end $function$;

CREATE OR REPLACE FUNCTION kafka.finish_publication(publication integer)
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
  declare
    p kafka.published := kafka.publication_now(publication);
    below bigint;
    own bigint;
  begin
    perform kafka.check_table(kafka.session_role(), p.relation);
    if p.snapshot is distinct from 'begun' or not exists (
      select from pg_trigger t where t.tgrelid = p.relation and t.tgfoid = to_regproc(format('kafka.publish_%s', publication))) then
      raise exception 'publication % is not about to begin', publication using errcode = '55000';
    end if;
    begin
      update kafka.published f set since = clock_timestamp(), snapshot = case when f.position_names is null then 'none' else 'asked' end
        where f.publication_id = publication;
      below := (select f.xmin::text::bigint from kafka.published f where f.publication_id = publication);
    exception when division_by_zero then
      raise;
    end;
    own := pg_current_xact_id()::text::bigint;
    if own < below and below < 4294967296 then
      update kafka.published f set mark = below,
          open_then = array(select distinct l.transactionid::text::bigint from pg_locks l
            where l.locktype = 'transactionid' and l.mode = 'ExclusiveLock' and l.pid is distinct from pg_backend_pid()
              and l.transactionid::text::bigint < below)
        where f.publication_id = publication;
    end if;
    if p.columns is distinct from kafka.columns_now(p.relation) then
      perform kafka.make_publisher(p);
    end if;
  end $function$;

CREATE OR REPLACE FUNCTION kafka.first_base_at_time(id integer, wanted bigint)
 RETURNS bigint
 LANGUAGE plpgsql
 STABLE COST 50
AS $function$
  declare
    low bigint;
    high bigint;
    middle bigint;
    log_start bigint;
    probe record;
  begin
    select p.log_start_offset into log_start from kafka.partitions p where p.partition_id = id;
    log_start := coalesce(log_start, 0);
    select b.base_offset, b.last_offset into probe from kafka.batches b
      where b.partition_id = id and b.base_offset <= log_start order by b.base_offset desc limit 1;
    if probe.last_offset >= log_start then
      low := probe.base_offset;
    else
      select b.base_offset into low from kafka.batches b
        where b.partition_id = id and b.base_offset > log_start order by b.base_offset limit 1;
    end if;
    select b.base_offset, b.timestamp_high into probe from kafka.batches b
      where b.partition_id = id order by b.base_offset desc limit 1;
    if low is null or probe.timestamp_high < wanted then
      return null;
    end if;
    high := probe.base_offset;
    -- low and high are bases of batches, and high's time is late enough.
    while low < high loop
      middle := low + (high - low) / 2;
      select b.base_offset, b.timestamp_high into probe from kafka.batches b
        where b.partition_id = id and b.base_offset <= middle order by b.base_offset desc limit 1;
      if probe.timestamp_high >= wanted then
        high := probe.base_offset;
      else
        select b.base_offset into low from kafka.batches b
          where b.partition_id = id and b.base_offset > middle order by b.base_offset limit 1;
      end if;
    end loop;
    return high;
  end $function$;

CREATE OR REPLACE FUNCTION kafka.first_call(topic text, dedup text)
 RETURNS boolean
 LANGUAGE plpgsql
AS $function$
  begin
    if octet_length(dedup) > 1000 then
      raise exception 'a dedup key of % bytes', octet_length(dedup) using errcode = '22001',
        detail = 'It may have 1000 bytes.', hint = 'Give a hash of it: sha256(…)::text.';
    end if;
    -- Looked at first, so that calls with a key that is known wait for nobody.
    if exists (select from kafka.outbox_keys k
      where k.topic = first_call.topic and k.key = dedup and k.expires_at > clock_timestamp()) then
      return false;
    end if;
    if hashtext(dedup) & 15 = 0 then
      delete from kafka.outbox_keys k using (
        select e.topic, e.key from kafka.outbox_keys e where e.expires_at <= clock_timestamp()
        order by e.expires_at limit 64 for update skip locked) old
      where k.topic = old.topic and k.key = old.key;
    end if;
    insert into kafka.outbox_keys as k (topic, key, expires_at)
      select first_call.topic, dedup, clock_timestamp() + s.dedup_window from kafka.sql_settings s
      on conflict on constraint outbox_keys_pkey do update set expires_at = excluded.expires_at
        where k.expires_at <= clock_timestamp();
    return found;
  end $function$;

CREATE OR REPLACE FUNCTION kafka.first_claim(of_group text, of_partition integer, of_claim bigint)
 RETURNS bigint
 LANGUAGE plpgsql
AS $function$
  declare
    known bigint;
  begin
    if current_setting('transaction_isolation') not in ('read committed', 'read uncommitted') then
      raise exception 'a group''s first claim of a partition wants READ COMMITTED' using errcode = '25001',
        hint = 'Claim it once in a transaction of that isolation level. Later claims may be made in any.';
    elsif (select count(*) from (select from kafka.sql_offsets limit 100000) rows) = 100000 then
      raise exception 'kafka.sql_offsets has no room for more than 100,000 claims' using errcode = '54000',
        hint = 'kafka.release gives back those of a group.';
    end if;
    -- Nobody else takes away the rows of topics that are gone.
    delete from kafka.sql_offsets o using (
        select g.group_id, g.partition_id, g.revision from kafka.sql_offsets g
        where not exists (select from kafka.partitions p where p.partition_id = g.partition_id and p.topic_id is not null)
        for update skip locked) gone
      where o.group_id = gone.group_id and o.partition_id = gone.partition_id and o.revision = gone.revision;
    select coalesce(
      (select o.committed_offset from kafka.outbox o
        where o.group_id = of_group and o.partition_id = of_partition and o.committed_offset >= 0 order by o.id desc limit 1),
      (select o.committed_offset from kafka.offsets o
        where o.group_id = of_group and o.partition_id = of_partition order by o.commit_id desc limit 1)) into known;
    perform kafka.tell_offset(of_group, of_partition, coalesce(known, -1), of_claim);
    return known;
  end $function$;

CREATE OR REPLACE FUNCTION kafka.first_offset(id integer, from_offset bigint, since timestamp with time zone)
 RETURNS bigint
 LANGUAGE plpgsql
 STABLE
AS $function$
  declare
    ms numeric := ceil(extract(epoch from since) * 1000);
    base bigint;
  begin
    if since is null then
      return from_offset;
    end if;
    base := kafka.first_base_at_time(id, greatest(least(ms, 9223372036854775807), -9223372036854775808)::bigint);
    return case when base is not null then greatest(from_offset, base) end;
  end $function$;

CREATE OR REPLACE FUNCTION kafka.has_columns(rel oid, columns text[])
 RETURNS boolean
 LANGUAGE plpgsql
 IMMUTABLE
AS $function$
  begin
    return kafka.columns_now(rel) is not distinct from columns;
  end $function$;

CREATE OR REPLACE FUNCTION kafka.header_bytes(headers kafka.header[])
 RETURNS bigint
 LANGUAGE plpgsql
 IMMUTABLE
AS $function$
  begin
    if exists (select from unnest(headers) h where h.key is null) then
      raise exception 'a header has no name' using errcode = '22004',
        hint = 'The value of a header may be null, its name may not.';
    end if;
    return (select sum(octet_length(h.key) + coalesce(octet_length(h.value), 0) + 10) from unnest(headers) h);
  end $function$;

CREATE OR REPLACE FUNCTION kafka.headers(headers jsonb)
 RETURNS kafka.header[]
 LANGUAGE plpgsql
 IMMUTABLE PARALLEL SAFE STRICT
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
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
  end $function$;

CREATE OR REPLACE FUNCTION kafka.headers_of(bytes bytea, at integer, number integer, ends integer)
 RETURNS kafka.header[]
 LANGUAGE plpgsql
 IMMUTABLE
AS $function$
  declare
    headers kafka.header[] := '{}';
    size integer;
    name bytea;
    text text;
  begin
    for i in 1 .. number loop
      size := kafka.varint(bytes, at) >> 1;
      at := at + kafka.varint_size(bytes, at);
      name := substring(bytes from at + 1 for size);
      at := at + size;
      -- What is plain ASCII is the same in this form, and costs no subtransaction.
      text := encode(name, 'escape');
      if length(text) <> size then
        text := coalesce(kafka.as_text(name), text);
      end if;
      size := kafka.varint(bytes, at);
      at := at + kafka.varint_size(bytes, at);
      headers := headers || row(text, case when size & 1 = 0 then substring(bytes from at + 1 for size >> 1) end)::kafka.header;
      at := at + case when size & 1 = 0 then size >> 1 else 0 end;
    end loop;
    if at <> ends then
      raise 'headers that do not fill their record' using errcode = 'XX001';
    end if;
    return headers;
  end $function$;

CREATE OR REPLACE FUNCTION kafka.is_aborted(id integer, producer bigint, base bigint)
 RETURNS boolean
 LANGUAGE sql
 STABLE
AS $function$
  select exists (
    select from kafka.aborted_transactions a
    where a.partition_id = id and a.producer_id = producer and a.first_offset <= base
      -- The first that ends with all up to the batch decided tells that no later one begins below.
      and a.last_offset between base and coalesce((
        select l.last_offset from kafka.aborted_transactions l
        where l.partition_id = id and l.last_offset >= base and l.last_stable_offset > base
        order by l.last_offset limit 1), 9223372036854775807)) $function$;

CREATE OR REPLACE FUNCTION kafka.is_postgres_own(typ oid)
 RETURNS boolean
 LANGUAGE plpgsql
 STABLE
AS $function$
  declare
    base oid := (kafka.base_type(typ, -1)).typ;
    element oid := (select t.typelem from pg_type t where t.oid = base and t.typcategory = 'A');
  begin
    return case when element is null then base < 16384 else (kafka.base_type(element, -1)).typ < 16384 end;
  end $function$;

CREATE OR REPLACE FUNCTION kafka.json_code(x text, typ oid)
 RETURNS text
 LANGUAGE plpgsql
 STABLE
AS $function$
  begin
    if kafka.is_postgres_own(typ) then
      return x;
    elsif (select t.typcategory from pg_type t where t.oid = (kafka.base_type(json_code.typ, -1)).typ) = 'A' then
      return format('to_json((%s)::text[])', kafka.text_code(x));
    end if;
    return kafka.text_code(x);
  end $function$;

CREATE OR REPLACE FUNCTION kafka.json_of(value text)
 RETURNS jsonb
 LANGUAGE plpgsql
 IMMUTABLE STRICT COST 10
AS $function$
  begin
    return value::jsonb;
  exception when others then
    return null;
  end $function$;

CREATE OR REPLACE FUNCTION kafka.keep_topics(names text[])
 RETURNS void
 LANGUAGE plpgsql
AS $function$
  begin
    delete from kafka.sql_topics s
      where s.topic = any (names) and not exists (select from kafka.topics t where t.name = s.topic);
    insert into kafka.sql_topics
      select t.name, p.ids,
        coalesce(
          (select c.value::bigint from kafka.configs c where c.resource_type in (2, 4)
            and c.resource_name in (t.name, '') and c.name in ('max.message.bytes', 'message.max.bytes')
            order by c.resource_type limit 1), s.max_message_bytes),
        coalesce(
          (select c.value from kafka.configs c where c.resource_type in (2, 4)
            and c.resource_name in (t.name, '') and c.name in ('cleanup.policy', 'log.cleanup.policy')
            order by c.resource_type limit 1), s.cleanup_policy) like '%compact%'
      from kafka.topics t
      cross join kafka.sql_settings s
      cross join lateral (
        select array_agg(p.partition_id order by p.partition_index) as ids from kafka.partitions p
        where p.topic_id = t.topic_id) p
      where t.name = any (names) and p.ids is not null
      on conflict (topic) do update set partition_ids = excluded.partition_ids,
        max_message_bytes = excluded.max_message_bytes, is_compacted = excluded.is_compacted;
  end $function$;

CREATE OR REPLACE FUNCTION kafka.kept_records(id integer, from_offset bigint, most bigint, since timestamp with time zone)
 RETURNS TABLE("offset" bigint, "timestamp" timestamp with time zone, key bytea, value bytea, headers kafka.header[])
 LANGUAGE plpgsql
 STABLE COST 1000 ROWS 100
AS $function$
  begin
    from_offset := kafka.first_offset(id, from_offset, since);
    if since is not null then
      -- In order of offsets, whatever the planner thinks of the index by time: it is one of the first.
      from_offset := (select s."offset" from (
        select u."offset", u."timestamp" from kafka.unpacked u
        where u.partition_id = id and u."offset" >= from_offset order by u."offset" offset 0) s
        where s."timestamp" >= since limit 1);
    end if;
    return query select u."offset", u."timestamp", u.key, u.value, u.headers from kafka.unpacked u
      where u.partition_id = id and u."offset" >= from_offset order by u."offset" limit most;
  end $function$;

CREATE OR REPLACE FUNCTION kafka.lock_claim(of_group text, of_partition integer, waits boolean)
 RETURNS boolean
 LANGUAGE plpgsql
AS $function$
  declare
    key bigint := hashtextextended('kafka.claim ' || of_group collate "C", of_partition);
  begin
    if waits then
      perform pg_advisory_xact_lock(key);
    end if;
    return waits or pg_try_advisory_xact_lock(key);
  end $function$;

CREATE OR REPLACE FUNCTION kafka.log_records(id integer, from_offset bigint, most bigint, since timestamp with time zone)
 RETURNS TABLE("offset" bigint, "timestamp" timestamp with time zone, key bytea, value bytea, headers kafka.header[])
 LANGUAGE plpgsql
 STABLE COST 1000 ROWS 100
AS $function$
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
  end $function$;

CREATE OR REPLACE FUNCTION kafka.long_varint(bytes bytea, at integer)
 RETURNS bigint
 LANGUAGE plpgsql
 IMMUTABLE
AS $function$
  declare
    value bigint := 0;
    part integer;
  begin
    for i in 0 .. 9 loop
      part := get_byte(bytes, at + i);
      value := value | ((part & 127)::bigint << (7 * i));
      if part < 128 then
        return value;
      end if;
    end loop;
    raise 'a varint of more than 64 bits' using errcode = 'XX001';
  end $function$;

CREATE OR REPLACE FUNCTION kafka.make_publisher(p kafka.published)
 RETURNS void
 LANGUAGE plpgsql
AS $function$
  declare
    is_root boolean := (select c.relkind = 'p' from pg_class c where c.oid = p.relation);
    known text[] := kafka.columns_now(p.relation);
  begin
    execute format($f$create or replace function kafka.publish_%1$s() returns trigger language plpgsql security definer
    set search_path = pg_catalog, pg_temp set plan_cache_mode = force_generic_plan %2$s as $body$
  declare
    envelope text;
    old_key bytea;
    old_value text;
    new_key bytea;
    new_value text;
  begin
    -- Columns that are not there any more are not looked at.
    if %3$s = '%4$s'::oid and kafka.has_columns('%4$s', %5$L) then
      if tg_op = 'UPDATE' then
        %6$s;
      elsif tg_op = 'INSERT' then
        %7$s;
      else
        %8$s;
      end if;
      if found then
        if kafka.broker_sleeps() then
          perform pg_notify('kafka_outbox', '');
        end if;
        return null;
      end if;
    end if;
    if tg_op <> 'INSERT' then
      execute kafka.row_query(%1$s, tg_relid) into old_key, old_value, envelope using old;
    end if;
    if tg_op <> 'DELETE' then
      execute kafka.row_query(%1$s, tg_relid) into new_key, new_value, envelope using new;
    end if;
    if 'changed' in (old_value, new_value) then
      raise exception 'the table was changed at this moment' using errcode = '40001', hint = 'Try again.';
    end if;
    perform kafka.publish_change(%1$s, %9$L, envelope, old_key, old_value, new_key, new_value,
      case tg_op when 'INSERT' then 'c' when 'UPDATE' then 'u' else 'd' end, %10$L);
    return null;
  end $body$$f$,
      p.publication_id, kafka.publish_settings(p), case when is_root then 'pg_partition_root(tg_relid)' else 'tg_relid' end,
      p.relation, known, kafka.publish_statement(p, 'u'), kafka.publish_statement(p, 'c'), kafka.publish_statement(p, 'd'),
      p.topic, p.on_error = 'fail');
    execute format('comment on function kafka.publish_%s() is %L', p.publication_id,
      format('Trigger: publishes %s as topic %s', p.table_name, p.topic));
    update kafka.published f set columns = known where f.publication_id = p.publication_id;
  end $function$;

CREATE OR REPLACE FUNCTION kafka.materialise(topic text, "as" text, columns json DEFAULT NULL::json, key text DEFAULT 'text'::text, on_error text DEFAULT 'stop'::text, schema text DEFAULT "current_schema"())
 RETURNS text
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
  declare
    parts text[] := parse_ident("as");
    name text := (select string_agg(quote_ident(p), '.') from unnest(
      case when cardinality(parts) = 1 then array[schema] || parts else parts end) p);
    key_column json := kafka.materialised_key(key);
    all_columns json := kafka.materialised_columns(columns);
    owner oid := (select n.nspowner from pg_namespace n where n.oid = 'kafka'::regnamespace);
    has_rows boolean := false;
  begin
    if topic is null or name is null or coalesce(on_error, '') not in ('stop', 'skip') then
      raise 'not a topic, a table, and what to do on an error: %, %, %', topic, "as", on_error using errcode = '22023',
        hint = 'on_error is stop or skip.';
    end if;
    if to_regclass(name) is null then
      execute format('create table %s (%I %s primary key%s)', name, key_column ->> 'name', key_column ->> 'type',
        (select string_agg(format(', %I %s', c ->> 'name', c ->> 'type'), '' order by n)
          from json_array_elements(all_columns) with ordinality e (c, n)));
    else
      execute format('select exists (select from only %s)', name) into has_rows;
    end if;
    if not (select bool_and(has_table_privilege(owner, name::regclass, p)) from unnest(array['select', 'insert', 'update', 'delete']) p) then
      execute format('grant select, insert, update, delete on %s to %s', name, owner::regrole);
    end if;
    perform kafka.register_materialised(topic, name::regclass, key_column, all_columns, on_error, has_rows);
    return name;
  end $function$;

CREATE OR REPLACE FUNCTION kafka.materialised_column(name text, asked json)
 RETURNS json
 LANGUAGE plpgsql
 IMMUTABLE
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
  declare
    source text := 'value';
    path text[] := array[name];
    type text;
  begin
    if json_typeof(asked) = 'string' then
      type := asked #>> '{}';
    elsif json_typeof(asked) = 'object' and not exists (
        select from json_object_keys(asked) k where k not in ('name', 'type', 'from', 'path')) then
      type := asked ->> 'type';
      source := coalesce(asked ->> 'from', 'value');
      path := case json_typeof(asked -> 'path')
        when 'array' then array(select p from json_array_elements_text(asked -> 'path') p)
        when 'string' then string_to_array(asked ->> 'path', '.')
        else case when asked -> 'from' is null then path end end;
    else
      raise 'not a column: %', left(asked::text, 200) using errcode = '22023',
        hint = 'Write "name": "type", or "name": {"type": …, "path": "a.b"} or {"type": …, "from": "offset"}.';
    end if;
    if coalesce(name, '') = '' or source not in ('value', 'key', 'partition', 'offset', 'timestamp', 'headers')
      or path is not null and (source not in ('value', 'key') or cardinality(path) = 0 or array_position(path, null) > 0) then
      raise 'not a column: %', left(asked::text, 200) using errcode = '22023',
        hint = 'It has a name; "from" is value, key, partition, offset, timestamp or headers, and a path leads into value or key.';
    end if;
    type := coalesce(type, case source when 'partition' then 'integer' when 'offset' then 'bigint'
      when 'timestamp' then 'timestamptz' when 'key' then 'text' else 'jsonb' end);
    return json_build_object('name', name, 'type', type, 'from', source, 'path', path);
  end $function$;

CREATE OR REPLACE FUNCTION kafka.materialised_columns(columns json)
 RETURNS json
 LANGUAGE plpgsql
 IMMUTABLE
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
  begin
    if columns is null then
      return json_build_array(kafka.materialised_column('value', '{"type": "jsonb", "from": "value"}'));
    elsif json_typeof(columns) = 'object' then
      return (select coalesce(json_agg(kafka.materialised_column(c.key, c.value)), '[]') from json_each(columns) c);
    elsif json_typeof(columns) = 'array' then
      return (select coalesce(json_agg(kafka.materialised_column(c ->> 'name', c)), '[]') from json_array_elements(columns) c);
    end if;
    raise 'not a list of columns: %', left(columns::text, 200) using errcode = '22023',
      hint = 'Write {"id": "bigint", "city": {"type": "text", "path": "address.city"}}, or an array of objects with a name each.';
  end $function$;

CREATE OR REPLACE FUNCTION kafka.materialised_expression(of_column json, of_type oid)
 RETURNS text
 LANGUAGE plpgsql
 STABLE
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
  declare
    source text := of_column ->> 'from';
    bytes text := format('l.%I', source);
    whole text := format('convert_from(%s, ''UTF8'')', bytes);
    doc text := case source when 'value' then 'd.doc' else format('%s::jsonb', whole) end;
    path text := case when json_typeof(of_column -> 'path') = 'array' then format('%L::text[]',
      array(select p from json_array_elements_text(of_column -> 'path') p)::text) end;
    found text := format('nullif((%s) #> %s, ''null''::jsonb)', doc, path);
    name text := kafka.type_name(of_type);
    element oid := (select t.typelem from pg_type t where t.oid = of_type and t.typcategory = 'A');
  begin
    if source in ('partition', 'offset', 'timestamp') then
      return format('%s::%s', bytes, name);
    elsif source = 'headers' then
      return format('(select jsonb_agg(jsonb_build_array(h.key, coalesce(kafka.as_text(h.value), encode(h.value, ''escape'')))
        order by h.place) from unnest(l.headers) with ordinality h (key, value, place))::%s', name);
    elsif path is null then
      return case of_type when 'bytea'::regtype then bytes when 'jsonb'::regtype then doc
        else format('%s::%s', whole, name) end;
    elsif of_type = 'jsonb'::regtype then
      return found;
    elsif of_type = 'bytea'::regtype then
      return format('decode((%s) #>> %s, ''base64'')', doc, path);
    elsif element is not null then
      return format('case when %s is not null then array(select (e.value #>> ''{}'')::%s
        from jsonb_array_elements(%s) with ordinality e (value, place) order by e.place) end', found, kafka.type_name(element), found);
    end if;
    return format('((%s) #>> %s)::%s', doc, path, name);
  end $function$;

CREATE OR REPLACE FUNCTION kafka.materialised_key(key text)
 RETURNS json
 LANGUAGE plpgsql
 IMMUTABLE
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
  declare
    asked json;
    made json;
  begin
    if left(ltrim(key), 1) <> '{' then
      return kafka.materialised_column('key', json_build_object('type', key, 'from', 'key'));
    end if;
    asked := key::json;
    made := kafka.materialised_column(coalesce(asked ->> 'name', 'key'), asked);
    return json_build_object('name', made -> 'name', 'from', 'key',
      'type', coalesce(asked -> 'type', '"text"'), 'path', case when asked -> 'path' is not null then made -> 'path' end);
  end $function$;

CREATE OR REPLACE FUNCTION kafka.materialised_named(name text)
 RETURNS kafka.materialised_tables
 LANGUAGE plpgsql
 STABLE
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
  declare
    found_table kafka.materialised_tables;
    others bigint;
  begin
    select m.* into found_table from kafka.materialised_tables m
      where materialised_named.name in (m.table_name, m.target::text);
    if found then
      return found_table;
    end if;
    select count(*) into others from kafka.materialised_tables m join pg_class c on c.oid = m.target
      where materialised_named.name in (c.relname, quote_ident(c.relname));
    if others > 1 then
      raise 'more than one materialised table is called %', name using errcode = '42P09', hint = 'Write its schema, too.';
    end if;
    select m.* into found_table from kafka.materialised_tables m join pg_class c on c.oid = m.target
      where materialised_named.name in (c.relname, quote_ident(c.relname));
    return found_table;
  end $function$;

CREATE OR REPLACE FUNCTION kafka.materialised_type(of_table regclass, of_column json)
 RETURNS oid
 LANGUAGE plpgsql
 STABLE
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
  declare
    found_type oid;
    wanted text := of_column ->> 'type';
  begin
    select a.atttypid into found_type from pg_attribute a
      where a.attrelid = of_table and a.attname = of_column ->> 'name' and a.attnum > 0 and not a.attisdropped
        and a.attgenerated = '' and a.attidentity <> 'a';
    if found_type is null then
      raise 'table % has no column % to be written', of_table, of_column ->> 'name' using errcode = '42703';
    elsif to_regtype(wanted)::oid is distinct from found_type then
      raise 'column % of table % is %, not %', of_column ->> 'name', of_table, format_type(found_type, null), wanted
        using errcode = '42804', hint = 'Types that are not Postgres'' own need their schema''s name.';
    end if;
    return found_type;
  end $function$;

CREATE OR REPLACE FUNCTION kafka.may(role name, op text, kind text, resource text)
 RETURNS boolean
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
  begin
    return coalesce((select s.allowed from kafka.acls_say(role, op, kind, resource) s), false)
      or coalesce(pg_has_role(to_regrole(quote_ident(role))::oid, current_user, 'USAGE'), false);
  end $function$;

CREATE OR REPLACE FUNCTION kafka.may_consume(of_group text, of_topic text)
 RETURNS void
 LANGUAGE plpgsql
AS $function$
  declare
    role name := kafka.session_role();
  begin
    if not kafka.may(role, 'READ', 'TOPIC', of_topic) then
      raise exception 'role % may not read topic %', role, of_topic using errcode = '42501',
        hint = format('select kafka.allow(%L, ''read'', %L)', role, of_topic);
    elsif not kafka.may(role, 'READ', 'GROUP', of_group) then
      raise exception 'role % may not commit for group %', role, of_group using errcode = '42501',
        hint = format('select kafka.allow(%L, ''read'', %L, ''group'')', role, of_group);
    -- A key of the index; and what the broker writes in another way, as Postgres cannot keep what it stands for.
    elsif coalesce(octet_length(of_group), 0) not between 1 and 1024 or strpos(of_group, chr(26)) > 0 then
      raise exception 'not the name of a group: %', of_group using errcode = '22023',
        detail = 'It has 1 to 1,024 bytes, and no character 26.';
    end if;
  end $function$;

CREATE OR REPLACE FUNCTION kafka.may_delete(topic text)
 RETURNS boolean
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
  begin
    return kafka.may(kafka.session_role(), 'DELETE', 'TOPIC', topic);
  end $function$;

CREATE OR REPLACE FUNCTION kafka.may_read(topic text)
 RETURNS boolean
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
  begin
    return kafka.may(kafka.session_role(), 'READ', 'TOPIC', topic);
  end $function$;

CREATE OR REPLACE FUNCTION kafka.members_of(id text, kind text, owner jsonb)
 RETURNS TABLE(member_id text, details jsonb)
 LANGUAGE plpgsql
 STABLE COST 50 ROWS 10
 SET plan_cache_mode TO 'force_generic_plan'
 SET enable_seqscan TO 'off'
AS $function$
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
  end $function$;

CREATE OR REPLACE FUNCTION kafka.murmur2(bytes bytea)
 RETURNS integer
 LANGUAGE plpgsql
 IMMUTABLE PARALLEL SAFE STRICT
AS $function$
  declare
    size integer := octet_length(bytes);
    h bigint := 2538058380 # octet_length(bytes)::bigint;
    k bigint;
  begin
    for i in 0 .. size - 4 by 4 loop
      k := (get_byte(bytes, i) | (get_byte(bytes, i + 1) << 8) | (get_byte(bytes, i + 2) << 16)
        | (get_byte(bytes, i + 3)::bigint << 24)) * 1540483477 & 4294967295;
      h := (h * 1540483477 & 4294967295) # ((k # (k >> 24)) * 1540483477 & 4294967295);
    end loop;
    if size & 3 > 0 then
      h := (h # (get_byte(bytes, size - (size & 3))
        | (case when size & 3 > 1 then get_byte(bytes, size - (size & 3) + 1) << 8 else 0 end)
        | (case when size & 3 > 2 then get_byte(bytes, size - 1) << 16 else 0 end))) * 1540483477 & 4294967295;
    end if;
    h := (h # (h >> 13)) * 1540483477 & 4294967295;
    return (h # (h >> 15)) << 32 >> 32;
  end $function$;

CREATE OR REPLACE FUNCTION kafka.names_of(list text, rel oid)
 RETURNS text[]
 LANGUAGE plpgsql
 STABLE
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
  declare
    names text[] := array(select btrim(n.name) from unnest(string_to_array(list, ',')) with ordinality n (name, place) order by n.place);
  begin
    return array(
      select coalesce((select a.attname::text from pg_catalog.pg_attribute a where a.attrelid = rel and a.attname in (n.name, lower(n.name))
        and a.attnum > 0 order by a.attname = n.name desc limit 1), n.name)
      from unnest(names) with ordinality n (name, place) order by n.place);
  end $function$;

CREATE OR REPLACE FUNCTION kafka.newest_claim(of_group text, of_partition integer)
 RETURNS kafka.sql_offsets
 LANGUAGE plpgsql
 SET enable_seqscan TO 'off'
 SET enable_bitmapscan TO 'off'
 SET enable_sort TO 'off'
AS $function$
  declare
    newest kafka.sql_offsets;
  begin
    select * into newest from kafka.sql_offsets o where o.group_id = of_group and o.partition_id = of_partition
      order by o.group_id desc, o.partition_id desc, o.revision desc limit 1;
    return newest;
  end $function$;

CREATE OR REPLACE FUNCTION kafka.note_security_change()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
  begin
    -- The broker knows what it stores.
    if current_setting('tusk.broker', true) is distinct from 'on' then
      insert into kafka.security_changes default values on conflict do nothing;
      if current_setting('max_prepared_transactions') = '0' then
        perform pg_notify('kafka_security', '');
      end if;
    end if;
    return null;
  end $function$;

CREATE OR REPLACE FUNCTION kafka.owned_partitions(kind text, owner jsonb, member jsonb)
 RETURNS TABLE(topic text, partition integer)
 LANGUAGE plpgsql
 STABLE COST 50 ROWS 10
 SET plan_cache_mode TO 'force_generic_plan'
 SET enable_seqscan TO 'off'
AS $function$
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
  end $function$;

CREATE OR REPLACE FUNCTION kafka.partition_bytes(id integer, cleaned bigint)
 RETURNS bigint
 LANGUAGE plpgsql
 STABLE COST 50
AS $function$
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
  end $function$;

CREATE OR REPLACE FUNCTION kafka.partition_names(ids integer[])
 RETURNS text[]
 LANGUAGE sql
 STABLE
AS $function$
  select array_agg(t.name || '-' || p.partition_index order by t.name, p.partition_index)
  from kafka.partitions p join kafka.topics t on t.topic_id = p.topic_id where p.partition_id = any (ids) $function$;

CREATE OR REPLACE FUNCTION kafka.partition_to_claim(of_topic text, of_index integer)
 RETURNS integer
 LANGUAGE plpgsql
AS $function$
  declare
    found_id integer;
  begin
    select p.partition_id into found_id from kafka.topics t join kafka.partitions p on p.topic_id = t.topic_id
      where t.name = of_topic and p.partition_index = of_index;
    if found_id is null then
      raise exception 'there is no partition % of topic %', of_index, of_topic using errcode = '42704',
        hint = 'kafka.partition_overview shows those that there are.';
    end if;
    return found_id;
  end $function$;

CREATE OR REPLACE FUNCTION kafka.partitions_to_poll(of_group text, of_topic text)
 RETURNS TABLE(index integer, id integer, log_start bigint)
 LANGUAGE plpgsql
 SET enable_seqscan TO 'off'
 SET enable_bitmapscan TO 'off'
AS $function$
  begin
    return query
      select p.partition_index, p.partition_id, p.log_start_offset
      from kafka.topics t
      join kafka.partitions p on p.topic_id = t.topic_id
      left join lateral (
        select o.claim, o.committed_offset from kafka.sql_offsets o
        where o.group_id = of_group and o.partition_id = p.partition_id
        order by o.group_id desc, o.partition_id desc, o.revision desc limit 1) own on true
      where t.name = of_topic and greatest(own.committed_offset, p.log_start_offset) < (
        select b.last_offset + 1 from kafka.batches b
        where b.partition_id = p.partition_id order by b.base_offset desc limit 1)
      order by own.claim nulls first, p.partition_index;
  end $function$;

CREATE OR REPLACE FUNCTION kafka.plan_read(ids integer[], froms bigint[], maxes bigint[], total bigint, OUT request integer, OUT part integer, OUT first_base bigint, OUT last_base bigint)
 RETURNS SETOF record
 LANGUAGE plpgsql
 STABLE COST 50 ROWS 10
AS $function$
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
  end $function$;

CREATE OR REPLACE FUNCTION kafka.poll("group" text, topic text, max integer DEFAULT 100)
 RETURNS TABLE(partition integer, "offset" bigint, "timestamp" timestamp with time zone, key bytea, value bytea, headers kafka.header[], claim bigint)
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
  declare
    candidate record;
    got record;
    own kafka.sql_offsets;
  begin
    perform kafka.may_consume($1, $2);
    for candidate in select * from kafka.partitions_to_poll($1, $2) loop
      continue when not kafka.lock_claim($1, candidate.id, false);
      own := kafka.newest_claim($1, candidate.id);
      if own.claim is null then
        own := kafka.take_claim($1, candidate.id);
        claim := own.claim;
      end if;
      -- Where nothing can be read yet, a claim that is there is left as it is.
      for got in
        select * from kafka.records($2, candidate.index, greatest(own.committed_offset, candidate.log_start), $3)
      loop
        claim := coalesce(claim, (kafka.take_claim($1, candidate.id)).claim);
        partition := candidate.index;
        "offset" := got."offset";
        "timestamp" := got."timestamp";
        key := got.key;
        value := got.value;
        headers := got.headers;
        return next;
      end loop;
      exit when partition is not null;
      claim := null;
    end loop;
  end $function$;

CREATE OR REPLACE FUNCTION kafka.produce(topic text, value bytea, key bytea, headers kafka.header[] DEFAULT NULL::kafka.header[], partition integer DEFAULT NULL::integer, "timestamp" timestamp with time zone DEFAULT NULL::timestamp with time zone, dedup text DEFAULT NULL::text)
 RETURNS bigint
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET plan_cache_mode TO 'force_generic_plan'
AS $function$
  declare
    role name := kafka.session_role();
    more bigint := 0;
    made bigint;
  begin
    if headers is not null then
      more := coalesce(kafka.header_bytes(headers), 0);
    end if;
    if dedup is not null and topic is not null and kafka.may(role, 'WRITE', 'TOPIC', topic)
      and not kafka.first_call(topic, dedup) then
      return null;
    end if;
    insert into kafka.outbox as o (partition_id, timestamp, key, value, headers)
      select t.partition_ids[1 + coalesce(partition, kafka.place_of(produce.key) % cardinality(t.partition_ids))],
        case when "timestamp" is null then date_part('epoch', clock_timestamp()) * 1000
          else kafka.record_time("timestamp") end,
        produce.key, produce.value, produce.headers
      from kafka.sql_topics t
      where t.topic = produce.topic and (partition is null or partition between 0 and cardinality(t.partition_ids) - 1)
        and more + kafka.record_bytes(produce.key, produce.value) <= t.max_message_bytes
        and (produce.key is not null or not t.is_compacted)
        -- The quickest first: the owner needs no row, and who has none may have the owner's privileges.
        and (role = current_user or (select s.allowed from kafka.acls_say(role, 'WRITE', 'TOPIC', produce.topic) s)
          or kafka.may(role, 'WRITE', 'TOPIC', produce.topic))
      returning o.id into made;
    if made is null then
      perform kafka.refuse_record(role, topic, partition, more + kafka.record_bytes(key, value), key is null);
    end if;
    if kafka.broker_sleeps() then
      perform pg_notify('kafka_outbox', '');
    end if;
    return made;
  end $function$;

CREATE OR REPLACE FUNCTION kafka.produce(topic text, value bytea, key text DEFAULT NULL::text, headers kafka.header[] DEFAULT NULL::kafka.header[], partition integer DEFAULT NULL::integer, "timestamp" timestamp with time zone DEFAULT NULL::timestamp with time zone, dedup text DEFAULT NULL::text)
 RETURNS bigint
 LANGUAGE plpgsql
AS $function$
  begin
    return kafka.produce(topic, value, pg_catalog.convert_to(key, 'UTF8'), headers, partition, "timestamp", dedup);
  end $function$;

CREATE OR REPLACE FUNCTION kafka.produce(topic text, value jsonb, key bytea, headers kafka.header[] DEFAULT NULL::kafka.header[], partition integer DEFAULT NULL::integer, "timestamp" timestamp with time zone DEFAULT NULL::timestamp with time zone, dedup text DEFAULT NULL::text)
 RETURNS bigint
 LANGUAGE plpgsql
AS $function$
  begin
    return kafka.produce(topic, pg_catalog.convert_to(value::pg_catalog.text, 'UTF8'), key, headers, partition,
      "timestamp", dedup);
  end $function$;

CREATE OR REPLACE FUNCTION kafka.produce(topic text, value jsonb, key text DEFAULT NULL::text, headers kafka.header[] DEFAULT NULL::kafka.header[], partition integer DEFAULT NULL::integer, "timestamp" timestamp with time zone DEFAULT NULL::timestamp with time zone, dedup text DEFAULT NULL::text)
 RETURNS bigint
 LANGUAGE plpgsql
AS $function$
  begin
    return kafka.produce(topic, pg_catalog.convert_to(value::pg_catalog.text, 'UTF8'),
      pg_catalog.convert_to(key, 'UTF8'), headers, partition, "timestamp", dedup);
  end $function$;

CREATE OR REPLACE FUNCTION kafka.produce(topic text, value text, key bytea, headers kafka.header[] DEFAULT NULL::kafka.header[], partition integer DEFAULT NULL::integer, "timestamp" timestamp with time zone DEFAULT NULL::timestamp with time zone, dedup text DEFAULT NULL::text)
 RETURNS bigint
 LANGUAGE plpgsql
AS $function$
  begin
    return kafka.produce(topic, pg_catalog.convert_to(value, 'UTF8'), key, headers, partition, "timestamp", dedup);
  end $function$;

CREATE OR REPLACE FUNCTION kafka.produce(topic text, value text, key text DEFAULT NULL::text, headers kafka.header[] DEFAULT NULL::kafka.header[], partition integer DEFAULT NULL::integer, "timestamp" timestamp with time zone DEFAULT NULL::timestamp with time zone, dedup text DEFAULT NULL::text)
 RETURNS bigint
 LANGUAGE plpgsql
AS $function$
  begin
    return kafka.produce(topic, pg_catalog.convert_to(value, 'UTF8'), pg_catalog.convert_to(key, 'UTF8'), headers,
      partition, "timestamp", dedup);
  end $function$;

CREATE OR REPLACE FUNCTION kafka.produce_many(topic text, records bytea[], keys bytea[], headers kafka.header[] DEFAULT NULL::kafka.header[], partition integer DEFAULT NULL::integer, "timestamp" timestamp with time zone DEFAULT NULL::timestamp with time zone)
 RETURNS bigint
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET plan_cache_mode TO 'force_generic_plan'
AS $function$
  declare
    role name := kafka.session_role();
    ms bigint := kafka.record_time(coalesce("timestamp", clock_timestamp()));
    more bigint := coalesce(kafka.header_bytes(headers), 0);
    made bigint;
  begin
    if not kafka.may(role, 'WRITE', 'TOPIC', topic) then
      perform kafka.refuse_right(role, 'WRITE', 'TOPIC', topic);
    end if;
    if cardinality(keys) <> cardinality(records) then
      raise exception '% records and % keys', cardinality(records), cardinality(keys) using errcode = '2202E',
        hint = 'Give a key for each record, null for one without, or no keys at all.';
    end if;
    insert into kafka.outbox (partition_id, timestamp, key, value, headers)
      select t.partition_ids[1 + coalesce(partition, kafka.place_of(r.key) % cardinality(t.partition_ids))], ms, r.key,
        r.value, produce_many.headers
      from unnest(records, keys) with ordinality r (value, key, number)
      join kafka.sql_topics t on t.topic = produce_many.topic
      where (partition is null or partition between 0 and cardinality(t.partition_ids) - 1)
        and more + kafka.record_bytes(r.key, r.value) <= t.max_message_bytes
        and (r.key is not null or not t.is_compacted)
      order by r.number;
    get diagnostics made = row_count;
    if made < cardinality(records) then
      perform kafka.refuse_record(role, topic, partition, more + max(kafka.record_bytes(r.key, r.value)),
        bool_or(r.key is null)) from unnest(records, keys) r (value, key);
    end if;
    if made > 0 and kafka.broker_sleeps() then
      perform pg_notify('kafka_outbox', '');
    end if;
    return made;
  end $function$;

CREATE OR REPLACE FUNCTION kafka.produce_many(topic text, records bytea[], keys text[] DEFAULT NULL::text[], headers kafka.header[] DEFAULT NULL::kafka.header[], partition integer DEFAULT NULL::integer, "timestamp" timestamp with time zone DEFAULT NULL::timestamp with time zone)
 RETURNS bigint
 LANGUAGE plpgsql
AS $function$
  begin
    return kafka.produce_many(topic, records, kafka.bytes_of(keys), headers, partition, "timestamp");
  end $function$;

CREATE OR REPLACE FUNCTION kafka.produce_many(topic text, records jsonb[], keys text[] DEFAULT NULL::text[], headers kafka.header[] DEFAULT NULL::kafka.header[], partition integer DEFAULT NULL::integer, "timestamp" timestamp with time zone DEFAULT NULL::timestamp with time zone)
 RETURNS bigint
 LANGUAGE plpgsql
AS $function$
  begin
    return kafka.produce_many(topic, kafka.bytes_of(records::pg_catalog.text[]), kafka.bytes_of(keys), headers, partition,
      "timestamp");
  end $function$;

CREATE OR REPLACE FUNCTION kafka.produce_many(topic text, records text[], keys text[] DEFAULT NULL::text[], headers kafka.header[] DEFAULT NULL::kafka.header[], partition integer DEFAULT NULL::integer, "timestamp" timestamp with time zone DEFAULT NULL::timestamp with time zone)
 RETURNS bigint
 LANGUAGE plpgsql
AS $function$
  begin
    return kafka.produce_many(topic, kafka.bytes_of(records), kafka.bytes_of(keys), headers, partition, "timestamp");
  end $function$;

CREATE OR REPLACE FUNCTION kafka.publication_now(publication integer)
 RETURNS kafka.published
 LANGUAGE plpgsql
AS $function$
  declare
    p kafka.published;
    names name[];
  begin
    select * into p from kafka.published f where f.publication_id = publication;
    if p.home is distinct from 'kafka.published'::regclass::oid then
      p.relation := to_regclass(p.table_name);
    else
      p.key_names := array(
        select coalesce(a.attname, k.name) from unnest(p.key_numbers, p.key_names) with ordinality k (number, name, place)
        left join pg_attribute a on a.attrelid = p.relation and a.attnum = k.number and not a.attisdropped order by k.place);
    end if;
    return p;
  end $function$;

CREATE OR REPLACE FUNCTION kafka.publish_change(publication integer, topic text, envelope text, old_key bytea, old_value text, new_key bytea, new_value text, op text, fails boolean)
 RETURNS void
 LANGUAGE plpgsql
AS $function$
  declare
    is_other boolean := op <> 'r' and not (op = 'u' and old_key is not distinct from new_key);
  begin
    -- A row with another key is another one.
    if is_other and op <> 'c' then
      if envelope is not null then
        perform kafka.publish_record(publication, topic, old_key,
          convert_to(kafka.enveloped(envelope, 'd', old_value, null), 'UTF8'), fails);
      end if;
      perform kafka.publish_record(publication, topic, old_key, null, fails);
    end if;
    if op <> 'd' then
      perform kafka.publish_record(publication, topic, new_key, convert_to(
        case when envelope is null then new_value
          when is_other then kafka.enveloped(envelope, 'c', null, new_value)
          else kafka.enveloped(envelope, op, old_value, new_value) end, 'UTF8'), fails);
    end if;
  end $function$;

CREATE OR REPLACE FUNCTION kafka.publish_failed(publication integer, reason text)
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
  begin
    update kafka.published f set error = reason, error_since = coalesce(f.error_since, now())
      where f.publication_id = publication and f.error is distinct from reason;
  end $function$;

CREATE OR REPLACE FUNCTION kafka.publish_record(publication integer, topic text, key bytea, value bytea, fails boolean)
 RETURNS void
 LANGUAGE plpgsql
AS $function$
  declare
    p kafka.published;
  begin
    insert into kafka.outbox (partition_id, key, value)
      select t.partition_ids[1 + case cardinality(t.partition_ids) when 1 then 0
          else kafka.place_of(publish_record.key) % cardinality(t.partition_ids) end], publish_record.key, publish_record.value
      from kafka.sql_topics t
      where t.topic = publish_record.topic
        and kafka.record_bytes(publish_record.key, publish_record.value) <= t.max_message_bytes
        and (publish_record.key is not null or not t.is_compacted);
    if not found then
      select * into p from kafka.published f where f.publication_id = publication;
      begin
        perform kafka.refuse_published(p, key, kafka.record_bytes(key, value));
      exception when others then
        if fails then
          raise;
        end if;
        insert into kafka.outbox_refused (id, reason, partition_id, timestamp, key, value)
          values (0, sqlerrm, coalesce((select t.partition_ids[1] from kafka.sql_topics t where t.topic = publish_record.topic), -1),
            kafka.record_time(clock_timestamp()), key, value);
      end;
      return;
    end if;
    if kafka.broker_sleeps() then
      perform pg_notify('kafka_outbox', '');
    end if;
  end $function$;

CREATE OR REPLACE FUNCTION kafka.publish_statement(p kafka.published, op text)
 RETURNS text
 LANGUAGE plpgsql
 STABLE
AS $function$
  declare
    of_old record := kafka.row_code(p, 'old');
    of_new record := kafka.row_code(p, 'new');
    value text := case op when 'd' then 'null::text' else of_new.value end;
    source text := '';
    sorted text := '';
  begin
    if p.format = 'debezium' then
      value := format('format(%L, %s, %s, left(u.us, -3), ''false'', right(u.us, 3), pg_current_xact_id(), %L)', kafka.envelope_of(p),
        case op when 'c' then quote_literal('null') else of_old.value end,
        case op when 'd' then quote_literal('null') else of_new.value end, op);
      source := 'from (select (extract(epoch from clock_timestamp()) * 1000000)::bigint::text offset 0) u (us)';
      if op = 'd' then
        value := format('case n.n when 1 then %s end', value);
        source := source || ', (values (1), (2)) n (n)';
        sorted := 'order by n.n';
      end if;
    end if;
    return format('insert into kafka.outbox (partition_id, key, value)
          select t.partition_ids[1 + case cardinality(t.partition_ids) when 1 then 0
              else kafka.place_of(r.key) %% cardinality(t.partition_ids) end], r.key, r.value
          from (select %s as key, convert_to(%s, ''UTF8'') as value %s where %s %s offset 0) r, kafka.sql_topics t
          where t.topic = %L and kafka.record_bytes(r.key, r.value) <= t.max_message_bytes
            and (r.key is not null or not t.is_compacted)%s',
      case op when 'd' then of_old.key else of_new.key end, value, source, case op when 'd' then of_old.guard else of_new.guard end,
      sorted, p.topic, case op when 'u' then format(' and r.key is not distinct from %s', of_old.key) else '' end);
  end $function$;

CREATE OR REPLACE FUNCTION kafka.publish_step(publication integer, most integer, room integer, OUT state text, OUT rows integer, OUT bytes bigint)
 RETURNS record
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET row_security TO 'off'
 SET enable_seqscan TO 'off'
 SET constraint_exclusion TO 'off'
 SET "TimeZone" TO 'UTC'
 SET "DateStyle" TO 'ISO, YMD'
 SET "IntervalStyle" TO 'postgres'
 SET extra_float_digits TO '1'
 SET bytea_output TO 'hex'
 SET lc_monetary TO 'C'
AS $function$
  declare
    p kafka.published;
    names name[];
    code record;
    upto text[];
    keys bytea[];
    values bytea[];
    place text;
    sorted text;
    source text;
    range text := 'true';
    was_lock_timeout constant text := current_setting('lock_timeout');
    envelope text;
  begin
    rows := 0;
    bytes := 0;
    state := 'gone';
    perform from kafka.published f where f.publication_id = publication for update;
    p := kafka.publication_now(publication);
    if p.publication_id is null or not exists (select from pg_class c where c.oid = p.relation) or p.snapshot not in ('asked', 'running') then
      return;
    elsif (select count(*) from (select from kafka.outbox limit room) o) = room then
      state := 'waits';
      return;
    end if;
    source := case when (select c.relkind = 'p' from pg_class c where c.oid = p.relation) then '' else 'only ' end || p.relation::regclass;
    -- Nobody changes the table's indexes meanwhile.
    if not kafka.trusts_owner(p.relation) then
      -- Writers do not wait for who waits for this, and it takes a while until an autovacuum gives way.
      perform set_config('lock_timeout', '2s', true);
      execute format('lock table %s in share update exclusive mode', source);
      perform set_config('lock_timeout', was_lock_timeout, true);
    end if;
    perform kafka.check_reading(p, true);
    select array_agg(k.name order by k.place), string_agg(format('format(''%%s'', t.%I)', k.name), ', ' order by k.place),
        string_agg(format('t.%I using %s', k.name, kafka.order_operator(k.class, 1)), ', ' order by k.place)
      into names, place, sorted from kafka.primary_key(p.relation) k;
    if names is null or names <> p.position_names then
      raise exception 'the primary key of table % is another one than it was', p.table_name using errcode = '55000',
        hint = 'Publish the table anew: kafka.unpublish_table, and kafka.publish_table.';
    end if;
    if p.position is not null then
      range := kafka.rows_by_place(p.relation, p.position, false);
    end if;
    execute format('select array[%s] from %s t where %s order by %s offset %s limit 1', place, source, range, sorted, most - 1) into upto;
    if upto is not null then
      range := format('%s and %s', range, kafka.rows_by_place(p.relation, upto, true));
    end if;
    if p.mark is not null and pg_current_xact_id()::text::bigint < 4294967296 then
      range := format('%s and t.xmin::text::bigint < %s and t.xmin::text::bigint <> all (%L::bigint[])', range, p.mark, p.open_then);
    end if;
    code := kafka.row_code(p, 't');
    envelope := case p.format when 'debezium' then kafka.envelope_of(p) end;
    -- All in one statement; what the topic does not take is looked at row by row.
    execute format('with r as materialized (select %s as key, %s as value from %s t where %s for share of t),
        v as materialized (select r.key, convert_to(%s, ''UTF8'') as value from r),
        f as materialized (select v.*, t.partition_ids,
            coalesce(kafka.record_bytes(v.key, v.value) <= t.max_message_bytes and (v.key is not null or not t.is_compacted), false) as fits
          from v left join kafka.sql_topics t on t.topic = $1),
        put as (insert into kafka.outbox (partition_id, key, value)
          select f.partition_ids[1 + case cardinality(f.partition_ids) when 1 then 0
              else kafka.place_of(f.key) %% cardinality(f.partition_ids) end], f.key, f.value from f where f.fits)
        select count(*), coalesce(sum(octet_length(f.value)), 0), array_agg(f.key) filter (where not f.fits),
          array_agg(f.value) filter (where not f.fits) from f',
        code.key, code.value, source, range, case p.format when 'json' then 'r.value' else 'kafka.enveloped($2, ''r'', null, r.value)' end)
      using p.topic, envelope into rows, bytes, keys, values;
    for i in 1 .. coalesce(cardinality(values), 0) loop
      perform kafka.publish_record(publication, p.topic, keys[i], values[i], p.on_error = 'fail');
    end loop;
    if kafka.broker_sleeps() then
      perform pg_notify('kafka_outbox', '');
    end if;
    state := case when upto is null then 'done' else 'running' end;
    update kafka.published f set snapshot = state, position = upto, rows_read = f.rows_read + publish_step.rows, error = null, error_since = null
      where f.publication_id = publication;
  end $function$;

CREATE OR REPLACE FUNCTION kafka.publish_table("table" regclass, topic text, key text DEFAULT NULL::text, format text DEFAULT 'json'::text, schemas boolean DEFAULT true, snapshot boolean DEFAULT true, on_error text DEFAULT 'fail'::text)
 RETURNS integer
 LANGUAGE plpgsql
AS $function$
  begin
    return kafka.publish_table("table", topic, kafka.names_of(key, "table"::pg_catalog.oid), format, schemas, snapshot, on_error);
  end $function$;

CREATE OR REPLACE FUNCTION kafka.publish_table("table" regclass, topic text, key text[], format text DEFAULT 'json'::text, schemas boolean DEFAULT true, snapshot boolean DEFAULT true, on_error text DEFAULT 'fail'::text)
 RETURNS integer
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET lock_timeout TO '50ms'
AS $function$
  declare
    id integer := kafka.begin_publication("table", topic, key, format, schemas, snapshot, on_error);
    called text := pg_catalog.format('!%s publish %s', left('kafka'::regnamespace::text, 40), id);
    tries integer := 0;
    part regclass;
  begin
    -- It waits for whoever writes the table, but none of those that come waits long for it.
    loop
      begin
        execute pg_catalog.format('lock table %s in share row exclusive mode', "table");
        exit;
      exception when lock_not_available then
        tries := tries + 1;
        if tries = 50 then
          raise exception 'table % is always being written', "table" using errcode = '55P03',
            detail = 'Its triggers can be made when no transaction is open that has written it.',
            hint = 'Try again; pg_locks shows who has it.';
        end if;
      end;
      perform pg_sleep(0.1);
    end loop;
    -- Its name goes before those of other triggers: what they change is told behind what they were called for.
    execute pg_catalog.format('create trigger %I after insert or update or delete on %s for each row execute function kafka.publish_%s()',
      called, "table", id);
    execute pg_catalog.format('alter table %s enable always trigger %I', "table", called);
    for part in select "table" union select t.relid from pg_partition_tree("table") t where t.isleaf loop
      execute pg_catalog.format('create trigger %I before truncate on %s for each statement execute function kafka.publish_truncate(%L)',
        called || ' truncate', part, id);
      execute pg_catalog.format('alter table only %s enable always trigger %I', part, called || ' truncate');
    end loop;
    perform kafka.finish_publication(id);
    return id;
  end $function$;

CREATE OR REPLACE FUNCTION kafka.publish_truncate()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET row_security TO 'off'
 SET "TimeZone" TO 'UTC'
 SET "DateStyle" TO 'ISO, YMD'
 SET "IntervalStyle" TO 'postgres'
 SET extra_float_digits TO '1'
 SET bytea_output TO 'hex'
 SET lc_monetary TO 'C'
AS $function$
  declare
    p kafka.published := kafka.publication_now(tg_argv[0]::integer);
    is_root boolean := (select c.relkind = 'p' from pg_class c where c.oid = p.relation);
    rel oid := tg_relid;
    code record;
    row record;
    partition integer;
    envelope text;
  begin
    if not coalesce(kafka.is_published(p, tg_relid), false) then
      raise exception 'table % is not published by this trigger', tg_relid::regclass using errcode = '55000';
    elsif p.format = 'debezium' and not is_root then
      envelope := kafka.enveloped(kafka.envelope_of(p), 't', null, null);
      insert into kafka.outbox (partition_id, value)
        select unnest(t.partition_ids), convert_to(envelope, 'UTF8') from kafka.sql_topics t where t.topic = p.topic and not t.is_compacted;
      if not found then
        perform kafka.publish_record(p.publication_id, p.topic, null, convert_to(envelope, 'UTF8'), p.on_error = 'fail');
      elsif kafka.broker_sleeps() then
        perform pg_notify('kafka_outbox', '');
      end if;
      return null;
    end if;
    -- Each partition has a trigger of its own; that of the whole stands in for those that were made later.
    for rel in select t.relid from pg_partition_tree(tg_relid) t where t.isleaf and (t.relid = tg_relid or not exists (
        select from pg_trigger g where g.tgrelid = t.relid and g.tgfoid = 'kafka.publish_truncate'::regproc and g.tgargs = convert_to(tg_argv[0], 'UTF8') || '\x00'))
      union all select tg_relid where not is_root and not exists (select from pg_partition_tree(tg_relid)) loop
      perform kafka.check_reading(p, false);
      if code is null then
        code := kafka.row_code(p, 't');
        envelope := case p.format when 'debezium' then kafka.envelope_of(p) end;
      end if;
      for row in execute format('select %s as key, %s as value from only %s t', code.key,
          case p.format when 'debezium' then code.value else 'null::text' end, rel::regclass) loop
        perform kafka.publish_change(p.publication_id, p.topic, envelope, row.key, row.value, null, null, 'd', p.on_error = 'fail');
      end loop;
    end loop;
    return null;
  end $function$;

CREATE OR REPLACE FUNCTION kafka.put_claim(former kafka.sql_offsets, now_on kafka.sql_offsets)
 RETURNS void
 LANGUAGE plpgsql
 SET enable_seqscan TO 'off'
 SET enable_bitmapscan TO 'off'
AS $function$
  begin
    delete from kafka.sql_offsets o
      where o.group_id = former.group_id and o.partition_id = former.partition_id and o.revision = former.revision;
    insert into kafka.sql_offsets (group_id, partition_id, claim, committed_offset, claimed_at, committed_at, role)
      values (now_on.group_id, now_on.partition_id, now_on.claim, now_on.committed_offset, now_on.claimed_at, now_on.committed_at,
        kafka.session_role());
  end $function$;

CREATE OR REPLACE FUNCTION kafka.readable_partitions(topic text, partition integer)
 RETURNS SETOF kafka.partitions
 LANGUAGE plpgsql
 STABLE ROWS 10
AS $function$
  begin
    if not kafka.may_read(topic) then
      raise 'permission denied for topic "%"', topic using errcode = '42501',
        detail = format('Role %I has no right to read it by kafka.acls.', kafka.session_role()),
        hint = format('As the owner of the schema: select kafka.allow(%L, ''read'', %L).', kafka.session_role(), topic);
    end if;
    return query select p.* from kafka.topics t join kafka.partitions p on p.topic_id = t.topic_id
      where t.name = topic and (partition is null or p.partition_index = partition) order by p.partition_index;
    if not found and exists (select from kafka.topics t where t.name = topic) then
      raise 'topic "%" has no partition %', topic, partition using errcode = '22003',
        hint = 'kafka.partition_overview shows those that there are.';
    elsif not found then
      raise 'there is no topic "%"', topic using errcode = '42704',
        hint = 'kafka.topic_overview shows those that there are; names are case-sensitive.';
    end if;
  end $function$;

CREATE OR REPLACE FUNCTION kafka.record_time(at timestamp with time zone)
 RETURNS bigint
 LANGUAGE plpgsql
 STABLE
AS $function$
  begin
    if not isfinite(at) or at < to_timestamp(0) then
      raise exception 'a record cannot have the timestamp %', at using errcode = '22008',
        detail = 'Kafka counts milliseconds since 1970.';
    end if;
    return floor(date_part('epoch', at) * 1000);
  end $function$;

CREATE OR REPLACE FUNCTION kafka.records(topic text, partition integer DEFAULT NULL::integer, from_offset bigint DEFAULT NULL::bigint, max integer DEFAULT 100, since timestamp with time zone DEFAULT NULL::timestamp with time zone)
 RETURNS SETOF kafka.read_record
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER COST 10000 ROWS 100
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET plan_cache_mode TO 'force_generic_plan'
 SET enable_seqscan TO 'off'
 SET enable_bitmapscan TO 'off'
 SET enable_sort TO 'off'
 SET jit TO 'off'
AS $function$
  declare
    part kafka.partitions;
    most bigint := max;
    found_rows bigint;
  begin
    for part in select * from kafka.readable_partitions(topic, partition) loop
      exit when most <= 0;
      if exists (select from kafka.unpacked_positions p where p.partition_id = part.partition_id) then
        return query select part.partition_index, r.*
          from kafka.kept_records(part.partition_id, greatest(from_offset, part.log_start_offset), most, since) r;
      else
        return query select part.partition_index, r.*
          from kafka.log_records(part.partition_id, greatest(from_offset, part.log_start_offset), most, since) r;
      end if;
      get diagnostics found_rows = row_count;
      most := most - found_rows;
    end loop;
  end $function$;

CREATE OR REPLACE FUNCTION kafka.refuse_published(p kafka.published, key bytea, bytes bigint)
 RETURNS void
 LANGUAGE plpgsql
AS $function$
  declare
    it record;
    reason text;
  begin
    select * into it from kafka.sql_topics t where t.topic = p.topic;
    reason := case when not found then 'there is no such topic'
      when key is null and it.is_compacted then 'its cleanup.policy is compact, and the record has no key'
      else format('the record takes %s bytes; its max.message.bytes is %s', bytes, it.max_message_bytes) end;
    raise exception 'table % is published, and topic "%" does not take the record: %', p.table_name, p.topic, reason
      using errcode = case when it.topic is null then '42704' when key is null then '23502' else '54000' end,
      hint = format('Mend the topic; or end it by kafka.unpublish_table(%L, %L); or publish it with on_error => ''set aside''.',
        p.table_name, p.topic);
  end $function$;

CREATE OR REPLACE FUNCTION kafka.refuse_record(role name, topic text, partition integer, bytes bigint, keyless boolean)
 RETURNS void
 LANGUAGE plpgsql
AS $function$
  declare
    it record;
  begin
    if topic is null or not kafka.may(role, 'WRITE', 'TOPIC', topic) then
      perform kafka.refuse_right(role, 'WRITE', 'TOPIC', topic);
    end if;
    select * into it from kafka.sql_topics t where t.topic = refuse_record.topic;
    if not found then
      raise exception 'there is no topic "%"', topic using errcode = '42704',
        hint = 'Make it first, with any client or tool of Kafka: kafka-topics --create --topic …';
    elsif partition < 0 or partition >= cardinality(it.partition_ids) then
      raise exception 'topic "%" has no partition %', topic, partition using errcode = '22003',
        detail = format('Its partitions are 0 to %s.', cardinality(it.partition_ids) - 1),
        hint = 'Without a partition the key chooses one, as it does in Kafka''s Java producer.';
    elsif bytes > it.max_message_bytes then
      raise exception 'the record is too large for topic "%"', topic using errcode = '54000',
        detail = format('With key and headers, as a batch of its own, it takes %s bytes; max.message.bytes is %s.',
          bytes, it.max_message_bytes),
        hint = 'Raise max.message.bytes of the topic, or send a reference to what lies elsewhere.';
    elsif keyless and it.is_compacted then
      raise exception 'topic "%" takes no record without a key', topic using errcode = '23502',
        detail = 'Its cleanup.policy is compact: of each key the newest record stays.', hint = 'Give a key.';
    end if;
    raise exception 'topic "%" was changed at this moment', topic using errcode = '40001', hint = 'Try again.';
  end $function$;

CREATE OR REPLACE FUNCTION kafka.refuse_right(role name, operation text, resource_type text, resource text)
 RETURNS void
 LANGUAGE plpgsql
AS $function$
  begin
    if resource is null then
      raise exception 'the % is null', lower(resource_type) using errcode = '22004';
    end if;
    raise exception 'permission denied for % "%"', lower(resource_type), resource using errcode = '42501',
      detail = format('Role %I has no right to %s it by kafka.acls.', role, lower(operation)),
      hint = format('As the owner of the schema: select kafka.allow(%L, %L, %L%s).', role, lower(operation), resource,
        case resource_type when 'TOPIC' then '' else format(', %L', lower(resource_type)) end);
  end $function$;

CREATE OR REPLACE FUNCTION kafka.register_materialised(of_topic text, of_table regclass, of_key json, of_columns json, of_error text, has_rows boolean)
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
  declare
    role name := kafka.session_role();
    it pg_class;
    made kafka.materialised_tables;
    wanting text;
  begin
    if not kafka.may(role, 'READ', 'TOPIC', of_topic) then
      perform kafka.refuse_right(role, 'READ', 'TOPIC', of_topic);
    elsif not exists (select from kafka.topics t where t.name = of_topic) then
      raise 'there is no topic "%"', of_topic using errcode = '42704',
        hint = 'kafka.topic_overview shows those that there are; names are case-sensitive.';
    end if;
    select * into it from pg_class c where c.oid = of_table;
    if it.relkind <> 'r' or it.relpersistence <> 'p' then
      raise '% is no ordinary table that survives a crash', of_table using errcode = '42809';
    elsif not coalesce(pg_has_role(to_regrole(quote_ident(role))::oid, it.relowner, 'USAGE'), false) then
      raise 'role % does not own table %', role, of_table using errcode = '42501';
    end if;
    update kafka.materialised_tables m set on_error = of_error where m.target = of_table and m.topic = of_topic
      and m.key_column::text = of_key::text and m.columns::text = of_columns::text;
    if found then
      return;
    elsif exists (select from kafka.materialised_tables m where m.target = of_table) then
      raise 'table % follows a topic already, or in another way', of_table using errcode = '42710',
        hint = format('select kafka.dematerialise(%L) ends that.', of_table);
    elsif has_rows then
      raise 'table % is there and has rows', of_table using errcode = '55000',
        hint = 'A table that is to follow a topic begins empty.';
    elsif (select count(*) from kafka.materialised_tables) >= 1000 then
      raise 'there is no room for more than 1,000 materialised tables' using errcode = '54000';
    end if;
    select string_agg(p, ', ') into wanting from unnest(array['select', 'insert', 'update', 'delete']) p
      where not has_table_privilege(current_user, of_table, p);
    if wanting is not null or not has_schema_privilege(current_user, it.relnamespace, 'USAGE') then
      raise 'the broker may not write to table %', of_table using errcode = '42501', hint = case
        when wanting is not null then format('grant %s on %s to %I', wanting, of_table, current_user)
        else format('As the owner of the schema: grant usage on schema %I to %I', it.relnamespace::regnamespace::text, current_user) end;
    elsif not exists (select from pg_index i join pg_attribute a on a.attrelid = of_table and a.attnum = i.indkey[0]
        where i.indrelid = of_table and i.indisunique and i.indisvalid and i.indimmediate and i.indnkeyatts = 1
          and i.indexprs is null and i.indpred is null and a.attname = of_key ->> 'name' and a.attnotnull) then
      raise 'column % of table % is no key', of_key ->> 'name', of_table using errcode = '42P10',
        hint = 'It has to be the primary key, or not null and unique by itself.';
    elsif exists (select from pg_attribute a where a.attrelid = of_table and a.attnum > 0 and not a.attisdropped
        and a.attnotnull and not a.atthasdef and a.attidentity = '' and a.attname <> of_key ->> 'name'
        and a.attname not in (select c ->> 'name' from json_array_elements(of_columns) c)) then
      raise 'table % has a column that wants a value and is not in the list', of_table using errcode = '23502';
    end if;
    insert into kafka.materialised_tables (target, table_name, topic, role, on_error, key_column, columns)
      values (of_table, of_table::text, of_topic, role, of_error, of_key, of_columns) returning * into made;
    perform kafka.check_materialised(made);
    perform kafka.bind_materialised(made.follower_id, of_table, of_key, of_columns);
  end $function$;

CREATE OR REPLACE FUNCTION kafka.release("group" text)
 RETURNS integer
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
  declare
    it record;
    own kafka.sql_offsets;
    released integer := 0;
  begin
    for it in
      select distinct o.partition_id as id, t.name from kafka.sql_offsets o
      join kafka.partitions p on p.partition_id = o.partition_id
      join kafka.topics t on t.topic_id = p.topic_id
      where o.group_id = $1 order by 1
    loop
      perform kafka.may_consume($1, it.name);
      perform kafka.lock_claim($1, it.id, true);
      own := kafka.newest_claim($1, it.id);
      continue when own.claim is null;
      delete from kafka.sql_offsets o where o.group_id = $1 and o.partition_id = it.id and o.revision = own.revision;
      if own.committed_offset is not null then
        perform kafka.tell_offset($1, it.id, own.committed_offset, own.claim);
      end if;
      perform kafka.tell_offset($1, it.id, null, own.claim);
      released := released + 1;
    end loop;
    return released;
  end $function$;

CREATE OR REPLACE FUNCTION kafka.revoke(role text, operation text, resource text, resource_type text DEFAULT 'topic'::text, pattern_type text DEFAULT 'literal'::text)
 RETURNS bigint
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
  declare
    acl kafka.acls := kafka.acl_of(role, operation, resource, resource_type, pattern_type, 'ALLOW');
    gone bigint;
  begin
    delete from kafka.acls a
      where (a.resource_type, a.resource_name, a.pattern_type, a.principal, a.operation)
        = (acl.resource_type, acl.resource_name, acl.pattern_type, acl.principal, acl.operation);
    get diagnostics gone = row_count;
    return gone;
  end $function$;

CREATE OR REPLACE FUNCTION kafka.row_code(p kafka.published, x text, OUT guard text, OUT key text, OUT value text)
 RETURNS record
 LANGUAGE plpgsql
 STABLE
AS $function$
  declare
    fields text;
    of_key text;
    there integer;
  begin
    select string_agg(format('pg_typeof(%s.%I) = ''%s''::regtype', x, c.name, c.typ::integer), ' and '),
        string_agg(format('%s as %I', code.code, c.name), ', ' order by c.number),
        string_agg(format('%s as %I', code.code, c.name), ', ' order by k.place) filter (where k.place is not null),
        count(k.place)
      into guard, fields, of_key, there
      from kafka.columns_to_publish(p.relation) c
      left join lateral (select u.place from unnest(p.key_names) with ordinality u (name, place) where u.name = c.name) k on true
      cross join lateral (
        select kafka.json_code(format('%s.%I', x, c.name), c.typ) as code where p.format = 'json'
        union all select (kafka.debezium_code(format('%s.%I', x, c.name), c.typ, c.typmod)).code where p.format = 'debezium') code;
    if there < cardinality(p.key_names) then
      raise exception 'column % of the key of table % is not there', array_to_string(p.key_names, ', '), p.table_name
        using errcode = '42703', hint = 'Publish the table anew: kafka.unpublish_table, and kafka.publish_table with another key.';
    end if;
    value := format('(select row_to_json(r.*)::text from (select %s) r)', fields);
    if p.format = 'debezium' then
      key := format('(select row_to_json(r.*)::text from (select %s) r)', of_key);
      if p.schemas then
        key := format('%L || %s || %L', '{"schema":' || kafka.schema_of_row(p.relation, p.topic || '.Key', p.key_names) || '},"payload":', key, '}');
      end if;
    elsif there = 1 then
      key := kafka.text_code(format('%s.%I', x, p.key_names[1]));
    else
      key := format('(select row_to_json(r.*)::text from (select %s) r)', of_key);
    end if;
    key := format('convert_to(%s, ''UTF8'')', key);
  end $function$;

CREATE OR REPLACE FUNCTION kafka.row_query(publication integer, rel oid)
 RETURNS text
 LANGUAGE plpgsql
AS $function$
  declare
    p kafka.published := kafka.publication_now(publication);
    code record;
  begin
    if p.publication_id is null then
      raise exception 'publication % is not known to this transaction', publication using errcode = '40001',
        hint = 'The transaction is older than the publication: try again.';
    elsif not kafka.is_published(p, rel) then
      raise exception 'table % is not published by this trigger', rel::regclass using errcode = '55000',
        hint = 'Drop the trigger, and publish the table by kafka.publish_table.';
    end if;
    code := kafka.row_code(p, '($1)');
    return format('select case when %1$s then %2$s end, case when %1$s then %3$s else ''changed'' end, %4$L', code.guard, code.key,
      code.value, case when p.format = 'debezium' then kafka.envelope_of(p) end);
  end $function$;

CREATE OR REPLACE FUNCTION kafka.rows_by_place(rel oid, at text[], upto boolean)
 RETURNS text
 LANGUAGE plpgsql
 STABLE
AS $function$
  declare
    it record;
    behind text;
    value text;
  begin
    for it in select * from kafka.primary_key(rel) k order by k.place desc loop
      value := format('%L::%s', at[it.place], it.type);
      behind := format('t.%I %s %s%s', it.name, kafka.order_operator(it.class, 5), value,
        case when behind is not null then
          format(' or t.%I %s %s and (%s)', it.name, kafka.order_operator(it.class, 3), value, behind) end);
    end loop;
    return format('t.%I %s %s and %s (%s)', it.name, kafka.order_operator(it.class, case when upto then 2 else 4 end), value,
      case when upto then 'not' end, behind);
  end $function$;

CREATE OR REPLACE FUNCTION kafka.take_claim(of_group text, of_partition integer)
 RETURNS kafka.sql_offsets
 LANGUAGE plpgsql
AS $function$
  declare
    former kafka.sql_offsets := kafka.newest_claim(of_group, of_partition);
    now_on kafka.sql_offsets := former;
  begin
    now_on.claim := greatest(former.claim + 1, (extract(epoch from clock_timestamp()) * 1000000)::bigint);
    if former.claim is null then
      now_on.group_id := of_group;
      now_on.partition_id := of_partition;
      now_on.committed_offset := kafka.first_claim(of_group, of_partition, now_on.claim);
    end if;
    now_on.claimed_at := clock_timestamp();
    perform kafka.put_claim(former, now_on);
    return now_on;
  end $function$;

CREATE OR REPLACE FUNCTION kafka.take_erasures(of_topic text, most integer)
 RETURNS kafka.erasure_passes
 LANGUAGE plpgsql
AS $function$
  declare
    pass kafka.erasure_passes;
  begin
    select * into pass from kafka.erasure_passes p where p.topic_id = of_topic;
    if found or not exists (
      select from kafka.erasure_requests r where r.topic_id = of_topic and r.erased_at is null) then
      return pass;
    end if;
    insert into kafka.erasure_passes (topic_id) values (of_topic) returning * into pass;
    update kafka.erasure_requests r set pass_id = pass.pass_id, place = w.place
      from (
        select n.erasure_id, row_number() over (order by n.erasure_id) as place from (
          select q.erasure_id from kafka.erasure_requests q
          where q.topic_id = of_topic and q.erased_at is null order by q.erasure_id limit most) n) w
      where r.erasure_id = w.erasure_id;
    return pass;
  end $function$;

CREATE OR REPLACE FUNCTION kafka.tell_offset(of_group text, of_partition integer, of_offset bigint, of_claim bigint)
 RETURNS void
 LANGUAGE plpgsql
AS $function$
  begin
    insert into kafka.outbox (group_id, partition_id, committed_offset, claim)
      values (of_group, of_partition, of_offset, of_claim);
    if kafka.broker_sleeps() then
      perform pg_notify('kafka_outbox', '');
    end if;
  end $function$;

CREATE OR REPLACE FUNCTION kafka.tend_publications(OUT publication integer, OUT reads boolean)
 RETURNS SETOF record
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
  declare
    was kafka.published;
    p kafka.published;
    called text;
  begin
    for was in select * from kafka.published f order by f.publication_id loop
      p := kafka.publication_now(was.publication_id);
      called := (select c.oid::regclass::text from pg_class c where c.oid = p.relation);
      if called is null and p.home = 'kafka.published'::regclass::oid then
        delete from kafka.published f where f.publication_id = p.publication_id;
        execute format('drop function if exists kafka.publish_%s()', p.publication_id);
      elsif called is not null then
        begin
          if p.home <> 'kafka.published'::regclass::oid or (called, p.key_names) is distinct from (was.table_name, was.key_names)
            or was.columns is distinct from kafka.columns_now(p.relation) then
            -- Whoever ends it goes first.
            perform from kafka.published f where f.publication_id = p.publication_id for update skip locked;
            continue when not found;
            update kafka.published f set relation = p.relation, home = 'kafka.published'::regclass, table_name = called, key_names = p.key_names,
                key_numbers = array(select a.attnum from unnest(p.key_names) with ordinality k (name, place)
                  join pg_attribute a on a.attrelid = p.relation and a.attname = k.name order by k.place),
                mark = case when p.home = 'kafka.published'::regclass::oid then f.mark end
              where f.publication_id = p.publication_id and cardinality(f.key_names) = (
                select count(*) from pg_attribute a where a.attrelid = p.relation and a.attname = any (p.key_names) and not a.attisdropped);
            p.table_name := called;
            perform kafka.make_publisher(p);
          end if;
        exception when others then
          perform kafka.publish_failed(p.publication_id, sqlerrm);
        end;
        publication := p.publication_id;
        reads := p.snapshot in ('asked', 'running');
        return next;
      end if;
    end loop;
  end $function$;

CREATE OR REPLACE FUNCTION kafka.time_of(ms bigint)
 RETURNS timestamp with time zone
 LANGUAGE sql
 IMMUTABLE PARALLEL SAFE STRICT COST 1
AS $function$
    select to_timestamp(greatest(least(ms, 253402300799999), -62135596800000) / 1000.0)
  $function$;

CREATE OR REPLACE FUNCTION kafka.topics_changed()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
  begin
    case tg_table_name
      when 'topics' then
        perform kafka.keep_topics(array(select c.name from changed c));
      when 'partitions' then
        perform kafka.keep_topics(array(
          select t.name from kafka.topics t where t.topic_id in (select c.topic_id from changed c)));
      when 'configs' then
        perform kafka.keep_topics(array(
          select c.resource_name from changed c
          where c.resource_type = 2 and c.name in ('max.message.bytes', 'cleanup.policy')
          union select t.name from kafka.topics t where exists (
            select from changed c
            where c.resource_type = 4 and c.name in ('message.max.bytes', 'log.cleanup.policy'))));
      else
        perform kafka.keep_topics(array(select t.name from kafka.topics t));
    end case;
    return null;
  end $function$;

CREATE OR REPLACE FUNCTION kafka.unpack(batch bytea, from_offset bigint, most bigint, since timestamp with time zone)
 RETURNS TABLE("offset" bigint, "timestamp" timestamp with time zone, key bytea, value bytea, headers kafka.header[])
 LANGUAGE plpgsql
 IMMUTABLE COST 1000 ROWS 100
AS $function$
  declare
    head bytea := substring(batch for 61);
    -- A value in memory: each look into one that lies apart would fetch all of it.
    body bytea := substring(batch from 62);
    size integer := octet_length(body);
    base_offset bigint := ('x' || encode(substring(head for 8), 'hex'))::bit(64)::bigint;
    base_time bigint := ('x' || encode(substring(head from 28 for 8), 'hex'))::bit(64)::bigint;
    is_append_time boolean := get_byte(head, 22) & 8 <> 0;
    is_plain boolean := base_time between -4611686018427387904 and 4611686018427387903;
    at integer := 0;
    ends integer;
    n bigint;
  begin
    "timestamp" := kafka.time_of(('x' || encode(substring(head from 36 for 8), 'hex'))::bit(64)::bigint);
    for i in 1 .. ('x' || encode(substring(head from 58 for 4), 'hex'))::bit(32)::integer loop
      n := kafka.varint(body, at);
      at := at + kafka.varint_size(body, at);
      ends := at + (n >> 1);
      -- One byte of attributes, of no use yet.
      at := at + 1;
      n := kafka.varint(body, at);
      at := at + kafka.varint_size(body, at);
      if not is_append_time then
        n := (n >> 1 & 9223372036854775807) # -(n & 1);
        if is_plain and n between -4611686018427387904 and 4611686018427387903 then
          "timestamp" := kafka.time_of(base_time + n);
        else
          "timestamp" := kafka.time_of(kafka.wrapping_sum(base_time, n));
        end if;
      end if;
      n := kafka.varint(body, at);
      at := at + kafka.varint_size(body, at);
      "offset" := base_offset + (n >> 1);
      if "offset" >= from_offset and (since is null or "timestamp" >= since) then
        since := null;
        n := kafka.varint(body, at);
        at := at + kafka.varint_size(body, at);
        if n & 1 = 0 then
          key := substring(body from at + 1 for (n >> 1)::integer);
          at := at + (n >> 1);
        else
          key := null;
        end if;
        n := kafka.varint(body, at);
        at := at + kafka.varint_size(body, at);
        if n & 1 = 0 then
          value := substring(body from at + 1 for (n >> 1)::integer);
          at := at + (n >> 1);
        else
          value := null;
        end if;
        n := kafka.varint(body, at);
        at := at + kafka.varint_size(body, at);
        if n = 0 and at = ends and ends <= size then
          headers := null;
        elsif n > 0 and ends <= size then
          headers := kafka.headers_of(body, at, (n >> 1)::integer, ends);
        else
          raise 'a record whose fields do not fill it' using errcode = 'XX001';
        end if;
        return next;
        most := most - 1;
        exit when most <= 0;
      end if;
      at := ends;
    end loop;
  end $function$;

CREATE OR REPLACE FUNCTION kafka.unpack_whole(batch bytea, from_offset bigint)
 RETURNS TABLE("offset" bigint, "timestamp" timestamp with time zone, key bytea, value bytea, headers kafka.header[])
 LANGUAGE plpgsql
 COST 1000 ROWS 100
AS $function$
  begin
    return query select * from kafka.unpack(batch, from_offset, null, null);
  exception when data_corrupted or array_subscript_error or numeric_value_out_of_range or substring_error then
    raise warning 'kafka.unpacked leaves out a batch that is malformed: %', sqlerrm;
  end $function$;

CREATE OR REPLACE FUNCTION kafka.unpublish_table("table" regclass, topic text DEFAULT NULL::text)
 RETURNS integer
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET lock_timeout TO '50ms'
AS $function$
  declare
    id integer;
    it record;
    ended integer := 0;
    tries integer := 0;
  begin
    loop
      begin
        execute pg_catalog.format('lock table %s in access exclusive mode', "table");
        exit;
      exception when lock_not_available then
        tries := tries + 1;
        if tries = 50 then
          raise exception 'table % is always in use', "table" using errcode = '55P03', hint = 'Try again; pg_locks shows who has it.';
        end if;
      end;
      perform pg_sleep(0.1);
    end loop;
    for id in select * from kafka.publications_of("table", topic) loop
      for it in select t.tgname, t.tgrelid::regclass as rel from pg_trigger t
          where t.tgparentid = 0 and t.tgrelid in (select "table"::oid union select r.relid from pg_partition_tree("table") r)
            and (t.tgfoid = pg_catalog.format('kafka.publish_%s', id)::regproc
              or t.tgfoid = 'kafka.publish_truncate'::regproc and t.tgargs = convert_to(id::text, 'UTF8') || '\x00') loop
        execute pg_catalog.format('drop trigger %I on %s', it.tgname, it.rel);
      end loop;
      perform kafka.end_publication(id);
      ended := ended + 1;
    end loop;
    return ended;
  end $function$;

CREATE OR REPLACE FUNCTION kafka.unregister_materialised(name text)
 RETURNS text
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
  declare
    it kafka.materialised_tables := kafka.materialised_named(name);
    role oid := to_regrole(quote_ident(kafka.session_role()));
    owner oid := (select c.relowner from pg_class c where c.oid = it.target);
  begin
    if it.follower_id is null then
      raise 'no materialised table is called %', name using errcode = '42704',
        hint = 'kafka.materialised shows those that there are.';
    elsif not coalesce(pg_has_role(role, current_user, 'USAGE') or pg_has_role(role, owner, 'USAGE')
        or owner is null and kafka.session_role() = it.role, false) then
      raise 'role % does not own table %', kafka.session_role(), it.table_name using errcode = '42501';
    end if;
    execute format('drop function if exists kafka.materialised_%1$s_write(kafka.read_record[]);
      drop function if exists kafka.materialised_%1$s_erase(kafka.read_record[]);
      drop function if exists kafka.materialised_%1$s_clear(bigint)', it.follower_id);
    delete from kafka.materialised_tables m where m.follower_id = it.follower_id;
    delete from kafka.materialised_positions p where p.follower_id = it.follower_id;
    delete from kafka.materialised_troubles t where t.follower_id = it.follower_id;
    return case when owner is not null then it.target::text end;
  end $function$;

CREATE OR REPLACE FUNCTION kafka.varint(bytes bytea, at integer)
 RETURNS bigint
 LANGUAGE sql
 IMMUTABLE
AS $function$
  select case
    when get_byte(bytes, at) < 128 then get_byte(bytes, at)::bigint
    when get_byte(bytes, at + 1) < 128 then (get_byte(bytes, at) + 128 * get_byte(bytes, at + 1) - 128)::bigint
    when get_byte(bytes, at + 2) < 128 then
      (get_byte(bytes, at) + 128 * get_byte(bytes, at + 1) + 16384 * get_byte(bytes, at + 2) - 16512)::bigint
    else kafka.long_varint(bytes, at) end $function$;

CREATE OR REPLACE FUNCTION kafka.varint_size(bytes bytea, at integer)
 RETURNS integer
 LANGUAGE sql
 IMMUTABLE
AS $function$
  select case when get_byte(bytes, at) < 128 then 1 when get_byte(bytes, at + 1) < 128 then 2
    when get_byte(bytes, at + 2) < 128 then 3 when get_byte(bytes, at + 3) < 128 then 4
    when get_byte(bytes, at + 4) < 128 then 5 when get_byte(bytes, at + 5) < 128 then 6
    when get_byte(bytes, at + 6) < 128 then 7 when get_byte(bytes, at + 7) < 128 then 8
    when get_byte(bytes, at + 8) < 128 then 9 else 10 end $function$;

CREATE OR REPLACE FUNCTION kafka.wrapping_sum(a bigint, b bigint)
 RETURNS bigint
 LANGUAGE sql
 IMMUTABLE
AS $function$
  select (case when s.exact > 9223372036854775807 then s.exact - 18446744073709551616
    when s.exact < -9223372036854775808 then s.exact + 18446744073709551616 else s.exact end)::bigint
  from (select a::numeric + b) s (exact) $function$;

CREATE OR REPLACE FUNCTION kafka.acls_say(role name, op text, kind text, resource text)
 RETURNS TABLE(allowed boolean)
 LANGUAGE sql
 STABLE
BEGIN ATOMIC
 SELECT bool_and((a.permission_type = 'ALLOW'::text)) AS bool_and
    FROM kafka.acls a
   WHERE ((a.resource_type = acls_say.kind) AND (((a.resource_name = ANY (ARRAY[acls_say.resource, '*'::text])) AND (a.pattern_type = 'LITERAL'::text)) OR ((a.pattern_type = 'PREFIXED'::text) AND starts_with(acls_say.resource, a.resource_name))) AND (a.operation = ANY (ARRAY[acls_say.op, 'ALL'::text])) AND ((a.principal = ANY (ARRAY[('User:'::text || (acls_say.role)::text), 'User:*'::text])) OR ((a.principal ~~ 'Group:%'::text) AND pg_has_role((to_regrole(quote_ident((acls_say.role)::text)))::oid, (to_regrole(quote_ident(substr(a.principal, 7))))::oid, 'MEMBER'::text))) AND ((a.host = '*'::text) OR (a.host = COALESCE(host(inet_client_addr()), '127.0.0.1'::text))));
END;

CREATE OR REPLACE FUNCTION kafka.broker_sleeps()
 RETURNS boolean
 LANGUAGE sql
BEGIN ATOMIC
 SELECT (NOT pg_try_advisory_xact_lock_shared(1416983403, 3));
END;

CREATE OR REPLACE FUNCTION kafka.code_of(of_table regclass)
 RETURNS text
 LANGUAGE sql
 STABLE
BEGIN ATOMIC
 SELECT
         CASE
             WHEN ((c.relkind <> 'r'::"char") OR (c.relpersistence <> 'p'::"char")) THEN 'is no ordinary table that survives a crash'::text
             WHEN (EXISTS ( SELECT
                FROM pg_trigger t
               WHERE (t.tgrelid = c.oid))) THEN 'has a trigger or a foreign key'::text
             WHEN c.relhasrules THEN 'has a rule'::text
             WHEN (c.relrowsecurity OR c.relforcerowsecurity) THEN 'has row level security'::text
             WHEN (EXISTS ( SELECT
                FROM pg_constraint k
               WHERE ((k.conrelid = c.oid) AND (k.contype = ANY (ARRAY['c'::"char", 'x'::"char"]))))) THEN 'has a check or an exclusion constraint'::text
             WHEN (EXISTS ( SELECT
                FROM pg_index i
               WHERE ((i.indrelid = c.oid) AND ((i.indexprs IS NOT NULL) OR (i.indpred IS NOT NULL))))) THEN 'has an index with an expression or a condition'::text
             WHEN (EXISTS ( SELECT
                FROM pg_statistic_ext s
               WHERE ((s.stxrelid = c.oid) AND (s.stxexprs IS NOT NULL)))) THEN 'has statistics of an expression'::text
             WHEN (EXISTS ( SELECT
                FROM pg_attribute a
               WHERE ((a.attrelid = c.oid) AND (a.attnum > 0) AND (NOT a.attisdropped) AND ((a.attgenerated <> ''::"char") OR (a.atttypid >= (16384)::oid))))) THEN 'has a generated column, or one of a type that is not Postgres'' own'::text
             WHEN (EXISTS ( SELECT
                FROM pg_attrdef d
               WHERE ((d.adrelid = c.oid) AND ((d.adbin)::text !~~ '{CONST %'::text) AND (pg_get_expr(d.adbin, d.adrelid) <> ALL (ARRAY['now()'::text, 'CURRENT_TIMESTAMP'::text]))))) THEN 'has a default that is an expression'::text
             ELSE NULL::text
         END AS "case"
    FROM pg_class c
   WHERE (c.oid = (code_of.of_table)::oid);
END;

CREATE OR REPLACE FUNCTION kafka.columns_to_publish(rel oid)
 RETURNS TABLE(number smallint, name name, typ oid, typmod integer, required boolean)
 LANGUAGE sql
 STABLE
BEGIN ATOMIC
 SELECT a.attnum,
     a.attname,
     a.atttypid,
     a.atttypmod,
     a.attnotnull
    FROM pg_attribute a
   WHERE ((a.attrelid = columns_to_publish.rel) AND (a.attnum > 0) AND (NOT a.attisdropped) AND (a.attgenerated <> 'v'::"char"))
   ORDER BY a.attnum;
END;

CREATE OR REPLACE FUNCTION kafka.is_published(p kafka.published, rel oid)
 RETURNS boolean
 LANGUAGE sql
 STABLE
BEGIN ATOMIC
 SELECT COALESCE(((rel = (p).relation) OR ((pg_partition_root((rel)::regclass))::oid = (p).relation)), false) AS "coalesce";
END;

CREATE OR REPLACE FUNCTION kafka.note_materialised(of_follower integer, of_partition integer, why text)
 RETURNS void
 LANGUAGE sql
BEGIN ATOMIC
 INSERT INTO kafka.materialised_troubles AS t (follower_id, partition_id, stands_since, error, error_offset)  SELECT note_materialised.of_follower AS of_follower,
             note_materialised.of_partition AS of_partition,
             now() AS now,
             "left"(note_materialised.why, 1000) AS "left",
             ( SELECT p.next_offset
                    FROM kafka.materialised_positions p
                   WHERE ((p.follower_id = note_materialised.of_follower) AND (p.partition_id = note_materialised.of_partition))
                   ORDER BY p.next_offset DESC
                  LIMIT 1) AS next_offset
           WHERE (EXISTS ( SELECT
                    FROM kafka.materialised_tables m
                   WHERE (m.follower_id = note_materialised.of_follower)
                  FOR KEY SHARE OF m)) ON CONFLICT(follower_id, partition_id) DO UPDATE SET stands_since = COALESCE(t.stands_since, excluded.stands_since), error = excluded.error, error_offset = excluded.error_offset;
END;

CREATE OR REPLACE FUNCTION kafka.order_operator(class oid, strategy integer)
 RETURNS text
 LANGUAGE sql
 STABLE
BEGIN ATOMIC
 SELECT format('operator(%I.%s)'::text, n.nspname, o.oprname) AS format
    FROM (((pg_opclass c
      JOIN pg_amop m ON (((m.amopfamily = c.opcfamily) AND (m.amoplefttype = c.opcintype) AND (m.amoprighttype = c.opcintype))))
      JOIN pg_operator o ON ((o.oid = m.amopopr)))
      JOIN pg_namespace n ON ((n.oid = o.oprnamespace)))
   WHERE ((c.oid = order_operator.class) AND (m.amopstrategy = order_operator.strategy));
END;

CREATE OR REPLACE FUNCTION kafka.place_of(key bytea)
 RETURNS integer
 LANGUAGE sql
BEGIN ATOMIC
 SELECT (
         CASE
             WHEN (key IS NULL) THEN hashint8(((pg_current_xact_id())::text)::bigint)
             ELSE kafka.murmur2(key)
         END & 2147483647);
END;

CREATE OR REPLACE FUNCTION kafka.primary_key(rel oid)
 RETURNS TABLE(name name, type text, class oid, place bigint)
 LANGUAGE sql
 STABLE
BEGIN ATOMIC
 SELECT a.attname,
     format_type((kafka.base_type(a.atttypid, a.atttypmod)).typ, '-1'::integer) AS format_type,
     k.class,
     k.place
    FROM ((pg_index i
      CROSS JOIN LATERAL UNNEST((i.indkey)::smallint[], (i.indclass)::oid[]) WITH ORDINALITY k(number, class, place))
      JOIN pg_attribute a ON (((a.attrelid = i.indrelid) AND (a.attnum = k.number))))
   WHERE ((i.indrelid = primary_key.rel) AND i.indisprimary AND (k.place <= i.indnkeyatts))
   ORDER BY k.place;
END;

CREATE OR REPLACE FUNCTION kafka.publications_of(rel oid, topic text)
 RETURNS SETOF integer
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
BEGIN ATOMIC
 SELECT f.publication_id
    FROM kafka.published f
   WHERE (((kafka.publication_now(f.publication_id)).relation = publications_of.rel) AND ((publications_of.topic IS NULL) OR (f.topic = publications_of.topic)));
END;

CREATE OR REPLACE FUNCTION kafka.publish_settings(p kafka.published)
 RETURNS text
 LANGUAGE sql
 STABLE
BEGIN ATOMIC
 SELECT
         CASE
             WHEN (((p).format = 'json'::text) AND (NOT (EXISTS ( SELECT
                FROM kafka.columns_to_publish((publish_settings.p).relation) c(number, name, typ, typmod, required)
               WHERE ((kafka.base_type(c.typ, '-1'::integer)).typ <> ALL (ARRAY[(16)::oid, (18)::oid, (19)::oid, (20)::oid, (21)::oid, (23)::oid, (25)::oid, (26)::oid, (114)::oid, (1042)::oid, (1043)::oid, (1700)::oid, (2950)::oid, (3802)::oid])))))) THEN ''::text
             ELSE 'set timezone = ''UTC'' set datestyle = ''ISO, YMD'' set intervalstyle = postgres set extra_float_digits = 1 set bytea_output = hex set lc_monetary = ''C'''::text
         END AS "case";
END;

CREATE OR REPLACE FUNCTION kafka.record_bytes(key bytea, value bytea)
 RETURNS bigint
 LANGUAGE sql
 IMMUTABLE
BEGIN ATOMIC
 SELECT (((81)::bigint + COALESCE(octet_length(key), 0)) + COALESCE(octet_length(value), 0));
END;

CREATE OR REPLACE FUNCTION kafka.schema_of_field(kind text, meaning text, required boolean, field name)
 RETURNS text
 LANGUAGE sql
 STABLE
BEGIN ATOMIC
 SELECT format('{"type":%s,"optional":%s%s%s}'::text,
         CASE
             WHEN (kind ~~ '%[]'::text) THEN format('"array","items":{"type":"%s","optional":true}'::text, rtrim(kind, '[]'::text))
             ELSE format('"%s"'::text, kind)
         END, ((NOT required))::text,
         CASE
             WHEN (meaning IS NOT NULL) THEN format(',"name":"%s","version":1'::text, meaning)
             ELSE NULL::text
         END,
         CASE
             WHEN (field IS NOT NULL) THEN format(',"field":%s'::text, to_json((field)::text))
             ELSE NULL::text
         END) AS format;
END;

CREATE OR REPLACE FUNCTION kafka.schema_of_row(rel oid, name text, names name[])
 RETURNS text
 LANGUAGE sql
 STABLE
BEGIN ATOMIC
 SELECT format('{"type":"struct","fields":[%s],"optional":%s,"name":%s'::text, string_agg(kafka.schema_of_field(d.kind, d.meaning, c.required, c.name), ','::text ORDER BY c.number),
         CASE
             WHEN (schema_of_row.names IS NULL) THEN 'true'::text
             ELSE 'false'::text
         END, to_json(schema_of_row.name)) AS format
    FROM kafka.columns_to_publish(schema_of_row.rel) c(number, name, typ, typmod, required),
     LATERAL kafka.debezium_code(''::text, c.typ, c.typmod) d(kind, meaning, code)
   WHERE ((schema_of_row.names IS NULL) OR (c.name = ANY (schema_of_row.names)));
END;

CREATE OR REPLACE FUNCTION kafka.session_role()
 RETURNS name
 LANGUAGE sql
 STABLE
BEGIN ATOMIC
 SELECT
         CASE current_setting('role'::text)
             WHEN 'none'::text THEN SESSION_USER
             ELSE (current_setting('role'::text))::name
         END AS current_setting;
END;

CREATE OR REPLACE FUNCTION kafka.text_code(x text)
 RETURNS text
 LANGUAGE sql
 IMMUTABLE
BEGIN ATOMIC
 SELECT format('case when pg_catalog.num_nulls(%1$s) = 0 then pg_catalog.format(''%%s'', %1$s) end'::text, x) AS format;
END;

CREATE OR REPLACE FUNCTION kafka.trusts_owner(rel oid)
 RETURNS boolean
 LANGUAGE sql
 STABLE
BEGIN ATOMIC
 SELECT bool_and(pg_has_role(c.relowner, CURRENT_USER, 'usage'::text)) AS bool_and
    FROM pg_class c
   WHERE (c.oid IN ( SELECT trusts_owner.rel AS rel
         UNION
          SELECT t.relid
            FROM pg_partition_tree((trusts_owner.rel)::regclass) t(relid, parentrelid, isleaf, level)));
END;

CREATE OR REPLACE FUNCTION kafka.type_name(type oid)
 RETURNS text
 LANGUAGE sql
 STABLE
BEGIN ATOMIC
 SELECT format('%I.%I'::text, n.nspname, t.typname) AS format
    FROM (pg_type t
      JOIN pg_namespace n ON ((n.oid = t.typnamespace)))
   WHERE (t.oid = type_name.type);
END;

-- Rights

revoke execute on function kafka.acl_of(text,text,text,text,text,text) from public;

revoke execute on function kafka.acls_say(name,text,text,text) from public;

revoke execute on function kafka.add_materialised(integer,integer,bigint,bigint,bytea[]) from public;

revoke execute on function kafka.all_there(bigint,bigint) from public;

revoke execute on function kafka.allow(text,text,text,text,text) from public;

revoke execute on function kafka.await_position(integer,integer,bigint,interval) from public;

revoke execute on function kafka.base_type(oid,integer) from public;

revoke execute on function kafka.begin_erasure(bigint,integer[],bigint[]) from public;

revoke execute on function kafka.bind_materialised(integer,regclass,json,json) from public;

revoke execute on function kafka.broker_sleeps() from public;

revoke execute on function kafka.check_materialised(kafka.materialised_tables) from public;

revoke execute on function kafka.check_reading(kafka.published,boolean) from public;

revoke execute on function kafka.check_role(text) from public;

revoke execute on function kafka.check_table(name,oid) from public;

revoke execute on function kafka.clear_materialised(integer,bigint) from public;

revoke execute on function kafka.code_of(regclass) from public;

revoke execute on function kafka.columns_now(oid) from public;

revoke execute on function kafka.columns_to_publish(oid) from public;

revoke execute on function kafka.commit_claimed(text,integer,bigint,bigint) from public;

revoke execute on function kafka.debezium_code(text,oid,integer) from public;

revoke execute on function kafka.deny(text,text,text,text,text) from public;

revoke execute on function kafka.envelope_of(kafka.published) from public;

revoke execute on function kafka.enveloped(text,text,text,text) from public;

revoke execute on function kafka.erase_materialised(integer,integer,bytea,bigint,bigint,bytea[]) from public;

revoke execute on function kafka.finish_erasure(bigint) from public;

revoke execute on function kafka.first_call(text,text) from public;

revoke execute on function kafka.first_claim(text,integer,bigint) from public;

revoke execute on function kafka.first_offset(integer,bigint,timestamp with time zone) from public;

revoke execute on function kafka.has_columns(oid,text[]) from public;

revoke execute on function kafka.header_bytes(kafka.header[]) from public;

revoke execute on function kafka.headers_of(bytea,integer,integer,integer) from public;

revoke execute on function kafka.is_aborted(integer,bigint,bigint) from public;

revoke execute on function kafka.is_postgres_own(oid) from public;

revoke execute on function kafka.is_published(kafka.published,oid) from public;

revoke execute on function kafka.json_code(text,oid) from public;

revoke execute on function kafka.keep_topics(text[]) from public;

revoke execute on function kafka.kept_records(integer,bigint,bigint,timestamp with time zone) from public;

revoke execute on function kafka.lock_claim(text,integer,boolean) from public;

revoke execute on function kafka.log_records(integer,bigint,bigint,timestamp with time zone) from public;

revoke execute on function kafka.long_varint(bytea,integer) from public;

revoke execute on function kafka.make_publisher(kafka.published) from public;

revoke execute on function kafka.materialised_expression(json,oid) from public;

revoke execute on function kafka.materialised_named(text) from public;

revoke execute on function kafka.materialised_type(regclass,json) from public;

revoke execute on function kafka.may(name,text,text,text) from public;

revoke execute on function kafka.may_consume(text,text) from public;

revoke execute on function kafka.newest_claim(text,integer) from public;

revoke execute on function kafka.note_materialised(integer,integer,text) from public;

revoke execute on function kafka.note_security_change() from public;

revoke execute on function kafka.order_operator(oid,integer) from public;

revoke execute on function kafka.partition_to_claim(text,integer) from public;

revoke execute on function kafka.partitions_to_poll(text,text) from public;

revoke execute on function kafka.place_of(bytea) from public;

revoke execute on function kafka.primary_key(oid) from public;

revoke execute on function kafka.publication_now(integer) from public;

revoke execute on function kafka.publish_change(integer,text,text,bytea,text,bytea,text,text,boolean) from public;

revoke execute on function kafka.publish_failed(integer,text) from public;

revoke execute on function kafka.publish_record(integer,text,bytea,bytea,boolean) from public;

revoke execute on function kafka.publish_settings(kafka.published) from public;

revoke execute on function kafka.publish_statement(kafka.published,text) from public;

revoke execute on function kafka.publish_step(integer,integer,integer) from public;

revoke execute on function kafka.put_claim(kafka.sql_offsets,kafka.sql_offsets) from public;

revoke execute on function kafka.readable_partitions(text,integer) from public;

revoke execute on function kafka.record_bytes(bytea,bytea) from public;

revoke execute on function kafka.record_time(timestamp with time zone) from public;

revoke execute on function kafka.refuse_published(kafka.published,bytea,bigint) from public;

revoke execute on function kafka.refuse_record(name,text,integer,bigint,boolean) from public;

revoke execute on function kafka.refuse_right(name,text,text,text) from public;

revoke execute on function kafka.revoke(text,text,text,text,text) from public;

revoke execute on function kafka.row_code(kafka.published,text) from public;

revoke execute on function kafka.row_query(integer,oid) from public;

revoke execute on function kafka.rows_by_place(oid,text[],boolean) from public;

revoke execute on function kafka.schema_of_field(text,text,boolean,name) from public;

revoke execute on function kafka.schema_of_row(oid,text,name[]) from public;

revoke execute on function kafka.take_claim(text,integer) from public;

revoke execute on function kafka.take_erasures(text,integer) from public;

revoke execute on function kafka.tell_offset(text,integer,bigint,bigint) from public;

revoke execute on function kafka.tend_publications() from public;

revoke execute on function kafka.text_code(text) from public;

revoke execute on function kafka.topics_changed() from public;

revoke execute on function kafka.trusts_owner(oid) from public;

revoke execute on function kafka.type_name(oid) from public;

revoke execute on function kafka.unpack(bytea,bigint,bigint,timestamp with time zone) from public;

revoke execute on function kafka.unpack_whole(bytea,bigint) from public;

revoke execute on function kafka.varint(bytea,integer) from public;

revoke execute on function kafka.varint_size(bytea,integer) from public;

revoke execute on function kafka.wrapping_sum(bigint,bigint) from public;

-- Triggers

CREATE TRIGGER keep_sql_topics AFTER DELETE ON kafka.topics REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION kafka.topics_changed();

CREATE TRIGGER keep_sql_topics AFTER INSERT ON kafka.partitions REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION kafka.topics_changed();

CREATE TRIGGER keep_sql_topics AFTER UPDATE ON kafka.sql_settings FOR EACH STATEMENT EXECUTE FUNCTION kafka.topics_changed();

CREATE TRIGGER keep_sql_topics_added AFTER INSERT ON kafka.configs REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION kafka.topics_changed();

CREATE TRIGGER keep_sql_topics_removed AFTER DELETE ON kafka.configs REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION kafka.topics_changed();

CREATE TRIGGER keep_sql_topics_set AFTER UPDATE ON kafka.configs REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION kafka.topics_changed();

CREATE TRIGGER tell_broker AFTER INSERT OR DELETE OR UPDATE OR TRUNCATE ON kafka.acls FOR EACH STATEMENT EXECUTE FUNCTION kafka.note_security_change();

CREATE TRIGGER tell_broker AFTER INSERT OR DELETE OR UPDATE OR TRUNCATE ON kafka.delegation_tokens FOR EACH STATEMENT EXECUTE FUNCTION kafka.note_security_change();

CREATE TRIGGER tell_broker AFTER INSERT OR DELETE OR UPDATE OR TRUNCATE ON kafka.quotas FOR EACH STATEMENT EXECUTE FUNCTION kafka.note_security_change();

CREATE TRIGGER tell_broker AFTER INSERT OR DELETE OR UPDATE OR TRUNCATE ON kafka.scram_users FOR EACH STATEMENT EXECUTE FUNCTION kafka.note_security_change();

-- Views

create view kafka.acl_overview as
 SELECT principal,
    lower(permission_type) AS permission,
    lower(operation) AS operation,
    lower(resource_type) AS resource,
    resource_name,
        CASE
            WHEN (pattern_type = 'PREFIXED'::text) THEN 'prefix'::text
            WHEN (resource_name = '*'::text) THEN 'any'::text
            ELSE 'name'::text
        END AS matches,
    host
   FROM kafka.acls a;

create view kafka.active_broker as
 SELECT l.pid,
    a.application_name,
    (a.usename)::text AS role,
    a.client_addr,
    a.backend_start AS since,
    c.cluster_id,
    c.epoch
   FROM ((pg_locks l
     LEFT JOIN pg_stat_activity a ON ((a.pid = l.pid)))
     CROSS JOIN kafka.cluster c)
  WHERE ((l.locktype = 'advisory'::text) AND (l.classid = (1416983403)::oid) AND (l.objid = (1)::oid) AND (l.objsubid = 2) AND l.granted AND (l.database = ( SELECT d.oid
           FROM pg_database d
          WHERE (d.datname = current_database()))));

create view kafka.claims as
 SELECT o.group_id,
    t.name AS topic,
    p.partition_index AS partition,
    o.committed_offset,
    o.claim,
    o.claimed_at,
    (o.role)::text AS role
   FROM ((kafka.sql_offsets o
     JOIN kafka.partitions p ON ((p.partition_id = o.partition_id)))
     JOIN kafka.topics t ON ((t.topic_id = p.topic_id)));

create view kafka.config_overview as
 SELECT
        CASE resource_type
            WHEN 2 THEN 'topic'::text
            WHEN 4 THEN 'broker'::text
            WHEN 16 THEN 'client-metrics'::text
            WHEN 32 THEN 'group'::text
            ELSE (resource_type)::text
        END AS resource,
        CASE
            WHEN ((resource_type = 4) AND (resource_name = ''::text)) THEN '(all brokers)'::text
            ELSE resource_name
        END AS resource_name,
    name,
    value
   FROM kafka.configs c;

create view kafka.disk_usage as
 SELECT (c.relname)::text AS table_name,
    pg_table_size((c.oid)::regclass) AS table_bytes,
    pg_indexes_size((c.oid)::regclass) AS index_bytes,
    pg_total_relation_size((c.oid)::regclass) AS total_bytes,
    s.n_live_tup AS rows_estimated,
    s.n_dead_tup AS dead_rows_estimated
   FROM (pg_class c
     JOIN pg_stat_all_tables s ON ((s.relid = c.oid)))
  WHERE ((c.relnamespace = ('kafka'::regnamespace)::oid) AND (c.relkind = 'r'::"char"));

create view kafka.erasures as
 SELECT r.erasure_id,
    r.topic,
    r.key,
    r.key_sha256,
    r.requested_by,
    r.requested_at,
        CASE
            WHEN (r.done_at IS NOT NULL) THEN 'done'::text
            WHEN ((r.erased_at IS NOT NULL) AND r.vacuum) THEN 'vacuum'::text
            WHEN (r.erased_at IS NOT NULL) THEN 'erased'::text
            WHEN (p.waits_for IS NOT NULL) THEN 'waits'::text
            WHEN (r.began_at IS NOT NULL) THEN 'erases'::text
            ELSE 'asked'::text
        END AS state,
    p.waits_for,
    r.began_at,
        CASE
            WHEN (r.erased_at IS NOT NULL) THEN (1)::numeric
            ELSE COALESCE(g.share, (0)::numeric)
        END AS progress,
    COALESCE(r.records, g.records, (0)::bigint) AS records,
    r.erased_at,
    r.vacuumed_at,
    r.done_at,
    r.wal_position
   FROM ((kafka.erasure_requests r
     LEFT JOIN kafka.erasure_passes p ON (((p.pass_id = r.pass_id) AND (r.erased_at IS NULL))))
     LEFT JOIN LATERAL ( SELECT (sum(LEAST(e.next_offset, e.end_offset)) / NULLIF(sum(e.end_offset), (0)::numeric)) AS share,
            (sum(e.records[r.place]))::bigint AS records
           FROM kafka.erasure_progress e
          WHERE (e.pass_id = p.pass_id)) g ON (true))
  WHERE kafka.may_delete(r.topic);

create view kafka.group_lag as
 SELECT f.group_id,
    g.kind,
    o.topic,
    o.partition,
    f.committed_offset,
    o.end_offset,
    (o.end_offset - GREATEST(f.committed_offset, (0)::bigint)) AS lag,
    kafka.time_of(f.commit_timestamp) AS committed_at
   FROM ((kafka.offsets f
     JOIN ( SELECT t.name AS topic,
            p.partition_index AS partition,
            p.partition_id,
            p.log_start_offset,
            GREATEST(( SELECT (b.last_offset + 1)
                   FROM kafka.batches b
                  WHERE (b.partition_id = p.partition_id)
                  ORDER BY b.base_offset DESC
                 LIMIT 1), p.end_offset_floor) AS end_offset
           FROM (kafka.partitions p
             JOIN kafka.topics t ON ((t.topic_id = p.topic_id)))) o ON ((o.partition_id = f.partition_id)))
     LEFT JOIN kafka.groups g ON ((g.group_id = f.group_id)));

create view kafka.materialised as
 SELECT COALESCE(( SELECT format('%I.%I'::text, n.nspname, c.relname) AS format
           FROM pg_namespace n
          WHERE (n.oid = c.relnamespace)), m.table_name) AS "table",
    m.topic,
    p.partition_index AS partition,
    k.next_offset,
    e.end_offset,
    (e.end_offset - COALESCE(k.next_offset, p.log_start_offset)) AS lag,
    x.stands_since,
    x.error,
    x.error_offset,
    COALESCE(x.skipped, (0)::bigint) AS skipped,
    x.skipped_offset,
    x.skipped_error,
    x.skipped_at,
    m.on_error,
    (m.role)::text AS role
   FROM ((((((kafka.materialised_tables m
     LEFT JOIN pg_class c ON ((c.oid = (m.target)::oid)))
     LEFT JOIN kafka.topics t ON ((t.name = m.topic)))
     LEFT JOIN kafka.partitions p ON ((p.topic_id = t.topic_id)))
     LEFT JOIN LATERAL ( SELECT n.next_offset
           FROM kafka.materialised_positions n
          WHERE ((n.follower_id = m.follower_id) AND (n.partition_id = p.partition_id) AND (m.topic_id = t.topic_id))
          ORDER BY n.next_offset DESC
         LIMIT 1) k ON (true))
     LEFT JOIN LATERAL ( SELECT LEAST(GREATEST(COALESCE(( SELECT (b.last_offset + 1)
                   FROM kafka.batches b
                  WHERE (b.partition_id = p.partition_id)
                  ORDER BY b.base_offset DESC
                 LIMIT 1), (0)::bigint), p.end_offset_floor), ( SELECT GREATEST(o.first_offset, p.log_start_offset) AS "greatest"
                   FROM kafka.open_transactions o
                  WHERE (o.partition_id = p.partition_id)
                  ORDER BY o.first_offset
                 LIMIT 1)) AS end_offset) e ON ((p.partition_id IS NOT NULL)))
     LEFT JOIN kafka.materialised_troubles x ON (((x.follower_id = m.follower_id) AND (x.partition_id = p.partition_id))))
  WHERE kafka.may_read(m.topic);

create view kafka.member_lag as
 SELECT g.group_id,
    g.kind,
    (m.member_id COLLATE "C") AS member_id,
    (m.details ->> 'clientId'::text) AS client_id,
    (m.details ->> 'clientHost'::text) AS client_host,
    own.topic,
    own.partition,
    f.committed_offset,
    o.end_offset,
    (o.end_offset - GREATEST(COALESCE(f.committed_offset, o.log_start_offset), (0)::bigint)) AS lag
   FROM (((((kafka.groups g
     CROSS JOIN LATERAL ( SELECT kafka.json_of(g.value) AS json_of
         OFFSET 0) parsed("json"))
     CROSS JOIN LATERAL kafka.members_of(g.group_id, g.kind, parsed."json") m(member_id, details))
     CROSS JOIN LATERAL kafka.owned_partitions(g.kind, parsed."json", m.details) own(topic, partition))
     LEFT JOIN ( SELECT t.name AS topic,
            p.partition_index AS partition,
            p.partition_id,
            p.log_start_offset,
            GREATEST(( SELECT (b.last_offset + 1)
                   FROM kafka.batches b
                  WHERE (b.partition_id = p.partition_id)
                  ORDER BY b.base_offset DESC
                 LIMIT 1), p.end_offset_floor) AS end_offset
           FROM (kafka.partitions p
             JOIN kafka.topics t ON ((t.topic_id = p.topic_id)))) o ON (((o.topic = own.topic) AND (o.partition = own.partition))))
     LEFT JOIN kafka.offsets f ON (((f.group_id = g.group_id) AND (f.partition_id = o.partition_id))));

create view kafka.member_overview as
 SELECT g.group_id,
    g.kind,
    (m.member_id COLLATE "C") AS member_id,
    COALESCE((m.details ->> 'groupInstanceId'::text), (m.details ->> 'instanceId'::text)) AS instance_id,
    (m.details ->> 'clientId'::text) AS client_id,
    (m.details ->> 'clientHost'::text) AS client_host,
    ( SELECT array_agg(((o.topic || '-'::text) || o.partition) ORDER BY o.topic, o.partition) AS array_agg
           FROM kafka.owned_partitions(g.kind, parsed."json", m.details) o(topic, partition)) AS partitions,
    m.details
   FROM ((kafka.groups g
     CROSS JOIN LATERAL ( SELECT kafka.json_of(g.value) AS json_of
         OFFSET 0) parsed("json"))
     CROSS JOIN LATERAL kafka.members_of(g.group_id, g.kind, parsed."json") m(member_id, details));

create view kafka.object_overview as
 SELECT s.state,
    count(o.object_id) AS objects,
    (COALESCE(sum(o.bytes), (0)::numeric))::bigint AS bytes,
    (COALESCE(sum(l.bytes), (0)::numeric))::bigint AS live_bytes,
    kafka.time_of(min(o.created_at)) AS oldest,
    kafka.time_of(min(o.unused_since)) AS unused_since
   FROM ((( VALUES (1,'new'::text), (2,'merged'::text), (3,'erased'::text), (4,'unused'::text)) s(place, state)
     LEFT JOIN kafka.objects o ON ((s.state =
        CASE
            WHEN (o.unused_since IS NOT NULL) THEN 'unused'::text
            WHEN o.erased THEN 'erased'::text
            WHEN o.merged THEN 'merged'::text
            ELSE 'new'::text
        END)))
     LEFT JOIN LATERAL ( SELECT sum(b.bytes) AS bytes
           FROM kafka.batches_in(o.object_id) b(partition_id, bytes, batches)) l ON (true))
  GROUP BY s.place, s.state
  ORDER BY s.place;

create view kafka.outbox_lag as
 SELECT count(*) FILTER (WHERE (group_id IS NULL)) AS records,
    kafka.time_of(min("timestamp") FILTER (WHERE (group_id IS NULL))) AS since,
    COALESCE(sum((COALESCE(octet_length(key), 0) + COALESCE(octet_length(value), 0))), (0)::bigint) AS bytes,
    ( SELECT count(*) AS count
           FROM kafka.outbox_refused) AS refused
   FROM kafka.outbox o;

create view kafka.partition_overview as
 SELECT t.name AS topic,
    p.partition_index AS partition,
    p.partition_id,
    p.log_start_offset,
    GREATEST((newest.last_offset + 1), p.end_offset_floor) AS end_offset,
        CASE
            WHEN (p.cleaned_offset IS NULL) THEN COALESCE(((newest.cumulative_bytes - oldest.cumulative_bytes) + oldest.bytes), (0)::bigint)
            ELSE kafka.partition_bytes(p.partition_id, p.cleaned_offset)
        END AS size_bytes,
    kafka.time_of(newest.timestamp_high) AS newest_timestamp,
    LEAST(GREATEST((newest.last_offset + 1), p.end_offset_floor), ( SELECT GREATEST(o.first_offset, p.log_start_offset) AS "greatest"
           FROM kafka.open_transactions o
          WHERE (o.partition_id = p.partition_id)
          ORDER BY o.first_offset
         LIMIT 1)) AS last_stable_offset
   FROM (((kafka.partitions p
     JOIN kafka.topics t ON ((t.topic_id = p.topic_id)))
     LEFT JOIN LATERAL ( SELECT b.last_offset,
            b.timestamp_high,
            b.cumulative_bytes
           FROM kafka.batches b
          WHERE (b.partition_id = p.partition_id)
          ORDER BY b.base_offset DESC
         LIMIT 1) newest ON (true))
     LEFT JOIN LATERAL ( SELECT b.cumulative_bytes,
            COALESCE(b.object_bytes, octet_length(b.data)) AS bytes
           FROM kafka.batches b
          WHERE (b.partition_id = p.partition_id)
          ORDER BY b.base_offset
         LIMIT 1) oldest ON (true));

create view kafka.publications as
 SELECT f.publication_id,
    COALESCE(((c.oid)::regclass)::text, f.table_name) AS table_name,
    f.topic,
    f.format,
    array_to_string(f.key_names, ', '::text) AS key,
        CASE
            WHEN (c.oid IS NULL) THEN 'table dropped'::text
            WHEN (NOT (EXISTS ( SELECT
               FROM pg_trigger t
              WHERE ((t.tgrelid = c.oid) AND (t.tgenabled = 'A'::"char") AND (t.tgfoid = (to_regproc(format('kafka.publish_%s'::text, f.publication_id)))::oid))))) THEN 'trigger missing'::text
            WHEN (NOT (EXISTS ( SELECT
               FROM kafka.sql_topics t
              WHERE (t.topic = f.topic)))) THEN 'topic missing'::text
            WHEN (f.snapshot = ANY (ARRAY['begun'::text, 'asked'::text, 'running'::text])) THEN 'snapshot'::text
            ELSE 'live'::text
        END AS state,
    f.on_error,
    (f.role)::text AS role,
    f.since,
    f.rows_read AS snapshot_rows,
    f."position" AS snapshot_position,
    f.error,
    f.error_since
   FROM (kafka.published f
     LEFT JOIN pg_class c ON ((c.oid = (
        CASE
            WHEN (f.home = ('kafka.published'::regclass)::oid) THEN (f.relation)::regclass
            ELSE to_regclass(f.table_name)
        END)::oid)));

create view kafka.quota_overview as
 SELECT
        CASE
            WHEN (ip <> ''::text) THEN 'ip'::text
            WHEN (user_name = ''::text) THEN 'client'::text
            WHEN (client_id = ''::text) THEN 'user'::text
            ELSE 'user and client'::text
        END AS entity,
    NULLIF(user_name, ''::text) AS user_name,
    NULLIF(client_id, ''::text) AS client_id,
    NULLIF(ip, ''::text) AS ip,
    quota_key,
    value
   FROM kafka.quotas q;

create view kafka.shadow_overview as
 SELECT cluster_id,
    topic,
    partition_index AS partition,
    difference,
    fills,
    source_end,
    target_end,
    GREATEST((source_end - source_next), (0)::bigint) AS lag,
    moved_at,
    stopped_at,
    stopped_why
   FROM kafka.shadow_partitions s;

create view kafka.share_lag as
 SELECT g.group_id,
    o.topic,
    o.partition,
    shared.start_offset,
    o.end_offset,
    GREATEST((o.end_offset - GREATEST(shared.start_offset, o.log_start_offset)), (0)::bigint) AS lag
   FROM (((kafka.groups g
     JOIN kafka.group_members m ON ((m.group_id = g.group_id)))
     CROSS JOIN LATERAL ( SELECT ("substring"(m.member_id, '^partition/([0-9]{1,9})$'::text))::integer AS "substring",
            ("substring"((kafka.json_of(m.value) ->> 'startOffset'::text), '^[0-9]{1,18}$'::text))::bigint AS "substring") shared(partition_id, start_offset))
     JOIN kafka.partition_overview o ON ((o.partition_id = shared.partition_id)))
  WHERE (g.kind = 'share'::text);

create view kafka.group_overview as
 SELECT ids.group_id,
    g.kind,
    ( SELECT count(*) AS count
           FROM kafka.members_of(ids.group_id, g.kind, kafka.json_of(g.value)) members_of(member_id, details)) AS members,
    COALESCE(lag.partitions, (0)::bigint) AS partitions,
    COALESCE(lag.lag, (0)::numeric) AS lag,
    lag.committed_at,
    ( SELECT jsonb_object_agg(c.name, c.value) AS jsonb_object_agg
           FROM kafka.configs c
          WHERE ((c.resource_type = 32) AND (c.resource_name = ids.group_id))) AS configs
   FROM ((( SELECT groups.group_id
           FROM kafka.groups
        UNION
         SELECT offsets.group_id
           FROM kafka.offsets) ids
     LEFT JOIN kafka.groups g ON ((g.group_id = ids.group_id)))
     LEFT JOIN ( SELECT l.group_id,
            count(l.known) AS partitions,
            sum(l.lag) AS lag,
            max(l.committed_at) AS committed_at
           FROM ( SELECT l_1.group_id,
                    1 AS known,
                    l_1.lag,
                    l_1.committed_at
                   FROM kafka.group_lag l_1
                UNION ALL
                 SELECT s.group_id,
                    1,
                    s.lag,
                    NULL::timestamp with time zone
                   FROM kafka.share_lag s
                UNION ALL
                 SELECT unread.group_id,
                    NULL::integer,
                    (GREATEST(( SELECT (b.last_offset + 1)
                           FROM kafka.batches b
                          WHERE (b.partition_id = unread.partition_id)
                          ORDER BY b.base_offset DESC
                         LIMIT 1), unread.end_offset_floor) - unread.log_start_offset),
                    NULL::timestamp with time zone
                   FROM ( SELECT DISTINCT g_1.group_id,
                            p.partition_id,
                            p.log_start_offset,
                            p.end_offset_floor
                           FROM (((((kafka.groups g_1
                             CROSS JOIN LATERAL ( SELECT kafka.json_of(g_1.value) AS json_of
                                 OFFSET 0) parsed("json"))
                             CROSS JOIN LATERAL kafka.members_of(g_1.group_id, g_1.kind, parsed."json") m(member_id, details))
                             CROSS JOIN LATERAL kafka.owned_partitions(g_1.kind, parsed."json", m.details) own(topic, partition))
                             JOIN kafka.topics t ON ((t.name = own.topic)))
                             JOIN kafka.partitions p ON (((p.topic_id = t.topic_id) AND (p.partition_index = own.partition))))
                          WHERE (NOT (EXISTS ( SELECT
                                   FROM kafka.offsets f
                                  WHERE ((f.group_id = g_1.group_id) AND (f.partition_id = p.partition_id)))))) unread) l
          GROUP BY l.group_id) lag ON ((lag.group_id = ids.group_id)));

create view kafka.storage_overview as
 SELECT v.topic,
    v.partition,
    v.size_bytes,
    (((v.size_bytes)::numeric - COALESCE(o.bytes, (0)::numeric)))::bigint AS row_bytes,
    (COALESCE(o.bytes, (0)::numeric))::bigint AS object_bytes,
    (COALESCE(o.batches, (0)::numeric))::bigint AS object_batches,
    p.local_start_offset
   FROM ((kafka.partition_overview v
     JOIN kafka.partitions p ON ((p.partition_id = v.partition_id)))
     LEFT JOIN ( SELECT b.partition_id,
            sum(b.bytes) AS bytes,
            sum(b.batches) AS batches
           FROM (kafka.objects o_1
             CROSS JOIN LATERAL kafka.batches_in(o_1.object_id) b(partition_id, bytes, batches))
          GROUP BY b.partition_id) o ON ((o.partition_id = v.partition_id)));

create view kafka.topic_overview as
 SELECT t.name AS topic,
    t.topic_id,
    count(o.partition_id) AS partitions,
    COALESCE(sum((o.end_offset - o.log_start_offset)), (0)::numeric) AS records,
    COALESCE(sum(o.size_bytes), (0)::numeric) AS size_bytes,
    ( SELECT jsonb_object_agg(c.name, c.value) AS jsonb_object_agg
           FROM kafka.configs c
          WHERE ((c.resource_type = 2) AND (c.resource_name = t.name))) AS configs
   FROM (kafka.topics t
     LEFT JOIN kafka.partition_overview o ON ((o.topic = t.name)))
  GROUP BY t.topic_id;

create view kafka.topic_records as
 SELECT t.name AS topic,
    p.partition_index AS partition,
    u."offset",
    u."timestamp",
    u.key,
    u.value,
    u.headers
   FROM ((kafka.topics t
     JOIN kafka.partitions p ON ((p.topic_id = t.topic_id)))
     JOIN kafka.unpacked u ON (((u.partition_id = p.partition_id) AND (u."offset" >= p.log_start_offset))))
  WHERE (kafka.may_read(t.name) AND (EXISTS ( SELECT
           FROM kafka.unpacked_positions k
          WHERE (k.partition_id = p.partition_id))));

create view kafka.transactions as
 SELECT t.transactional_id,
    ((s."json" ->> 'producerId'::text))::bigint AS producer_id,
    ((s."json" ->> 'producerEpoch'::text))::integer AS producer_epoch,
    (s."json" ->> 'phase'::text) AS state,
        CASE
            WHEN ((s."json" ->> 'phase'::text) = 'Ongoing'::text) THEN kafka.time_of(((s."json" ->> 'startedAtMs'::text))::bigint)
            ELSE NULL::timestamp with time zone
        END AS since,
    make_interval(secs => (((((s."json" ->> 'timeoutMs'::text))::bigint)::numeric / 1000.0))::double precision) AS timeout,
    kafka.partition_names(ARRAY( SELECT (jsonb_array_elements_text((s."json" -> 'partitionIds'::text)))::integer AS jsonb_array_elements_text)) AS partitions,
    kafka.partition_names(held.ids) AS holds_back
   FROM ((kafka.transactional_ids t
     CROSS JOIN LATERAL ( SELECT kafka.json_of(t.value) AS json_of) s("json"))
     LEFT JOIN ( SELECT first.producer_id,
            array_agg(first.partition_id) AS ids
           FROM ( SELECT DISTINCT ON (open_transactions.partition_id) open_transactions.partition_id,
                    open_transactions.producer_id
                   FROM kafka.open_transactions
                  ORDER BY open_transactions.partition_id, open_transactions.first_offset) first
          GROUP BY first.producer_id) held ON ((held.producer_id = ((s."json" ->> 'producerId'::text))::bigint)));

-- Comments

comment on schema kafka is 'Tusk, a Kafka broker: everything it keeps';
comment on table kafka.aborted_transactions is 'Transactions that were aborted, as long as a record of theirs is there: a row for each partition';
comment on column kafka.aborted_transactions.partition_id is 'The partition';
comment on column kafka.aborted_transactions.first_offset is 'Its first record there';
comment on column kafka.aborted_transactions.last_offset is 'Its marker there';
comment on column kafka.aborted_transactions.producer_id is 'Whose it was';
comment on column kafka.aborted_transactions.last_stable_offset is 'How far read_committed could go behind it: none that ended later begins below';
comment on view kafka.acl_overview is 'Who may do what, and who may not';
comment on column kafka.acl_overview.principal is 'User:name, or Group:name for the members of a role of Postgres';
comment on column kafka.acl_overview.permission is 'allow, or deny, which goes before';
comment on column kafka.acl_overview.operation is 'read, write and so on; all: each of them';
comment on column kafka.acl_overview.resource is 'topic, group, cluster, transactional_id, delegation_token or user';
comment on column kafka.acl_overview.resource_name is 'The resource, the prefix of its name, or *';
comment on column kafka.acl_overview.matches is 'name: this one; prefix: those whose names begin so; any: each one';
comment on column kafka.acl_overview.host is 'The address from which it holds; * for any';
comment on table kafka.acls is 'Who may do what: kafka.allow and kafka.deny add a row';
comment on column kafka.acls.resource_type is 'TOPIC, GROUP and so on';
comment on column kafka.acls.resource_name is 'Its name, a prefix of it, or *';
comment on column kafka.acls.pattern_type is 'LITERAL or PREFIXED';
comment on column kafka.acls.principal is 'User:name, or Group:name for the members of a role of Postgres';
comment on column kafka.acls.host is 'The address from which it holds; * for any';
comment on column kafka.acls.operation is 'READ, WRITE and so on, or ALL';
comment on column kafka.acls.permission_type is 'ALLOW or DENY, which goes before';
comment on view kafka.active_broker is 'The session of the broker that writes: it holds the cluster''s lock; no row: none does';
comment on column kafka.active_broker.pid is 'Of its Postgres session';
comment on column kafka.active_broker.application_name is 'What the session calls itself';
comment on column kafka.active_broker.role is 'The role it logged in as';
comment on column kafka.active_broker.client_addr is 'Where it connected from; null: from the server''s own machine';
comment on column kafka.active_broker.since is 'When the session began';
comment on column kafka.active_broker.cluster_id is 'The cluster''s id';
comment on column kafka.active_broker.epoch is 'Raised by each take-over: every partition''s leader epoch';
comment on table kafka.batches is 'The log: a row is a record batch as its producer sent it (compressed as it came), base offset and leader epoch patched in; or all but its bytes, and where these lie in an object';
comment on column kafka.batches.partition_id is 'The partition, as in kafka.partitions';
comment on column kafka.batches.leader_epoch is 'The writer''s epoch when it was appended';
comment on column kafka.batches.base_offset is 'Offset of its first record';
comment on column kafka.batches.last_offset is 'Offset of its last record, also where compaction took that away';
comment on column kafka.batches.max_timestamp is 'The greatest time of its records, in milliseconds; -1: they have none';
comment on column kafka.batches.timestamp_high is 'The greatest max_timestamp of the partition up to and with this batch: grows with the offset, for searches by time';
comment on column kafka.batches.cumulative_bytes is 'Bytes ever appended to the partition up to and with this batch';
comment on column kafka.batches.producer_id is 'Of an idempotent producer; -1: of none';
comment on column kafka.batches.base_sequence is 'The producer''s number of the first record; -1: of no idempotent producer';
comment on column kafka.batches.producer_epoch is 'The producer''s epoch; -1: of no idempotent producer';
comment on column kafka.batches.data is 'Record batch, format version 2 of Kafka''s protocol; null: it lies in an object';
comment on column kafka.batches.object_id is 'The object in which the batch lies; null: it lies in data';
comment on column kafka.batches.object_position is 'Where the batch begins in the object';
comment on column kafka.batches.object_bytes is 'Size of the batch in the object';
comment on view kafka.claims is 'Partitions that groups have claimed in SQL: Kafka clients do not commit for them until kafka.release';
comment on column kafka.claims.group_id is 'The group';
comment on column kafka.claims.topic is 'The topic';
comment on column kafka.claims.partition is 'The partition';
comment on column kafka.claims.committed_offset is 'The next record to read; null: the first there is';
comment on column kafka.claims.claim is 'The claim that is in force';
comment on column kafka.claims.claimed_at is 'When it was taken';
comment on column kafka.claims.role is 'The role that claimed or committed last';
comment on table kafka.cluster is 'One row: the identity of the cluster and what it gives out in order';
comment on column kafka.cluster.one is 'Always true: there is one row';
comment on column kafka.cluster.cluster_id is 'Kafka''s text form of a UUID; clients are told it';
comment on column kafka.cluster.epoch is 'Raised each time a broker becomes the writer; the leader epoch of every partition';
comment on column kafka.cluster.next_producer_id is 'The next producer id to be given';
comment on column kafka.cluster.next_partition_id is 'The next partition id to be given';
comment on column kafka.cluster.created_at is 'When the schema was installed';
comment on column kafka.cluster.system_identifier is 'Of the server that the last writer was on; null: not noted yet';
comment on column kafka.cluster.timeline is 'Timeline of that server then: a promoted standby goes on with another one';
comment on column kafka.cluster.failover_epoch is 'Epoch of the last writer that found another server or timeline than the one before it; 0: none did';
comment on table kafka.commits is 'The last commit of a writer that added no batch and no offset: where the connection was lost during it, the row tells whether it is stored';
comment on column kafka.commits.commit_id is 'Epoch times 2^32, and a number of the writer''s';
comment on view kafka.config_overview is 'Every config that was set while Tusk ran; all else has its default, or what the broker was started with';
comment on column kafka.config_overview.resource is 'topic, broker, client-metrics or group';
comment on column kafka.config_overview.resource_name is 'Of the topic, broker, subscription or group';
comment on column kafka.config_overview.name is 'The config''s name, as Kafka has it';
comment on column kafka.config_overview.value is 'What it was set to';
comment on table kafka.configs is 'Configs that were set; resource_type: 2 topic, 4 broker (its id, empty for all), 16 subscription to clients'' metrics, 32 group';
comment on column kafka.configs.resource_type is '2: topic, 4: broker, 16: subscription to clients'' metrics, 32: group';
comment on column kafka.configs.resource_name is 'Of the topic, broker, subscription or group; empty: all brokers';
comment on column kafka.configs.name is 'The config''s name, as Kafka has it';
comment on column kafka.configs.value is 'What it was set to';
comment on table kafka.delegation_tokens is 'Tokens by which others log in as their owner (KIP-48)';
comment on column kafka.delegation_tokens.token_id is 'The name by which it is told';
comment on column kafka.delegation_tokens.hmac_hash is 'SHA-256 of the token''s HMAC, which is its password and stored nowhere';
comment on column kafka.delegation_tokens.owner is 'User:name: who is authenticated by it';
comment on column kafka.delegation_tokens.requester is 'Who asked for it';
comment on column kafka.delegation_tokens.renewers is 'Who else may renew it: a JSON array of principals';
comment on column kafka.delegation_tokens.issue_timestamp is 'When it was made, in milliseconds since 1970';
comment on column kafka.delegation_tokens.max_timestamp is 'Until when it can be renewed';
comment on column kafka.delegation_tokens.expiry_timestamp is 'Until when it holds, if nobody renews it';
comment on view kafka.disk_usage is 'Bytes on disk of each table with its indexes, as Postgres counts them; dead rows are those that vacuum will make room of';
comment on column kafka.disk_usage.table_name is 'The table';
comment on column kafka.disk_usage.table_bytes is 'Bytes of the table, large values included';
comment on column kafka.disk_usage.index_bytes is 'Bytes of its indexes';
comment on column kafka.disk_usage.total_bytes is 'Both';
comment on column kafka.disk_usage.rows_estimated is 'Rows, as Postgres counts along';
comment on column kafka.disk_usage.dead_rows_estimated is 'Rows that are deleted, and that vacuum will make room of';
comment on table kafka.erasure_passes is 'Requests for one topic that are carried out in one walk over its log';
comment on column kafka.erasure_passes.pass_id is 'Rises with each pass';
comment on column kafka.erasure_passes.topic_id is 'The topic: it has one pass at a time';
comment on column kafka.erasure_passes.partition_ids is 'Partitions to walk over; null: where they end is not noted yet';
comment on column kafka.erasure_passes.waits_for is 'What the broker waits for; null: nothing';
comment on table kafka.erasure_progress is 'How far a pass is in each partition';
comment on column kafka.erasure_progress.pass_id is 'The pass';
comment on column kafka.erasure_progress.partition_id is 'The partition';
comment on column kafka.erasure_progress.next_offset is 'Below it no record of the keys is left';
comment on column kafka.erasure_progress.end_offset is 'Where the log ended at the moment of the pass';
comment on column kafka.erasure_progress.records is 'Records that went so far, by place of the request';
comment on column kafka.erasure_progress.bytes is 'Bytes of the batches in which they lay';
comment on table kafka.erasure_requests is 'What kafka.erase was asked: see kafka.erasures';
comment on column kafka.erasure_requests.erasure_id is 'What kafka.erase told';
comment on column kafka.erasure_requests.topic is 'Name of the topic';
comment on column kafka.erasure_requests.topic_id is 'Its id: another topic that is called so later is not meant';
comment on column kafka.erasure_requests.partition_ids is 'Partitions that it had then';
comment on column kafka.erasure_requests.key is 'The key; null once its records are gone';
comment on column kafka.erasure_requests.key_sha256 is 'SHA-256 of the key, once its records are gone';
comment on column kafka.erasure_requests.vacuum is 'Whether a vacuum follows';
comment on column kafka.erasure_requests.requested_by is 'The role that asked';
comment on column kafka.erasure_requests.requested_at is 'When it asked';
comment on column kafka.erasure_requests.pass_id is 'The pass that carries it out, or did';
comment on column kafka.erasure_requests.place is 'Its place among the requests of the pass, from 1 on';
comment on column kafka.erasure_requests.began_at is 'Records up to this moment are meant';
comment on column kafka.erasure_requests.records is 'Records that went; null until all are gone';
comment on column kafka.erasure_requests.erased_at is 'When the last of them went';
comment on column kafka.erasure_requests.vacuumed_at is 'When the vacuum ended that was asked for';
comment on column kafka.erasure_requests.done_at is 'When nothing was left to do';
comment on column kafka.erasure_requests.wal_position is 'Where the WAL was then';
comment on view kafka.erasures is 'What kafka.erase was asked and how far it is, for topics of which the session may delete records';
comment on column kafka.erasures.erasure_id is 'What kafka.erase told';
comment on column kafka.erasures.topic is 'Name of the topic';
comment on column kafka.erasures.key is 'The key, until its records are gone';
comment on column kafka.erasures.key_sha256 is 'SHA-256 of the key, from then on';
comment on column kafka.erasures.requested_by is 'The role that asked';
comment on column kafka.erasures.requested_at is 'When it asked';
comment on column kafka.erasures.state is 'asked, erases, waits, erased, vacuum, done';
comment on column kafka.erasures.waits_for is 'What the broker waits for; null: nothing';
comment on column kafka.erasures.began_at is 'Records that were in the topic at this moment go; those that come later stay';
comment on column kafka.erasures.progress is 'The share of the logs'' offsets that is done, 0 to 1';
comment on column kafka.erasures.records is 'Records that went out of the log so far';
comment on column kafka.erasures.erased_at is 'When the last record was gone';
comment on column kafka.erasures.vacuumed_at is 'When the vacuum had ended that was asked for';
comment on column kafka.erasures.done_at is 'When nothing was left to do';
comment on column kafka.erasures.wal_position is 'Where the WAL was then: base backups and archived WAL from before still hold the records until they expire';
comment on view kafka.group_lag is 'Each offset that a group committed, and how far the partition''s end lies beyond it';
comment on column kafka.group_lag.group_id is 'The group''s id';
comment on column kafka.group_lag.kind is 'classic, consumer or streams; null: nobody ever joined';
comment on column kafka.group_lag.topic is 'The topic''s name';
comment on column kafka.group_lag.partition is 'The partition''s number in the topic';
comment on column kafka.group_lag.committed_offset is 'The next record that the group wants';
comment on column kafka.group_lag.end_offset is 'The next offset to be given';
comment on column kafka.group_lag.lag is 'By how much the end lies beyond the committed offset';
comment on column kafka.group_lag.committed_at is 'When it was committed';
comment on table kafka.group_members is 'Members of groups that keep them apart; value is the coordinator''s own text';
comment on column kafka.group_members.group_id is 'The group''s id';
comment on column kafka.group_members.member_id is 'The member''s id; of a share group also partition/<id>, where it is in a partition';
comment on column kafka.group_members.value is 'The coordinator''s own text';
comment on view kafka.group_overview is 'Each group with its kind (null: offsets only, nobody ever joined), members, partitions with a committed offset, lag over all that it reads, and configs';
comment on column kafka.group_overview.group_id is 'The group''s id';
comment on column kafka.group_overview.kind is 'classic, consumer, share or streams; null: offsets only, nobody ever joined';
comment on column kafka.group_overview.members is 'How many there are';
comment on column kafka.group_overview.partitions is 'How many have a committed offset';
comment on column kafka.group_overview.lag is 'Over these, and from the log start over those that a member reads and that have none';
comment on column kafka.group_overview.committed_at is 'The last commit';
comment on column kafka.group_overview.configs is 'Configs that were set for it; null: none';
comment on table kafka.groups is 'Groups as of their last stable generation; value is the coordinator''s own text';
comment on column kafka.groups.group_id is 'The group''s id';
comment on column kafka.groups.kind is 'classic, consumer, share or streams';
comment on column kafka.groups.value is 'The coordinator''s own text';
comment on table kafka.leader_epochs is 'Offset of the first append of each leader epoch to a partition';
comment on column kafka.leader_epochs.partition_id is 'The partition, as in kafka.partitions';
comment on column kafka.leader_epochs.epoch is 'The leader epoch';
comment on column kafka.leader_epochs.start_offset is 'Offset of the first append in it';
comment on view kafka.materialised is 'How far tables of kafka.materialise are, where they stand and why: a row for each table and partition';
comment on column kafka.materialised."table" is 'The table';
comment on column kafka.materialised.topic is 'The topic''s name';
comment on column kafka.materialised.partition is 'The partition''s number in the topic; null: there is no such topic';
comment on column kafka.materialised.next_offset is 'All that read_committed has below is there; null: the table has not begun with this partition';
comment on column kafka.materialised.end_offset is 'How far read_committed goes';
comment on column kafka.materialised.lag is 'The difference';
comment on column kafka.materialised.stands_since is 'Null: it goes on';
comment on column kafka.materialised.error is 'Why it stands';
comment on column kafka.materialised.error_offset is 'Where it stands: the record that does not fit, or where the step began that failed';
comment on column kafka.materialised.skipped is 'Records that did not fit and were left out (on_error => ''skip'')';
comment on column kafka.materialised.skipped_offset is 'The last of them';
comment on column kafka.materialised.skipped_error is 'Why that one did not fit';
comment on column kafka.materialised.skipped_at is 'When it was left out';
comment on column kafka.materialised.on_error is 'What becomes of a record that does not fit';
comment on column kafka.materialised.role is 'Has to have the right to read the topic, as long as the table follows it';
comment on table kafka.materialised_positions is 'How far materialised tables have come, a row for each table and partition; a step is a new row';
comment on column kafka.materialised_positions.follower_id is 'The table';
comment on column kafka.materialised_positions.partition_id is 'The partition';
comment on column kafka.materialised_positions.next_offset is 'All that read_committed has below is there';
comment on table kafka.materialised_tables is 'Tables that hold the latest value of each key of a topic: see kafka.materialised';
comment on column kafka.materialised_tables.follower_id is 'Given once';
comment on column kafka.materialised_tables.target is 'The table';
comment on column kafka.materialised_tables.table_name is 'As it was called when it was given to kafka.materialise';
comment on column kafka.materialised_tables.topic is 'The topic''s name';
comment on column kafka.materialised_tables.topic_id is 'The topic whose records the rows are; null: none yet';
comment on column kafka.materialised_tables.role is 'Has to have the right to read the topic, as long as the table follows it';
comment on column kafka.materialised_tables.on_error is 'What becomes of a record that does not fit: stop there, or skip it';
comment on column kafka.materialised_tables.key_column is 'The column of the key, and where it comes from';
comment on column kafka.materialised_tables.columns is 'The other columns, and where they come from';
comment on column kafka.materialised_tables.created_at is 'When it was materialised';
comment on table kafka.materialised_troubles is 'Where and why a materialised table stands, and what it has skipped: see kafka.materialised';
comment on column kafka.materialised_troubles.follower_id is 'The table';
comment on column kafka.materialised_troubles.partition_id is 'The partition';
comment on column kafka.materialised_troubles.stands_since is 'Null: it goes on';
comment on column kafka.materialised_troubles.error is 'Why it stands';
comment on column kafka.materialised_troubles.error_offset is 'Where it stands';
comment on column kafka.materialised_troubles.skipped is 'Records that did not fit and were left out';
comment on column kafka.materialised_troubles.skipped_offset is 'The last of them';
comment on column kafka.materialised_troubles.skipped_error is 'Why that one did not fit';
comment on column kafka.materialised_troubles.skipped_at is 'When it was left out';
comment on view kafka.member_lag is 'Each partition that a member reads, and how far it is behind: from the committed offset, or the log start where there is none';
comment on column kafka.member_lag.group_id is 'The group''s id';
comment on column kafka.member_lag.kind is 'classic, consumer or streams';
comment on column kafka.member_lag.member_id is 'The member''s id';
comment on column kafka.member_lag.client_id is 'client.id, as the client said';
comment on column kafka.member_lag.client_host is 'Where it connected from';
comment on column kafka.member_lag.topic is 'A topic that it reads';
comment on column kafka.member_lag.partition is 'The partition''s number in the topic';
comment on column kafka.member_lag.committed_offset is 'The next record that the group wants; null: none was committed yet';
comment on column kafka.member_lag.end_offset is 'The next offset to be given';
comment on column kafka.member_lag.lag is 'From the committed offset to the end, or from the log start where there is none';
comment on view kafka.member_overview is 'Members of groups of every kind, as of the last change that was stored; details is the coordinator''s own form';
comment on column kafka.member_overview.group_id is 'The group''s id';
comment on column kafka.member_overview.kind is 'classic, consumer, share or streams';
comment on column kafka.member_overview.member_id is 'The member''s id';
comment on column kafka.member_overview.instance_id is 'group.instance.id of a static member; null: it is none';
comment on column kafka.member_overview.client_id is 'client.id, as the client said';
comment on column kafka.member_overview.client_host is 'Where it connected from';
comment on column kafka.member_overview.partitions is 'What it reads, as topic-partition; null: nothing, or not known';
comment on column kafka.member_overview.details is 'The coordinator''s own form, not to be relied on';
comment on table kafka.migrations is 'Versions of this schema, one row for each step taken';
comment on column kafka.migrations.migration_id is 'The step''s number';
comment on column kafka.migrations.created_at is 'When it was taken';
comment on column kafka.migrations.name is 'The step''s name';
comment on view kafka.object_overview is 'Objects of the object store by what becomes of them; it looks at every batch that lies in one';
comment on column kafka.object_overview.state is 'new: as it was put, and to be merged; merged: made of others; erased: records of it were erased, and what else lies in it is moved soon; unused: no batch lies in it, and it goes after tusk.object.delete.delay.ms';
comment on column kafka.object_overview.objects is 'How many there are';
comment on column kafka.object_overview.bytes is 'Their bytes';
comment on column kafka.object_overview.live_bytes is 'Those of them that batches lie in';
comment on column kafka.object_overview.oldest is 'When the first of them was put';
comment on column kafka.object_overview.unused_since is 'Since when the first of them has been unused; null: they are in use';
comment on table kafka.objects is 'Objects of the object store to which rows of kafka.batches point, or have pointed';
comment on column kafka.objects.object_id is 'Rises with each object';
comment on column kafka.objects.name is 'Its name in the store, behind the prefix that the store''s URL gives';
comment on column kafka.objects.bytes is 'Its size';
comment on column kafka.objects.created_at is 'When it was put, in milliseconds, by the broker''s clock';
comment on column kafka.objects.unused_since is 'Since when no batch points to it, in milliseconds; null: one may';
comment on column kafka.objects.merged is 'Its batches lie in order of partition and offset';
comment on column kafka.objects.erased is 'Records of batches that lay in it were erased: what else lies in it is moved soon';
comment on table kafka.offsets is 'Offsets committed by groups, a row each; a new commit is a new row, with a greater commit_id; see kafka.group_lag';
comment on column kafka.offsets.group_id is 'The group''s id';
comment on column kafka.offsets.partition_id is 'The partition, as in kafka.partitions';
comment on column kafka.offsets.committed_offset is 'The next record that the group wants';
comment on column kafka.offsets.leader_epoch is 'Leader epoch of the last record it had, as the client said; -1: it said none';
comment on column kafka.offsets.commit_timestamp is 'When it was committed, in milliseconds';
comment on column kafka.offsets.expire_timestamp is 'When it may be forgotten, in milliseconds; -1: by the broker''s retention';
comment on column kafka.offsets.metadata is 'A text of the client''s';
comment on column kafka.offsets.commit_id is 'A number of the broker''s: a new commit is a new row, with a greater one';
comment on table kafka.open_transactions is 'Transactions that have not ended, a row for each partition: read_committed goes up to the first of them';
comment on column kafka.open_transactions.partition_id is 'The partition';
comment on column kafka.open_transactions.first_offset is 'Its first record there';
comment on column kafka.open_transactions.producer_id is 'Whose it is: see kafka.transactions';
comment on table kafka.outbox is 'Records of kafka.produce that the broker has not appended yet: see kafka.outbox_lag';
comment on column kafka.outbox.xid is 'The transaction that calls';
comment on column kafka.outbox.id is 'Rises with each call: the order within a session';
comment on column kafka.outbox.partition_id is 'The partition';
comment on column kafka.outbox."timestamp" is 'Of the record, in milliseconds since 1970';
comment on column kafka.outbox.key is 'Of the record; null: none';
comment on column kafka.outbox.value is 'Of the record; null: a tombstone';
comment on column kafka.outbox.headers is 'Of the record, in order; null: none';
comment on column kafka.outbox.group_id is 'Set if the row is no record: the group that committed an offset in SQL';
comment on column kafka.outbox.committed_offset is 'What it committed; null: it has given its claim back';
comment on column kafka.outbox.claim is 'The claim by which it did';
comment on table kafka.outbox_keys is 'Dedup keys of kafka.produce, as long as they are known';
comment on column kafka.outbox_keys.topic is 'The topic: each has keys of its own';
comment on column kafka.outbox_keys.key is 'What the caller gave as dedup';
comment on column kafka.outbox_keys.expires_at is 'From then on it counts as new';
comment on view kafka.outbox_lag is 'What kafka.produce has left for the broker to append';
comment on column kafka.outbox_lag.records is 'Records that wait';
comment on column kafka.outbox_lag.since is 'The time of the oldest of them; null: none waits';
comment on column kafka.outbox_lag.bytes is 'Bytes of their keys and values';
comment on column kafka.outbox_lag.refused is 'Records that cannot be appended any more: see kafka.outbox_refused';
comment on table kafka.outbox_refused is 'Records of kafka.produce that cannot be appended any more, for a person to look at';
comment on column kafka.outbox_refused.refused_id is 'Rises with each refusal';
comment on column kafka.outbox_refused.id is 'Its id in kafka.outbox';
comment on column kafka.outbox_refused.refused_at is 'When the broker gave it up';
comment on column kafka.outbox_refused.reason is 'Why';
comment on column kafka.outbox_refused.partition_id is 'The partition it was for';
comment on column kafka.outbox_refused."timestamp" is 'Of the record, in milliseconds since 1970';
comment on column kafka.outbox_refused.key is 'Of the record';
comment on column kafka.outbox_refused.value is 'Of the record';
comment on column kafka.outbox_refused.headers is 'Of the record';
comment on view kafka.partition_overview is 'Each partition with the offsets it holds (end_offset: the next to be given) and its bytes';
comment on column kafka.partition_overview.topic is 'The topic''s name';
comment on column kafka.partition_overview.partition is 'Its number in the topic';
comment on column kafka.partition_overview.partition_id is 'The number it has in all tables';
comment on column kafka.partition_overview.log_start_offset is 'The first offset that can be read';
comment on column kafka.partition_overview.end_offset is 'The next offset to be given';
comment on column kafka.partition_overview.size_bytes is 'Bytes of its batches, in rows and in objects: see kafka.storage_overview';
comment on column kafka.partition_overview.newest_timestamp is 'The greatest time of its records; null: there is no batch';
comment on column kafka.partition_overview.last_stable_offset is 'How far read_committed goes: to the first open transaction, or the end';
comment on table kafka.partitions is 'Partitions: which topic and index a partition id of kafka.batches stands for; without a topic: of a deleted one, batches still to be deleted. Ends lie in kafka.batches: see kafka.partition_overview';
comment on column kafka.partitions.partition_id is 'A number of the cluster''s own, never given twice';
comment on column kafka.partitions.topic_id is 'Its topic; null: that is deleted, and batches are still to be deleted';
comment on column kafka.partitions.partition_index is 'Its number in its topic, as clients know it';
comment on column kafka.partitions.log_start_offset is 'Nobody reads below it';
comment on column kafka.partitions.end_offset_floor is 'The end offset as it was when the newest batch was deleted; so are the other floors';
comment on column kafka.partitions.timestamp_high_floor is 'The greatest timestamp as it was when the newest batch was deleted; -1: there was none';
comment on column kafka.partitions.cumulative_bytes_floor is 'Bytes ever appended, as of when the newest batch was deleted';
comment on column kafka.partitions.cleaned_offset is 'Compacted up to here: for each key only the latest record is left below; null: never compacted';
comment on column kafka.partitions.cleaned_bytes is 'cumulative_bytes of the last batch below cleaned_offset';
comment on column kafka.partitions.delete_horizon is 'When the first tombstone below cleaned_offset may go, in milliseconds; -1: there is none';
comment on column kafka.partitions.failover_epoch is 'kafka.cluster.failover_epoch as of the last time the partition''s end leapt over what a failover may have lost';
comment on column kafka.partitions.local_start_offset is 'Of a tiered topic: batches below it lie in objects, which they have moved to';
comment on table kafka.producer_snapshots is 'State of idempotent producers up to an offset, so that loading a partition reads only what follows';
comment on column kafka.producer_snapshots.partition_id is 'The partition, as in kafka.partitions';
comment on column kafka.producer_snapshots.end_offset is 'Up to here the value tells all of it; what follows is told by the batches';
comment on column kafka.producer_snapshots.value is 'Producers with their last batches, the broker''s own text';
comment on view kafka.publications is 'Tables that are published as topics, and how far the snapshot of each is';
comment on column kafka.publications.publication_id is 'Its number';
comment on column kafka.publications.table_name is 'The table';
comment on column kafka.publications.topic is 'The topic';
comment on column kafka.publications.format is 'json or debezium';
comment on column kafka.publications.key is 'The columns by which records are known';
comment on column kafka.publications.state is 'live, snapshot (rows that were there are still read), or what is wrong: trigger missing, topic missing, table dropped';
comment on column kafka.publications.on_error is 'What becomes of a record that the topic does not take';
comment on column kafka.publications.role is 'Who published it';
comment on column kafka.publications.since is 'From when on changes are told';
comment on column kafka.publications.snapshot_rows is 'How many rows the snapshot has read';
comment on column kafka.publications.snapshot_position is 'Up to which primary key it has come';
comment on column kafka.publications.error is 'Why it does not go on; null: it does';
comment on column kafka.publications.error_since is 'Since when';
comment on table kafka.published is 'Tables that are published as topics: see kafka.publications';
comment on column kafka.published.publication_id is 'Its number: that of its function, kafka.publish_7, and in the names of its triggers';
comment on column kafka.published.relation is 'The table, if home says so';
comment on column kafka.published.table_name is 'Its name; after a restore it is found by this';
comment on column kafka.published.home is 'The oid of kafka.published when the row was written: after a restore oids are others';
comment on column kafka.published.topic is 'The topic';
comment on column kafka.published.key_numbers is 'The columns of the key, by their numbers';
comment on column kafka.published.key_names is 'And by their names, as they were last seen';
comment on column kafka.published.format is 'json: the row as it is; debezium: an envelope';
comment on column kafka.published.schemas is 'Whether an envelope has its schema with it';
comment on column kafka.published.on_error is 'What becomes of a record that the topic does not take: the write fails, or the record is set aside';
comment on column kafka.published.role is 'Who published it';
comment on column kafka.published.since is 'When';
comment on column kafka.published.columns is 'The columns that its function was made for';
comment on column kafka.published.snapshot is 'Of the rows that were there: none is wanted, or it is asked for, running, done; begun: within kafka.publish_table';
comment on column kafka.published.mark is 'The transaction id by which rows are told that its triggers have seen; null: all have to be read';
comment on column kafka.published.open_then is 'Transactions below the mark that had not written the table yet';
comment on column kafka.published.position_names is 'The columns of the primary key by which the snapshot goes';
comment on column kafka.published."position" is 'Up to which row it has come; null: none';
comment on column kafka.published.rows_read is 'How many rows it has read';
comment on column kafka.published.error is 'Why it does not go on';
comment on column kafka.published.error_since is 'Since when';
comment on view kafka.quota_overview is 'Which user, client or address may take how much';
comment on column kafka.quota_overview.entity is 'What it is for: user, client, user and client, or ip';
comment on column kafka.quota_overview.user_name is 'The user; <default>: those without a quota of their own; null: any';
comment on column kafka.quota_overview.client_id is 'The client id; <default> and null as with user_name';
comment on column kafka.quota_overview.ip is 'The address; <default> and null as with user_name';
comment on column kafka.quota_overview.quota_key is 'producer_byte_rate and so on';
comment on column kafka.quota_overview.value is 'Bytes, mutations or connections a second, or per cent of a thread';
comment on table kafka.quotas is 'How much a user, a client or an address may take: see kafka.quota_overview';
comment on column kafka.quotas.user_name is 'A user; <default>: those without one of their own; empty: users are not asked for';
comment on column kafka.quotas.client_id is 'A client id; <default> and empty as with user_name';
comment on column kafka.quotas.ip is 'An address; <default> and empty as with user_name';
comment on column kafka.quotas.quota_key is 'producer_byte_rate and so on';
comment on column kafka.quotas.value is 'Bytes, mutations or connections a second, or per cent of a thread';
comment on table kafka.scram_users is 'Users who log in by SCRAM: what is kept of their passwords (RFC 5802)';
comment on column kafka.scram_users.user_name is 'The user, as he logs in';
comment on column kafka.scram_users.mechanism is 'SCRAM-SHA-256 or SCRAM-SHA-512';
comment on column kafka.scram_users.iterations is 'How often the password was hashed';
comment on column kafka.scram_users.salt is 'What it was hashed with';
comment on column kafka.scram_users.stored_key is 'What a client''s proof is checked by';
comment on column kafka.scram_users.server_key is 'What the server proves itself by';
comment on table kafka.security_changes is 'Changes of SQL to ACLs, users, quotas and tokens that the broker has not read yet';
comment on column kafka.security_changes.xid is 'The transaction';
comment on table kafka.shadow_offsets is 'Without filler records: from source_offset on, a record''s offset there is target_offset and what it is further on; up to the next row';
comment on column kafka.shadow_offsets.cluster_id is 'The target';
comment on column kafka.shadow_offsets.topic is 'As in kafka.shadow_partitions';
comment on column kafka.shadow_offsets.partition_index is 'The same';
comment on column kafka.shadow_offsets.target_offset is 'There';
comment on column kafka.shadow_offsets.source_offset is 'Here';
comment on view kafka.shadow_overview is 'Partitions that are forwarded to another Kafka: how far, and if one stopped, since when and why';
comment on column kafka.shadow_overview.cluster_id is 'The other Kafka, as it tells it';
comment on column kafka.shadow_overview.topic is 'On both sides';
comment on column kafka.shadow_overview.partition is 'On both sides';
comment on column kafka.shadow_overview.difference is 'An offset here is its offset there and this; a beginning, if fills is false';
comment on column kafka.shadow_overview.fills is 'Whether filler records keep the difference constant';
comment on column kafka.shadow_overview.source_end is 'The last stable offset here, at the last look';
comment on column kafka.shadow_overview.target_end is 'Where the target ended, at the last look';
comment on column kafka.shadow_overview.lag is 'Offsets that are still to be forwarded, at the last look';
comment on column kafka.shadow_overview.moved_at is 'When that look was';
comment on column kafka.shadow_overview.stopped_at is 'Since when nothing is forwarded; null: it goes on';
comment on column kafka.shadow_overview.stopped_why is 'Why, and what to do about it';
comment on table kafka.shadow_partitions is 'How far each partition is forwarded; see kafka.shadow_overview';
comment on column kafka.shadow_partitions.cluster_id is 'The target';
comment on column kafka.shadow_partitions.topic is 'The same name on both sides';
comment on column kafka.shadow_partitions.partition_index is 'The same number on both sides';
comment on column kafka.shadow_partitions.source_topic_id is 'A topic made anew under the name has another one';
comment on column kafka.shadow_partitions.target_topic_id is 'The same at the target';
comment on column kafka.shadow_partitions.difference is 'An offset here is its offset there and this; constant, unless fills is false';
comment on column kafka.shadow_partitions.fills is 'Whether filler records stand at the target where there are none here; false: kafka.shadow_offsets maps offsets';
comment on column kafka.shadow_partitions.target_start is 'Where the target ended when forwarding began';
comment on column kafka.shadow_partitions.target_end is 'Where the target ended when this was noted; what counts is the target''s own';
comment on column kafka.shadow_partitions.source_next is 'The next offset here to be forwarded, when this was noted';
comment on column kafka.shadow_partitions.source_end is 'The last stable offset here, when this was noted';
comment on column kafka.shadow_partitions.moved_at is 'When target_end was noted last';
comment on column kafka.shadow_partitions.stopped_at is 'Since when this partition is not forwarded; null: it is';
comment on column kafka.shadow_partitions.stopped_why is 'Why it is not';
comment on table kafka.shadow_targets is 'Kafka clusters that the log is forwarded to, and the idempotent producer that does so there';
comment on column kafka.shadow_targets.cluster_id is 'As that cluster tells it';
comment on column kafka.shadow_targets.producer_id is 'Given by that cluster, once: a record''s sequence number is its offset there';
comment on column kafka.shadow_targets.producer_epoch is 'Of the producer id; never raised';
comment on view kafka.share_lag is 'Where each share group is in each partition: below start_offset all is done with; lag counts what is given out now, too';
comment on column kafka.share_lag.group_id is 'The group''s id';
comment on column kafka.share_lag.topic is 'The topic''s name';
comment on column kafka.share_lag.partition is 'The partition''s number in the topic';
comment on column kafka.share_lag.start_offset is 'All below is done with';
comment on column kafka.share_lag.end_offset is 'The next offset to be given';
comment on column kafka.share_lag.lag is 'Offsets that are not done with; what is given out now, too';
comment on table kafka.sql_offsets is 'Claims of groups that consume in SQL, and what they committed; a change is a new row in place of the former: see kafka.claims';
comment on column kafka.sql_offsets.group_id is 'The group';
comment on column kafka.sql_offsets.partition_id is 'The partition';
comment on column kafka.sql_offsets.revision is 'Rises with each change: the newest is at the top of the index, however many rows a snapshot keeps below it';
comment on column kafka.sql_offsets.claim is 'Who has it may commit. By the clock, so that a failover that lost a claim does not give it again';
comment on column kafka.sql_offsets.committed_offset is 'The next record to read; null: the first there is';
comment on column kafka.sql_offsets.claimed_at is 'When the claim was taken';
comment on column kafka.sql_offsets.committed_at is 'When the offset was committed; null: before the first claim, or never';
comment on column kafka.sql_offsets.role is 'The role that wrote the row';
comment on table kafka.sql_settings is 'One row: settings of the broker that SQL''s functions go by; the broker keeps it';
comment on column kafka.sql_settings.one is 'True: there is one row';
comment on column kafka.sql_settings.dedup_window is 'For how long kafka.produce knows a dedup key again';
comment on column kafka.sql_settings.max_message_bytes is 'message.max.bytes that the broker was started with';
comment on column kafka.sql_settings.cleanup_policy is 'log.cleanup.policy that the broker was started with';
comment on table kafka.sql_topics is 'Topics as kafka.produce sees them: triggers on kafka.topics, kafka.partitions and kafka.configs keep it';
comment on column kafka.sql_topics.topic is 'Name of the topic';
comment on column kafka.sql_topics.partition_ids is 'Its partitions, in order';
comment on column kafka.sql_topics.max_message_bytes is 'The topic''s own max.message.bytes, else the brokers'' message.max.bytes, else what the broker was started with';
comment on column kafka.sql_topics.is_compacted is 'Whether its cleanup.policy contains compact';
comment on view kafka.storage_overview is 'Each partition with the bytes that lie in rows, and in objects; it looks at every batch that lies in an object';
comment on column kafka.storage_overview.topic is 'The topic''s name';
comment on column kafka.storage_overview.partition is 'The partition''s number in the topic';
comment on column kafka.storage_overview.size_bytes is 'Bytes of its batches';
comment on column kafka.storage_overview.row_bytes is 'Those of them that lie in rows';
comment on column kafka.storage_overview.object_bytes is 'Those of them that lie in objects';
comment on column kafka.storage_overview.object_batches is 'How many batches these are';
comment on column kafka.storage_overview.local_start_offset is 'Of a tiered topic: batches below it have moved to objects';
comment on view kafka.topic_overview is 'Each topic with its partitions, records (offsets from log start to end; fewer where compacted), bytes and configs';
comment on column kafka.topic_overview.topic is 'The topic''s name';
comment on column kafka.topic_overview.topic_id is 'Kafka''s text form of a UUID';
comment on column kafka.topic_overview.partitions is 'How many it has';
comment on column kafka.topic_overview.records is 'Offsets from log start to end, over all partitions; fewer records where compacted';
comment on column kafka.topic_overview.size_bytes is 'Bytes of its batches, in rows and in objects: see kafka.storage_overview';
comment on column kafka.topic_overview.configs is 'Configs that were set for it; null: none';
comment on view kafka.topic_records is 'Records of topics with tusk.sql.records=on that the session may read';
comment on column kafka.topic_records.topic is 'The topic''s name';
comment on column kafka.topic_records.partition is 'The partition''s number in the topic';
comment on column kafka.topic_records."offset" is 'Of the record';
comment on column kafka.topic_records."timestamp" is 'Of the record';
comment on column kafka.topic_records.key is 'Of the record; null: none';
comment on column kafka.topic_records.value is 'Of the record; null: a tombstone';
comment on column kafka.topic_records.headers is 'Of the record, in order; null: none';
comment on table kafka.topics is 'Topics by id (Kafka''s text form of a UUID) and name';
comment on column kafka.topics.topic_id is 'Kafka''s text form of a UUID; never given twice';
comment on column kafka.topics.name is 'The topic''s name';
comment on column kafka.topics.created_at is 'When it was created';
comment on table kafka.transactional_ids is 'Transactional ids, a row each: see kafka.transactions';
comment on column kafka.transactional_ids.revision is 'Rises with each change of any of them: a change is a new row';
comment on column kafka.transactional_ids.transactional_id is 'transactional.id of the producer';
comment on column kafka.transactional_ids.value is 'The coordinator''s own form';
comment on view kafka.transactions is 'Each transactional id, and what it has open';
comment on column kafka.transactions.transactional_id is 'transactional.id of the producer';
comment on column kafka.transactions.producer_id is 'Its producer id now';
comment on column kafka.transactions.producer_epoch is 'Its epoch now: an older one is fenced';
comment on column kafka.transactions.state is 'Empty, Ongoing, CompleteCommit or CompleteAbort, as kafka-transactions tells it';
comment on column kafka.transactions.since is 'When the open transaction began; null: none is open';
comment on column kafka.transactions.timeout is 'transaction.timeout.ms: an open one is aborted after so long';
comment on column kafka.transactions.partitions is 'What the open transaction has written to, as topic-partition';
comment on column kafka.transactions.holds_back is 'Where read_committed waits for it and for none before it, as topic-partition';
comment on table kafka.unpacked is 'Records of topics with tusk.sql.records=on, as read_committed has them: see kafka.topic_records';
comment on column kafka.unpacked.partition_id is 'The partition';
comment on column kafka.unpacked."offset" is 'Of the record';
comment on column kafka.unpacked."timestamp" is 'Of the record';
comment on column kafka.unpacked.key is 'Of the record; null: none';
comment on column kafka.unpacked.value is 'Of the record; null: a tombstone';
comment on column kafka.unpacked.headers is 'Of the record, in order; null: none';
comment on table kafka.unpacked_positions is 'How far kafka.unpacked has come, a row for each partition that it holds';
comment on column kafka.unpacked_positions.partition_id is 'The partition';
comment on column kafka.unpacked_positions.next_offset is 'All that read_committed has below is there';
comment on column kafka.unpacked_positions.cleaned_offset is 'As it was in kafka.partitions when what compaction took was taken here';
comment on column kafka.unpacked_positions.delete_horizon is 'The same';
comment on function kafka.acl_of(text,text,text,text,text,text) is 'A row of kafka.acls out of what a person says, or what is wrong with it';
comment on function kafka.acls_say(name,text,text,text) is 'What the rows of kafka.acls say of it; null: nothing';
comment on function kafka.add_materialised(integer,integer,bigint,bigint,bytea[]) is 'The broker''s own: the records of batches into a materialised table, and its position to their end, or to the record that does not fit';
comment on function kafka.all_there(bigint,bigint) is 'The broker''s own: fails if a row that it appends is gone';
comment on function kafka.allow(text,text,text,text,text) is 'Lets a role do an operation, and name what is in the schema';
comment on function kafka.as_json(bytea) is 'A key or value as JSON; null if it is none';
comment on function kafka.as_text(bytea) is 'A key or value as text; null if it is no UTF-8';
comment on function kafka.await(text,integer,bigint,interval) is 'Waits until kafka.unpacked, or the materialised table of that name, has the record at an offset; false: not in that time';
comment on function kafka.await_position(integer,integer,bigint,interval) is 'Waits until a follower has the record at an offset: that of kafka.unpacked (null), or of a materialised table';
comment on function kafka.await_table(text,integer,bigint,interval) is 'Waits until a materialised table has the record at an offset; false: not in that time';
comment on function kafka.base_type(oid,integer) is 'The type that a domain is made of';
comment on function kafka.batches_in(bigint) is 'What lies in an object: bytes and batches of each partition';
comment on function kafka.begin_erasure(bigint,integer[],bigint[]) is 'Notes where logs end at the moment of a pass; what kafka.produce left of the keys goes';
comment on function kafka.begin_publication(oid,text,text[],text,boolean,boolean,text) is 'Within kafka.publish_table: whether it may be, its row and its function';
comment on function kafka.bind_materialised(integer,regclass,json,json) is 'Makes the functions that write to a materialised table';
comment on function kafka.broker_sleeps() is 'Whether the broker has to be notified; keeps it awake if not';
comment on function kafka.bytes_of(text[]) is 'Each text in UTF-8';
comment on function kafka.check_materialised(kafka.materialised_tables) is 'Fails if the broker may not write to a materialised table now';
comment on function kafka.check_reading(kafka.published,boolean) is 'Fails if the schema''s owner cannot read all rows of a table, or would run what others wrote';
comment on function kafka.check_role(text) is 'Fails if Postgres has no such role';
comment on function kafka.check_table(name,oid) is 'Fails if a table cannot be published, or not by this role';
comment on function kafka.claim(text,text,integer) is 'Claims a partition for a group, once the transaction of its former owner has ended: where to read on (null: the first record), and the claim to commit by';
comment on function kafka.classic_assignment(bytea) is 'Partitions in what the leader of a classic group assigned to a consumer (ConsumerProtocolAssignment)';
comment on function kafka.clear_materialised(integer,bigint) is 'The broker''s own: takes rows out of a materialised table, at most so many, and its positions';
comment on function kafka.code_of(regclass) is 'What of a table runs, or may run, code of its owner; null: nothing';
comment on function kafka.columns_now(oid) is 'What a publication''s function is made for';
comment on function kafka.columns_to_publish(oid) is 'The columns that a record tells, in order';
comment on function kafka.commit_claimed(text,integer,bigint,bigint) is 'Commits an offset, if the claim is the newest';
comment on function kafka.commit_offsets(text,text,integer,bigint,bigint) is 'Commits the offset of the next record to read with the caller''s transaction; fails with 40001 if the claim is not the newest';
comment on function kafka.commit_offsets_many(text,text,integer[],bigint[],bigint[]) is 'kafka.commit_offsets for several partitions, all or none, in an order that makes no deadlock';
comment on function kafka.debezium_code(text,oid,integer) is 'A value in Debezium''s envelope: its type, what it means, and an expression for it';
comment on function kafka.dematerialise(text,boolean) is 'A table follows its topic no more; it is dropped if that is said, else it stays as it is';
comment on function kafka.deny(text,text,text,text,text) is 'Keeps a role from an operation, whatever else allows it';
comment on function kafka.end_publication(integer) is 'Within kafka.unpublish_table: what has no trigger any more goes';
comment on function kafka.envelope_of(kafka.published) is 'The format of a publication''s envelopes';
comment on function kafka.enveloped(text,text,text,text) is 'A change as Debezium''s envelope';
comment on function kafka.erase(text,bytea,boolean) is 'Has all records of a key erased that are in the topic by then; returns the id of the row in kafka.erasures that tells how far it is';
comment on function kafka.erase(text,text,boolean) is 'The same by a key of text, in UTF-8';
comment on function kafka.erase_materialised(integer,integer,bytea,bigint,bigint,bytea[]) is 'The broker''s own: takes a key''s row out of a materialised table, unless a later record wrote it';
comment on function kafka.finish_erasure(bigint) is 'Notes that all is gone that a pass was to take; of the keys a hash is left';
comment on function kafka.finish_publication(integer) is 'Within kafka.publish_table: from here on its triggers tell what is written';
comment on function kafka.first_base_at_time(integer,bigint) is 'Base offset of the first batch at or above the log start that holds a time at or after the one wanted (milliseconds): a binary search over the primary key';
comment on function kafka.first_call(text,text) is 'Whether no call had this dedup key within the window; waits for a transaction that has it';
comment on function kafka.first_claim(text,integer,bigint) is 'Where a group begins that claims a partition for the first time: at what it committed as a Kafka group; null: nothing';
comment on function kafka.first_offset(integer,bigint,timestamp with time zone) is 'The offset from which on a record of a time may lie';
comment on function kafka.has_columns(oid,text[]) is 'Whether a table still is what a publication''s function was made for';
comment on function kafka.header_bytes(kafka.header[]) is 'What headers add to a record at most';
comment on function kafka.headers(jsonb) is 'Headers for kafka.produce, of an object or of an array of pairs';
comment on function kafka.headers_of(bytea,integer,integer,integer) is 'Headers of a record; a key that is no UTF-8 is shown escaped';
comment on function kafka.is_aborted(integer,bigint,bigint) is 'Whether a transactional batch was aborted: by partition, producer and base offset';
comment on function kafka.is_postgres_own(oid) is 'Whether a value of this type becomes JSON by Postgres'' own code alone';
comment on function kafka.is_published(kafka.published,oid) is 'Whether a relation is the table of a publication, or a partition of it';
comment on function kafka.json_code(text,oid) is 'An expression for a value in a row that is published as plain JSON';
comment on function kafka.json_of(text) is 'The value as JSON; null where it is none';
comment on function kafka.keep_topics(text[]) is 'Brings these topics in kafka.sql_topics up to date';
comment on function kafka.kept_records(integer,bigint,bigint,timestamp with time zone) is 'The same out of kafka.unpacked';
comment on function kafka.lock_claim(text,integer,boolean) is 'Locks a group''s partition, or says that another transaction has it';
comment on function kafka.log_records(integer,bigint,bigint,timestamp with time zone) is 'Records of a partition out of its batches: what read_committed reads, from an offset on';
comment on function kafka.long_varint(bytea,integer) is 'A varint of any length, before zig-zag';
comment on function kafka.make_publisher(kafka.published) is 'Makes the trigger function of a publication, anew if it is there';
comment on function kafka.materialise(text,text,json,text,text,text) is 'Keeps the latest value of each key of a topic as rows of a table, which is made if it is not there. Called again it changes on_error. Tells the table''s whole name';
comment on function kafka.materialised_column(text,json) is 'A column of kafka.materialise with all that it leaves out';
comment on function kafka.materialised_columns(json) is 'The columns of kafka.materialise, each with all that it leaves out';
comment on function kafka.materialised_expression(json,oid) is 'What a column of a materialised table is made of';
comment on function kafka.materialised_key(text) is 'The key''s column of kafka.materialise with all that it leaves out';
comment on function kafka.materialised_named(text) is 'A materialised table by its name; nulls: there is none';
comment on function kafka.materialised_type(regclass,json) is 'The type of a column of a materialised table, or why it does not fit';
comment on function kafka.may(name,text,text,text) is 'Whether a role may do an operation on a resource, by kafka.acls';
comment on function kafka.may_consume(text,text) is 'Fails if the session''s role may not consume a topic for a group';
comment on function kafka.may_delete(text) is 'Whether the session''s role may delete records of a topic, by kafka.acls';
comment on function kafka.may_read(text) is 'Whether the session''s role may read a topic, by kafka.acls';
comment on function kafka.members_of(text,text,jsonb) is 'Members of a group, out of its own stored form and their rows';
comment on function kafka.murmur2(bytea) is 'The hash of a key by which Kafka''s Java producer chooses a partition';
comment on function kafka.names_of(text,oid) is 'Columns out of a list with commas';
comment on function kafka.newest_claim(text,integer) is 'The row in force for a group''s partition, which its caller has locked; nulls: none is';
comment on function kafka.note_materialised(integer,integer,text) is 'The broker''s own: why a partition of a materialised table stands';
comment on function kafka.note_security_change() is 'Tells the broker of a change that SQL made';
comment on function kafka.order_operator(oid,integer) is 'An operator of an index, to write in a query';
comment on function kafka.owned_partitions(text,jsonb,jsonb) is 'Partitions that a member reads, out of its own and its group''s stored form; of a streams member those of its active tasks';
comment on function kafka.partition_bytes(integer,bigint) is 'Bytes of a partition''s batches; summed up one by one only where compaction took some from their midst';
comment on function kafka.partition_names(integer[]) is 'Partitions as topic-partition, in order; null for none';
comment on function kafka.partition_to_claim(text,integer) is 'The id of a partition; fails if there is none';
comment on function kafka.partitions_to_poll(text,text) is 'Partitions where a group has something to read, the one first that was claimed longest ago';
comment on function kafka.place_of(bytea) is 'Modulo the number of partitions: the one that takes a record with this key';
comment on function kafka.plan_read(integer[],bigint[],bigint[],bigint) is 'Which batches a fetch takes from each partition: from the one that holds the offset on, as long as they fit';
comment on function kafka.poll(text,text,integer) is 'Claims a partition of the topic that no other transaction has, the one first that was claimed longest ago, and reads on there; no row: there is nothing to read';
comment on function kafka.primary_key(oid) is 'The columns of a table''s primary key, in order';
comment on function kafka.produce(text,bytea,bytea,kafka.header[],integer,timestamp with time zone,text) is 'A record for a topic, in the caller''s transaction; its id, or null if its dedup key is known';
comment on function kafka.produce(text,bytea,text,kafka.header[],integer,timestamp with time zone,text) is 'A record of bytes by a key of text';
comment on function kafka.produce(text,jsonb,bytea,kafka.header[],integer,timestamp with time zone,text) is 'A record of JSON, as Postgres writes it, by a key of bytes';
comment on function kafka.produce(text,jsonb,text,kafka.header[],integer,timestamp with time zone,text) is 'A record of JSON, as Postgres writes it';
comment on function kafka.produce(text,text,bytea,kafka.header[],integer,timestamp with time zone,text) is 'A record of text, in UTF-8, by a key of bytes';
comment on function kafka.produce(text,text,text,kafka.header[],integer,timestamp with time zone,text) is 'A record of text, in UTF-8';
comment on function kafka.produce_many(text,bytea[],bytea[],kafka.header[],integer,timestamp with time zone) is 'Records for a topic, in order, in the caller''s transaction; how many';
comment on function kafka.produce_many(text,bytea[],text[],kafka.header[],integer,timestamp with time zone) is 'Records of bytes by keys of text';
comment on function kafka.produce_many(text,jsonb[],text[],kafka.header[],integer,timestamp with time zone) is 'Records of JSON, as Postgres writes it';
comment on function kafka.produce_many(text,text[],text[],kafka.header[],integer,timestamp with time zone) is 'Records of text, in UTF-8';
comment on function kafka.publication_now(integer) is 'A publication, with its table and key as they are called now';
comment on function kafka.publications_of(oid,text) is 'The numbers of a table''s publications';
comment on function kafka.publish_change(integer,text,text,bytea,text,bytea,text,text,boolean) is 'A change of a row, in the envelope that is given, or none';
comment on function kafka.publish_failed(integer,text) is 'The broker''s own: notes why a snapshot does not go on';
comment on function kafka.publish_record(integer,text,bytea,bytea,boolean) is 'A record of a published table';
comment on function kafka.publish_settings(kafka.published) is 'Settings that a publication''s function needs';
comment on function kafka.publish_statement(kafka.published,text) is 'The statement of a publication''s function for one operation';
comment on function kafka.publish_step(integer,integer,integer) is 'The broker''s own: one step of a snapshot; done, running, waits (for room in the outbox) or gone';
comment on function kafka.publish_table(regclass,text,text,text,boolean,boolean,text) is 'Publishes a table as a topic: its rows, and every change in the writer''s transaction; its number';
comment on function kafka.publish_table(regclass,text,text[],text,boolean,boolean,text) is 'Publishes a table as a topic, by columns of a key; its number';
comment on function kafka.publish_truncate() is 'Trigger: publishes that a table is emptied';
comment on function kafka.put_claim(kafka.sql_offsets,kafka.sql_offsets) is 'Writes a row in place of the former';
comment on function kafka.readable_partitions(text,integer) is 'Partitions that the session may read, or an error';
comment on function kafka.record_bytes(bytea,bytea) is 'What a record without headers takes at most, as a batch of its own';
comment on function kafka.record_time(timestamp with time zone) is 'The time of a record in milliseconds; now for null';
comment on function kafka.records(text,integer,bigint,integer,timestamp with time zone) is 'Records of a topic in order of partitions and offsets, as read_committed has them: from an offset on, from a time on, at most so many (null: all)';
comment on function kafka.refuse_published(kafka.published,bytea,bigint) is 'Says why a topic does not take a record of a published table';
comment on function kafka.refuse_record(name,text,integer,bigint,boolean) is 'Says why kafka.produce cannot take a record';
comment on function kafka.refuse_right(name,text,text,text) is 'Says which right is missing';
comment on function kafka.register_materialised(text,regclass,json,json,text,boolean) is 'The part of kafka.materialise that runs as the owner of the schema';
comment on function kafka.release(text) is 'Gives a group back to Kafka clients, with its offsets, once the transactions of its owners have ended: of how many partitions';
comment on function kafka.revoke(text,text,text,text,text) is 'Undoes kafka.allow and kafka.deny; how many rows of kafka.acls that were';
comment on function kafka.row_code(kafka.published,text) is 'Expressions for key and value of a row';
comment on function kafka.row_query(integer,oid) is 'A query for key and value of a row, by the table as it is now';
comment on function kafka.rows_by_place(oid,text[],boolean) is 'A condition: behind a place in the order of the primary key, or not';
comment on function kafka.schema_of_field(text,text,boolean,name) is 'The schema of a value, as Connect''s JsonConverter reads it';
comment on function kafka.schema_of_row(oid,text,name[]) is 'The schema of a row, or of some columns of it; open at its end';
comment on function kafka.session_role() is 'The role whose rights count: that of SET ROLE, else the one that logged in';
comment on function kafka.take_claim(text,integer) is 'The next claim on a group''s partition, which its caller has locked';
comment on function kafka.take_erasures(text,integer) is 'The pass of a topic that is under way, else a new one of requests that wait; null: there are none';
comment on function kafka.tell_offset(text,integer,bigint,bigint) is 'Tells the broker of an offset; -1: of a claim without one, null: of a claim that is given back';
comment on function kafka.tend_publications() is 'The broker''s own: brings publications up to date with their tables; and whether a snapshot is to be read';
comment on function kafka.text_code(text) is 'An expression for the text of a value, or null';
comment on function kafka.time_of(bigint) is 'Milliseconds as a time; between the years 1 and 9999, whatever a client sent';
comment on function kafka.topics_changed() is 'Trigger: looks at the topics of the rows that changed';
comment on function kafka.trusts_owner(oid) is 'Whether what the owners of a table wrote may run with the rights of the schema''s owner';
comment on function kafka.type_name(oid) is 'A type by its whole name, without a length: what does not fit is to fail';
comment on function kafka.unpack(bytea,bigint,bigint,timestamp with time zone) is 'Records of a batch that is not compressed: from an offset on, at most so many, and from the first one on that is not older';
comment on function kafka.unpack_whole(bytea,bigint) is 'The same without end; of a malformed batch nothing, with a warning';
comment on function kafka.unpublish_table(regclass,text) is 'Ends a table''s publications, or the one as this topic; how many';
comment on function kafka.unregister_materialised(text) is 'The part of kafka.dematerialise that runs as the owner of the schema';
comment on function kafka.varint(bytea,integer) is 'A varint, before zig-zag';
comment on function kafka.varint_size(bytea,integer) is 'Bytes of a varint';
comment on function kafka.wrapping_sum(bigint,bigint) is 'The sum in 64 bits';
