-- A table as a topic. Triggers of the table append to the outbox in the writer's transaction. They run with the rights of
-- the schema's owner, on rows of tables that others own: so nothing here may run what an owner of a table could have
-- written. A cast, also one that to_json looks up, may be a person's function; an output function never is, as it is C.
-- Of types that are not Postgres' own a row's text is taken, by format().

create table kafka.published (
  publication_id integer generated always as identity primary key,
  relation oid not null,
  table_name text not null,
  home oid not null default 'kafka.published'::regclass,
  topic text collate "C" not null,
  key_numbers smallint[] not null,
  key_names name[] not null,
  format text not null,
  schemas boolean not null,
  on_error text not null,
  role name not null,
  since timestamptz not null default now(),
  columns text[] not null default '{}',
  snapshot text not null,
  mark bigint,
  open_then bigint[] not null default '{}',
  position_names name[],
  position text[],
  rows_read bigint not null default 0,
  error text,
  error_since timestamptz,
  unique (relation, topic),
  check (format in ('json', 'debezium')),
  check (on_error in ('fail', 'set aside')),
  check (snapshot in ('begun', 'none', 'asked', 'running', 'done'))
);
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
comment on column kafka.published.position is 'Up to which row it has come; null: none';
comment on column kafka.published.rows_read is 'How many rows it has read';
comment on column kafka.published.error is 'Why it does not go on';
comment on column kafka.published.error_since is 'Since when';

-- Columns -------------------------------------------------------------------------------------------------------------

-- What a domain is made of, in the end.
create function kafka.base_type(inout typ oid, inout typmod integer) language plpgsql stable as $$
  declare
    it record;
  begin
    loop
      select t.typtype, t.typbasetype, t.typtypmod into it from pg_type t where t.oid = typ;
      exit when it.typtype is distinct from 'd';
      typ := it.typbasetype;
      typmod := it.typtypmod;
    end loop;
  end $$;
comment on function kafka.base_type(oid, integer) is 'The type that a domain is made of';

-- Virtual generated columns are left out: Postgres does not compute them for triggers.
create function kafka.columns_to_publish(rel oid)
    returns table (number smallint, name name, typ oid, typmod integer, required boolean) language sql stable begin atomic
  select a.attnum, a.attname, a.atttypid, a.atttypmod, a.attnotnull from pg_catalog.pg_attribute a
  where a.attrelid = rel and a.attnum > 0 and not a.attisdropped and a.attgenerated <> 'v' order by a.attnum;
end;
comment on function kafka.columns_to_publish(oid) is 'The columns that a record tells, in order';

create function kafka.columns_now(rel oid) returns text[] language plpgsql stable as $$
  begin
    return (select array_agg(format('%s %s %s %s', c.name, c.typ, c.typmod, c.required) order by c.number)
      from kafka.columns_to_publish(rel) c);
  end $$;
comment on function kafka.columns_now(oid) is 'What a publication''s function is made for';

-- Not immutable: but then Postgres puts its result into the plan, where it costs nothing, and plans anew once the table
-- has changed, as the same expression names the table's oid.
create function kafka.has_columns(rel oid, columns text[]) returns boolean language plpgsql immutable as $$
  begin
    return kafka.columns_now(rel) is not distinct from columns;
  end $$;
comment on function kafka.has_columns(oid, text[]) is 'Whether a table still is what a publication''s function was made for';

-- The text of a value as its type's output function has it: no cast is looked up.
create function kafka.text_code(x text) returns text language sql immutable begin atomic
  select pg_catalog.format('case when pg_catalog.num_nulls(%1$s) = 0 then pg_catalog.format(''%%s'', %1$s) end', x);
end;
comment on function kafka.text_code(text) is 'An expression for the text of a value, or null';

-- Whether to_json runs nothing that a person wrote: it looks through domains, and for casts of types that are no others'.
create function kafka.is_postgres_own(typ oid) returns boolean language plpgsql stable as $$
  declare
    base oid := (kafka.base_type(typ, -1)).typ;
    element oid := (select t.typelem from pg_type t where t.oid = base and t.typcategory = 'A');
  begin
    return case when element is null then base < 16384 else (kafka.base_type(element, -1)).typ < 16384 end;
  end $$;
comment on function kafka.is_postgres_own(oid) is 'Whether a value of this type becomes JSON by Postgres'' own code alone';

create function kafka.json_code(x text, typ oid) returns text language plpgsql stable as $$
  begin
    if kafka.is_postgres_own(typ) then
      return x;
    elsif (select t.typcategory from pg_type t where t.oid = (kafka.base_type(json_code.typ, -1)).typ) = 'A' then
      return format('to_json((%s)::text[])', kafka.text_code(x));
    end if;
    return kafka.text_code(x);
  end $$;
comment on function kafka.json_code(text, oid) is 'An expression for a value in a row that is published as plain JSON';

-- Kinds of values as Debezium's connector for Postgres has them: Connect's type, a name for what it means, and the code.
-- Time goes by adaptive precision, numbers of any precision are strings (decimal.handling.mode=string).
create function kafka.debezium_code(x text, typ oid, typmod integer, out kind text, out meaning text, out code text)
    language plpgsql stable as $$
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
  end $$;
comment on function kafka.debezium_code(text, oid, integer) is 'A value in Debezium''s envelope: its type, what it means, and an expression for it';

-- Records -------------------------------------------------------------------------------------------------------------

create function kafka.schema_of_field(kind text, meaning text, required boolean, field name) returns text
    language sql stable begin atomic
  select pg_catalog.format('{"type":%s,"optional":%s%s%s}',
    case when kind like '%[]' then pg_catalog.format('"array","items":{"type":"%s","optional":true}', rtrim(kind, '[]'))
      else pg_catalog.format('"%s"', kind) end,
    (not required)::text, case when meaning is not null then pg_catalog.format(',"name":"%s","version":1', meaning) end,
    case when field is not null then pg_catalog.format(',"field":%s', pg_catalog.to_json(field::text)) end);
end;
comment on function kafka.schema_of_field(text, text, boolean, name) is 'The schema of a value, as Connect''s JsonConverter reads it';

create function kafka.schema_of_row(rel oid, name text, names name[]) returns text language sql stable begin atomic
  select pg_catalog.format('{"type":"struct","fields":[%s],"optional":%s,"name":%s',
    string_agg(kafka.schema_of_field(d.kind, d.meaning, c.required, c.name), ',' order by c.number),
    case when names is null then 'true' else 'false' end, pg_catalog.to_json(schema_of_row.name))
  from kafka.columns_to_publish(rel) c, kafka.debezium_code('', c.typ, c.typmod) d
  where names is null or c.name = any (names);
end;
comment on function kafka.schema_of_row(oid, text, name[]) is 'The schema of a row, or of some columns of it; open at its end';

-- Everything of an envelope that does not change from record to record: a format of before, after, time, transaction and so on.
create function kafka.envelope_of(p kafka.published) returns text language plpgsql stable as $$
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
  end $$;
comment on function kafka.envelope_of(kafka.published) is 'The format of a publication''s envelopes';

create function kafka.enveloped(envelope text, op text, before text, after text) returns text language plpgsql stable as $$
  declare
    us text := (extract(epoch from clock_timestamp()) * 1000000)::bigint::text;
  begin
    return format(envelope, coalesce(before, 'null'), coalesce(after, 'null'), left(us, -3),
      case op when 'r' then 'incremental' else 'false' end, right(us, 3), pg_current_xact_id(), op);
  end $$;
comment on function kafka.enveloped(text, text, text, text) is 'A change as Debezium''s envelope';

-- Expressions for the key and the value of a row that is called x, and for whether its columns are still of the types
-- that these are made for. That is the guard of it all: what pg_typeof tells is of the expression itself, while a
-- transaction's snapshot of the catalogue may be older than the table is.
create function kafka.row_code(p kafka.published, x text, out guard text, out key text, out value text)
    language plpgsql stable as $$
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
  end $$;
comment on function kafka.row_code(kafka.published, text) is 'Expressions for key and value of a row';

create function kafka.refuse_published(p kafka.published, key bytea, bytes bigint) returns void language plpgsql as $$
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
  end $$;
comment on function kafka.refuse_published(kafka.published, bytea, bigint) is 'Says why a topic does not take a record of a published table';

-- One partition, if one is told; else the one of the key.
create function kafka.publish_record(publication integer, topic text, key bytea, value bytea, fails boolean)
    returns void language plpgsql as $$
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
  end $$;
comment on function kafka.publish_record(integer, text, bytea, bytea, boolean) is 'A record of a published table';

-- In plain JSON, where there is no envelope, nobody is told what was before.
create function kafka.publish_change(publication integer, topic text, envelope text, old_key bytea, old_value text,
    new_key bytea, new_value text, op text, fails boolean) returns void language plpgsql as $$
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
  end $$;
comment on function kafka.publish_change(integer, text, text, bytea, text, bytea, text, text, boolean) is 'A change of a row, in the envelope that is given, or none';

-- The publication as it is now: its table, by its name if oids are others since a restore, and the names of its key.
create function kafka.publication_now(publication integer) returns kafka.published language plpgsql as $$
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
  end $$;
comment on function kafka.publication_now(integer) is 'A publication, with its table and key as they are called now';

create function kafka.is_published(p kafka.published, rel oid) returns boolean language sql stable begin atomic
  select coalesce(rel = (p).relation or pg_catalog.pg_partition_root(rel) = (p).relation, false);
end;
comment on function kafka.is_published(kafka.published, oid) is 'Whether a relation is the table of a publication, or a partition of it';

-- For a table that was changed and whose function was not made anew yet: the broker does so when it looks.
create function kafka.row_query(publication integer, rel oid) returns text language plpgsql as $$
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
  end $$;
comment on function kafka.row_query(integer, oid) is 'A query for key and value of a row, by the table as it is now';

-- Output goes by settings of a session; these are the same for all.
create function kafka.publish_settings(p kafka.published) returns text language sql stable begin atomic
  select case when p.format = 'json' and not exists (
      select from kafka.columns_to_publish((p).relation) c
      where (kafka.base_type(c.typ, -1)).typ not in (16, 18, 19, 20, 21, 23, 25, 26, 114, 1042, 1043, 1700, 2950, 3802)) then ''
    else 'set timezone = ''UTC'' set datestyle = ''ISO, YMD'' set intervalstyle = postgres set extra_float_digits = 1 set bytea_output = hex set lc_monetary = ''C'''
    end;
end;
comment on function kafka.publish_settings(kafka.published) is 'Settings that a publication''s function needs';

-- One statement for a change, as each costs more than what is in it. It finds nothing if the columns are of other types (the
-- guard comes before what it guards: it is the condition of what is selected), if the key has changed or the topic does not
-- take the record: then the longer way says what is to be done.
create function kafka.publish_statement(p kafka.published, op text) returns text language plpgsql stable as $$
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
  end $$;
comment on function kafka.publish_statement(kafka.published, text) is 'The statement of a publication''s function for one operation';

-- The trigger function of one publication, made for the columns that its table has now. Whoever has another trigger call
-- it is told so: what it does is bound to its table.
create function kafka.make_publisher(p kafka.published) returns void language plpgsql as $make$
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
  end $make$;
comment on function kafka.make_publisher(kafka.published) is 'Makes the trigger function of a publication, anew if it is there';

-- Rights to read ------------------------------------------------------------------------------------------------------

-- To plan a query Postgres runs functions of constants in the expressions of a table's indexes and statistics. Those that
-- a person wrote would run with the rights of the schema's owner: then nothing is read.
-- A role that has all privileges of the schema's owner is trusted.
create function kafka.trusts_owner(rel oid) returns boolean language sql stable begin atomic
  select bool_and(pg_has_role(c.relowner, current_user, 'usage')) from pg_catalog.pg_class c
  where c.oid in (select rel union select t.relid from pg_catalog.pg_partition_tree(rel) t);
end;
comment on function kafka.trusts_owner(oid) is 'Whether what the owners of a table wrote may run with the rights of the schema''s owner';

create function kafka.check_reading(p kafka.published, changes boolean) returns void language plpgsql as $$
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
  end $$;
comment on function kafka.check_reading(kafka.published, boolean) is 'Fails if the schema''s owner cannot read all rows of a table, or would run what others wrote';

-- Truncate ------------------------------------------------------------------------------------------------------------

-- A row each for plain records; of a partition alone, too. What no row tells is told to each partition of the topic.
create function kafka.publish_truncate() returns trigger language plpgsql security definer
    set search_path = pg_catalog, pg_temp set row_security = off set timezone = 'UTC' set datestyle = 'ISO, YMD'
    set intervalstyle = postgres set extra_float_digits = 1 set bytea_output = hex set lc_monetary = 'C' as $$
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
  end $$;
comment on function kafka.publish_truncate() is 'Trigger: publishes that a table is emptied';

-- Snapshot ------------------------------------------------------------------------------------------------------------

-- What a btree's order goes by, by its name in full.
create function kafka.order_operator(class oid, strategy integer) returns text language sql stable begin atomic
  select pg_catalog.format('operator(%I.%s)', n.nspname, o.oprname)
  from pg_catalog.pg_opclass c
  join pg_catalog.pg_amop m on m.amopfamily = c.opcfamily and m.amoplefttype = c.opcintype and m.amoprighttype = c.opcintype
  join pg_catalog.pg_operator o on o.oid = m.amopopr
  join pg_catalog.pg_namespace n on n.oid = o.oprnamespace
  where c.oid = class and m.amopstrategy = strategy;
end;
comment on function kafka.order_operator(oid, integer) is 'An operator of an index, to write in a query';

create function kafka.primary_key(rel oid) returns table (name name, type text, class oid, place bigint) language sql stable begin atomic
  select a.attname, pg_catalog.format_type((kafka.base_type(a.atttypid, a.atttypmod)).typ, -1), k.class, k.place
  from pg_catalog.pg_index i
  cross join unnest(i.indkey::smallint[], i.indclass::oid[]) with ordinality k (number, class, place)
  join pg_catalog.pg_attribute a on a.attrelid = i.indrelid and a.attnum = k.number
  where i.indrelid = rel and i.indisprimary and k.place <= i.indnkeyatts order by k.place;
end;
comment on function kafka.primary_key(oid) is 'The columns of a table''s primary key, in order';

-- Rows behind a place in the order of the primary key, or up to it. Values are literals: a parameter would be cast. What is
-- said of the first column is said for the index.
create function kafka.rows_by_place(rel oid, at text[], upto boolean) returns text language plpgsql stable as $$
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
  end $$;
comment on function kafka.rows_by_place(oid, text[], boolean) is 'A condition: behind a place in the order of the primary key, or not';

-- One step of a snapshot: rows of a range of keys, locked for share, so that whoever changes one of them does so before its
-- record is written or after. Rows that are of a transaction since the triggers were there have their record. That is
-- known as long as the server has given no transaction id twice; later all rows are told, some of them twice.
create function kafka.publish_step(publication integer, most integer, room integer, out state text, out rows integer, out bytes bigint)
    language plpgsql security definer set search_path = pg_catalog, pg_temp set row_security = off set enable_seqscan = off
    set constraint_exclusion = off set timezone = 'UTC' set datestyle = 'ISO, YMD' set intervalstyle = postgres
    set extra_float_digits = 1 set bytea_output = hex set lc_monetary = 'C' as $$
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
  end $$;
comment on function kafka.publish_step(integer, integer, integer) is 'The broker''s own: one step of a snapshot; done, running, waits (for room in the outbox) or gone';

create function kafka.publish_failed(publication integer, reason text) returns void language plpgsql security definer
    set search_path = pg_catalog, pg_temp as $$
  begin
    update kafka.published f set error = reason, error_since = coalesce(f.error_since, now())
      where f.publication_id = publication and f.error is distinct from reason;
  end $$;
comment on function kafka.publish_failed(integer, text) is 'The broker''s own: notes why a snapshot does not go on';

-- Functions of tables that were changed are made anew, and go with tables that are gone.
create function kafka.tend_publications(out publication integer, out reads boolean) returns setof record
    language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
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
  end $$;
comment on function kafka.tend_publications() is 'The broker''s own: brings publications up to date with their tables; and whether a snapshot is to be read';

-- Publishing ----------------------------------------------------------------------------------------------------------

create function kafka.names_of(list text, rel oid) returns text[] language plpgsql stable set search_path = pg_catalog, pg_temp as $$
  declare
    names text[] := array(select btrim(n.name) from unnest(string_to_array(list, ',')) with ordinality n (name, place) order by n.place);
  begin
    return array(
      select coalesce((select a.attname::text from pg_catalog.pg_attribute a where a.attrelid = rel and a.attname in (n.name, lower(n.name))
        and a.attnum > 0 order by a.attname = n.name desc limit 1), n.name)
      from unnest(names) with ordinality n (name, place) order by n.place);
  end $$;
comment on function kafka.names_of(text, oid) is 'Columns out of a list with commas';

create function kafka.check_table(role name, rel oid) returns void language plpgsql stable as $$
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
  end $$;
comment on function kafka.check_table(name, oid) is 'Fails if a table cannot be published, or not by this role';

-- What publish_table does with the rights of the schema's owner: first the row and the function, then, once the triggers
-- are there, the mark of the snapshot.
create function kafka.begin_publication(rel oid, of_topic text, key text[], of_format text, with_schemas boolean, with_snapshot boolean,
    on_refusal text) returns integer language plpgsql security definer set search_path = pg_catalog, pg_temp set row_security = off as $$
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
  end $$;
comment on function kafka.begin_publication(oid, text, text[], text, boolean, boolean, text) is 'Within kafka.publish_table: whether it may be, its row and its function';

-- The mark is a transaction id that is given now, while nobody writes the table: rows from before are below it, also those
-- of this transaction, and those of transactions that come are not. Others that are open have an id below, and have not
-- written the table, which they would have locked.
create function kafka.finish_publication(publication integer) returns void language plpgsql security definer
    set search_path = pg_catalog, pg_temp as $$
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
  end $$;
comment on function kafka.finish_publication(integer) is 'Within kafka.publish_table: from here on its triggers tell what is written';

create function kafka.publish_table("table" regclass, topic text, key text[], format text default 'json', schemas boolean default true,
    snapshot boolean default true, on_error text default 'fail') returns integer language plpgsql
    set search_path = pg_catalog, pg_temp set lock_timeout = '50ms' as $$
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
  end $$;
comment on function kafka.publish_table(regclass, text, text[], text, boolean, boolean, text) is 'Publishes a table as a topic, by columns of a key; its number';

create function kafka.publish_table("table" regclass, topic text, key text default null, format text default 'json',
    schemas boolean default true, snapshot boolean default true, on_error text default 'fail') returns integer language plpgsql as $$
  begin
    return kafka.publish_table("table", topic, kafka.names_of(key, "table"::pg_catalog.oid), format, schemas, snapshot, on_error);
  end $$;
comment on function kafka.publish_table(regclass, text, text, text, boolean, boolean, text) is 'Publishes a table as a topic: its rows, and every change in the writer''s transaction; its number';

create function kafka.end_publication(publication integer) returns void language plpgsql security definer
    set search_path = pg_catalog, pg_temp as $$
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
  end $$;
comment on function kafka.end_publication(integer) is 'Within kafka.unpublish_table: what has no trigger any more goes';

create function kafka.publications_of(rel oid, topic text) returns setof integer language sql stable security definer
    set search_path = pg_catalog, pg_temp begin atomic
  select f.publication_id from kafka.published f
  where (kafka.publication_now(f.publication_id)).relation = rel and (publications_of.topic is null or f.topic = publications_of.topic);
end;
comment on function kafka.publications_of(oid, text) is 'The numbers of a table''s publications';

create function kafka.unpublish_table("table" regclass, topic text default null) returns integer language plpgsql
    set search_path = pg_catalog, pg_temp set lock_timeout = '50ms' as $$
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
  end $$;
comment on function kafka.unpublish_table(regclass, text) is 'Ends a table''s publications, or the one as this topic; how many';

create view kafka.publications as
  select f.publication_id, coalesce(c.oid::regclass::text, f.table_name) as table_name, f.topic, f.format,
    array_to_string(f.key_names, ', ') as key,
    case when c.oid is null then 'table dropped'
      when not exists (select from pg_trigger t where t.tgrelid = c.oid and t.tgenabled = 'A'
        and t.tgfoid = to_regproc(format('kafka.publish_%s', f.publication_id))) then 'trigger missing'
      when not exists (select from kafka.sql_topics t where t.topic = f.topic) then 'topic missing'
      when f.snapshot in ('begun', 'asked', 'running') then 'snapshot' else 'live' end as state,
    f.on_error, f.role::text as role, f.since, f.rows_read as snapshot_rows, f.position as snapshot_position, f.error, f.error_since
  from kafka.published f
  left join pg_class c on c.oid = case when f.home = 'kafka.published'::regclass::oid then f.relation else to_regclass(f.table_name) end;
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

-- Everybody calls what asks for rights itself; nobody what is within. A trigger's function asks what table calls it.
revoke execute on function kafka.base_type(oid, integer), kafka.columns_now(oid), kafka.has_columns(oid, text[]), kafka.text_code(text),
  kafka.is_postgres_own(oid), kafka.json_code(text, oid), kafka.debezium_code(text, oid, integer),
  kafka.schema_of_field(text, text, boolean, name), kafka.schema_of_row(oid, text, name[]), kafka.envelope_of(kafka.published),
  kafka.enveloped(text, text, text, text), kafka.row_code(kafka.published, text), kafka.refuse_published(kafka.published, bytea, bigint),
  kafka.publish_record(integer, text, bytea, bytea, boolean),
  kafka.publish_change(integer, text, text, bytea, text, bytea, text, text, boolean), kafka.publication_now(integer),
  kafka.is_published(kafka.published, oid), kafka.row_query(integer, oid), kafka.publish_settings(kafka.published),
  kafka.publish_statement(kafka.published, text), kafka.make_publisher(kafka.published), kafka.check_reading(kafka.published, boolean), kafka.trusts_owner(oid), kafka.columns_to_publish(oid),
  kafka.order_operator(oid, integer), kafka.primary_key(oid), kafka.rows_by_place(oid, text[], boolean), kafka.check_table(name, oid),
  kafka.publish_step(integer, integer, integer), kafka.publish_failed(integer, text), kafka.tend_publications() from public;
