-- Who gets in, and how much anybody may take. What stands here of passwords and tokens is read by the owner alone.

-- An operation of Kafka 4: transactions that are prepared (KIP-939).
alter table kafka.acls drop constraint acls_operation_check, add constraint acls_operation_check check (operation in (
  'ALL', 'READ', 'WRITE', 'CREATE', 'DELETE', 'ALTER', 'DESCRIBE', 'CLUSTER_ACTION', 'DESCRIBE_CONFIGS', 'ALTER_CONFIGS',
  'IDEMPOTENT_WRITE', 'CREATE_TOKENS', 'DESCRIBE_TOKENS', 'TWO_PHASE_COMMIT'));

create or replace function kafka.acl_of(role text, operation text, resource text, resource_type text, pattern_type text,
    permission_type text) returns kafka.acls language plpgsql stable as $$
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
  end $$;

create table kafka.scram_users (
  user_name text collate "C" not null,
  mechanism text collate "C" not null,
  iterations integer not null,
  salt bytea not null,
  stored_key bytea not null,
  server_key bytea not null,
  primary key (user_name, mechanism),
  check (mechanism in ('SCRAM-SHA-256', 'SCRAM-SHA-512')),
  check (iterations > 0)
);
comment on table kafka.scram_users is 'Users who log in by SCRAM: what is kept of their passwords (RFC 5802)';
comment on column kafka.scram_users.user_name is 'The user, as he logs in';
comment on column kafka.scram_users.mechanism is 'SCRAM-SHA-256 or SCRAM-SHA-512';
comment on column kafka.scram_users.iterations is 'How often the password was hashed';
comment on column kafka.scram_users.salt is 'What it was hashed with';
comment on column kafka.scram_users.stored_key is 'What a client''s proof is checked by';
comment on column kafka.scram_users.server_key is 'What the server proves itself by';

create table kafka.quotas (
  user_name text collate "C" not null default '',
  client_id text collate "C" not null default '',
  ip text collate "C" not null default '',
  quota_key text collate "C" not null,
  value double precision not null,
  primary key (user_name, client_id, ip, quota_key),
  check (user_name <> '' or client_id <> '' or ip <> ''),
  check (ip = '' or user_name = '' and client_id = ''),
  check (quota_key in ('producer_byte_rate', 'consumer_byte_rate', 'request_percentage', 'controller_mutation_rate',
    'connection_creation_rate')),
  check (value > 0 and value < 'Infinity')
);
comment on table kafka.quotas is 'How much a user, a client or an address may take: see kafka.quota_overview';
comment on column kafka.quotas.user_name is 'A user; <default>: those without one of their own; empty: users are not asked for';
comment on column kafka.quotas.client_id is 'A client id; <default> and empty as with user_name';
comment on column kafka.quotas.ip is 'An address; <default> and empty as with user_name';
comment on column kafka.quotas.quota_key is 'producer_byte_rate and so on';
comment on column kafka.quotas.value is 'Bytes, mutations or connections a second, or per cent of a thread';

create table kafka.delegation_tokens (
  token_id text collate "C" primary key,
  hmac_hash bytea not null,
  owner text collate "C" not null,
  requester text collate "C" not null,
  renewers text collate "C" not null,
  issue_timestamp bigint not null,
  max_timestamp bigint not null,
  expiry_timestamp bigint not null,
  check (json_typeof(renewers::json) = 'array')
);
comment on table kafka.delegation_tokens is 'Tokens by which others log in as their owner (KIP-48)';
comment on column kafka.delegation_tokens.token_id is 'The name by which it is told';
comment on column kafka.delegation_tokens.hmac_hash is 'SHA-256 of the token''s HMAC, which is its password and stored nowhere';
comment on column kafka.delegation_tokens.owner is 'User:name: who is authenticated by it';
comment on column kafka.delegation_tokens.requester is 'Who asked for it';
comment on column kafka.delegation_tokens.renewers is 'Who else may renew it: a JSON array of principals';
comment on column kafka.delegation_tokens.issue_timestamp is 'When it was made, in milliseconds since 1970';
comment on column kafka.delegation_tokens.max_timestamp is 'Until when it can be renewed';
comment on column kafka.delegation_tokens.expiry_timestamp is 'Until when it holds, if nobody renews it';

-- Rows that SQL changes reach the running broker: it reads them anew once the change is visible, and deletes the row that
-- says so. A transaction that is prepared cannot have notified: where there may be one, the broker looks now and then.
create table kafka.security_changes (
  xid xid8 primary key default pg_current_xact_id()
);
comment on table kafka.security_changes is 'Changes of SQL to ACLs, users, quotas and tokens that the broker has not read yet';
comment on column kafka.security_changes.xid is 'The transaction';

create function kafka.note_security_change() returns trigger language plpgsql security definer
    set search_path = pg_catalog, pg_temp as $$
  begin
    -- The broker knows what it stores.
    if current_setting('tusk.broker', true) is distinct from 'on' then
      insert into kafka.security_changes default values on conflict do nothing;
      if current_setting('max_prepared_transactions') = '0' then
        perform pg_notify('kafka_security', '');
      end if;
    end if;
    return null;
  end $$;
comment on function kafka.note_security_change() is 'Tells the broker of a change that SQL made';
revoke execute on function kafka.note_security_change() from public;

create trigger tell_broker after insert or update or delete or truncate on kafka.acls
  execute function kafka.note_security_change();
create trigger tell_broker after insert or update or delete or truncate on kafka.scram_users
  execute function kafka.note_security_change();
create trigger tell_broker after insert or update or delete or truncate on kafka.quotas
  execute function kafka.note_security_change();
create trigger tell_broker after insert or update or delete or truncate on kafka.delegation_tokens
  execute function kafka.note_security_change();

-- Without secrets: for whoever may see who may do what.
create view kafka.acl_overview as
select a.principal, lower(a.permission_type) as permission, lower(a.operation) as operation,
  lower(a.resource_type) as resource, a.resource_name,
  case when a.pattern_type = 'PREFIXED' then 'prefix' when a.resource_name = '*' then 'any' else 'name' end as matches,
  a.host
from kafka.acls a;
comment on view kafka.acl_overview is 'Who may do what, and who may not';
comment on column kafka.acl_overview.principal is 'User:name, or Group:name for the members of a role of Postgres';
comment on column kafka.acl_overview.permission is 'allow, or deny, which goes before';
comment on column kafka.acl_overview.operation is 'read, write and so on; all: each of them';
comment on column kafka.acl_overview.resource is 'topic, group, cluster, transactional_id, delegation_token or user';
comment on column kafka.acl_overview.resource_name is 'The resource, the prefix of its name, or *';
comment on column kafka.acl_overview.matches is 'name: this one; prefix: those whose names begin so; any: each one';
comment on column kafka.acl_overview.host is 'The address from which it holds; * for any';

create view kafka.quota_overview as
select case when q.ip <> '' then 'ip' when q.user_name = '' then 'client' when q.client_id = '' then 'user'
    else 'user and client' end as entity,
  nullif(q.user_name, '') as user_name, nullif(q.client_id, '') as client_id, nullif(q.ip, '') as ip, q.quota_key, q.value
from kafka.quotas q;
comment on view kafka.quota_overview is 'Which user, client or address may take how much';
comment on column kafka.quota_overview.entity is 'What it is for: user, client, user and client, or ip';
comment on column kafka.quota_overview.user_name is 'The user; <default>: those without a quota of their own; null: any';
comment on column kafka.quota_overview.client_id is 'The client id; <default> and null as with user_name';
comment on column kafka.quota_overview.ip is 'The address; <default> and null as with user_name';
comment on column kafka.quota_overview.quota_key is 'producer_byte_rate and so on';
comment on column kafka.quota_overview.value is 'Bytes, mutations or connections a second, or per cent of a thread';
