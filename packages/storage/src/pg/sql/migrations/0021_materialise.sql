-- A topic as a table: the latest value of each key. A follower of the broker writes rows and its position in one
-- transaction, on sessions of its own. For each table there are functions that are bound to it when they are made: no name
-- is looked up later, and no record is a part of a statement.

create table kafka.materialised_tables (
  follower_id integer generated always as identity primary key,
  target regclass not null unique,
  table_name text not null,
  topic text collate "C" not null,
  topic_id text collate "C",
  role name not null,
  on_error text not null check (on_error in ('stop', 'skip')),
  key_column json not null,
  columns json not null,
  created_at timestamptz not null default now()
);
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

-- As kafka.unpacked_positions: a step forward is a new row with the former one deleted.
create table kafka.materialised_positions (
  follower_id integer not null,
  partition_id integer not null,
  next_offset bigint not null,
  primary key (follower_id, partition_id, next_offset)
) with (autovacuum_vacuum_scale_factor = 0.2, autovacuum_vacuum_threshold = 20000);
comment on table kafka.materialised_positions is 'How far materialised tables have come, a row for each table and partition; a step is a new row';
comment on column kafka.materialised_positions.follower_id is 'The table';
comment on column kafka.materialised_positions.partition_id is 'The partition';
comment on column kafka.materialised_positions.next_offset is 'All that read_committed has below is there';

create table kafka.materialised_troubles (
  follower_id integer not null,
  partition_id integer not null,
  stands_since timestamptz,
  error text,
  error_offset bigint,
  skipped bigint not null default 0,
  skipped_offset bigint,
  skipped_error text,
  skipped_at timestamptz,
  primary key (follower_id, partition_id)
);
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

-- A column as it is asked for: a type, or an object of type, from and path. The answer has all of them and the name.
create function kafka.materialised_column(name text, asked json) returns json language plpgsql immutable
    set search_path = pg_catalog, pg_temp as $$
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
  end $$;
comment on function kafka.materialised_column(text, json) is 'A column of kafka.materialise with all that it leaves out';

create function kafka.materialised_columns(columns json) returns json language plpgsql immutable
    set search_path = pg_catalog, pg_temp as $$
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
  end $$;
comment on function kafka.materialised_columns(json) is 'The columns of kafka.materialise, each with all that it leaves out';

-- A type, or an object as that of a column.
create function kafka.materialised_key(key text) returns json language plpgsql immutable
    set search_path = pg_catalog, pg_temp as $$
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
  end $$;
comment on function kafka.materialised_key(text) is 'The key''s column of kafka.materialise with all that it leaves out';

create function kafka.type_name(type oid) returns text language sql stable
begin atomic
  select format('%I.%I', n.nspname, t.typname) from pg_type t join pg_namespace n on n.oid = t.typnamespace where t.oid = type;
end;
comment on function kafka.type_name(oid) is 'A type by its whole name, without a length: what does not fit is to fail';

-- What a column is made of, in terms of l, a record, and d.doc, its value as JSON.
create function kafka.materialised_expression(of_column json, of_type oid) returns text language plpgsql stable
    set search_path = pg_catalog, pg_temp as $$
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
  end $$;
comment on function kafka.materialised_expression(json, oid) is 'What a column of a materialised table is made of';

-- The type of a column, if it fits what was asked for.
create function kafka.materialised_type(of_table regclass, of_column json) returns oid language plpgsql stable
    set search_path = pg_catalog, pg_temp as $$
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
  end $$;
comment on function kafka.materialised_type(regclass, json) is 'The type of a column of a materialised table, or why it does not fit';

-- Whatever a table has that runs code of its owner, or may: null if it has nothing. Also built-in functions run what they are
-- told, and types may have casts, so that no expression and no type of one's own is free of suspicion.
create function kafka.code_of(of_table regclass) returns text language sql stable
begin atomic
  select case
    when c.relkind <> 'r' or c.relpersistence <> 'p' then 'is no ordinary table that survives a crash'
    when exists (select from pg_trigger t where t.tgrelid = c.oid) then 'has a trigger or a foreign key'
    when c.relhasrules then 'has a rule'
    when c.relrowsecurity or c.relforcerowsecurity then 'has row level security'
    when exists (select from pg_constraint k where k.conrelid = c.oid and k.contype in ('c', 'x')) then 'has a check or an exclusion constraint'
    when exists (select from pg_index i where i.indrelid = c.oid and (i.indexprs is not null or i.indpred is not null))
      then 'has an index with an expression or a condition'
    when exists (select from pg_statistic_ext s where s.stxrelid = c.oid and s.stxexprs is not null) then 'has statistics of an expression'
    when exists (select from pg_attribute a where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
      and (a.attgenerated <> '' or a.atttypid >= 16384)) then 'has a generated column, or one of a type that is not Postgres'' own'
    when exists (select from pg_attrdef d where d.adrelid = c.oid and d.adbin::text not like '{CONST %'
      and pg_get_expr(d.adbin, d.adrelid) not in ('now()', 'CURRENT_TIMESTAMP')) then 'has a default that is an expression'
    end
  from pg_class c where c.oid = of_table;
end;
comment on function kafka.code_of(regclass) is 'What of a table runs, or may run, code of its owner; null: nothing';

-- Before each step, in its transaction. Code of a table runs with the rights of who writes to it, and no way is known in which
-- SQL runs code of another role and keeps it from these: so only that of roles runs who have them anyway. The lock keeps the
-- owner from adding any until the step ends; that it is on this table, and not on another of that name, is looked up.
create function kafka.check_materialised(of_table kafka.materialised_tables) returns void language plpgsql
    set search_path = pg_catalog, pg_temp as $$
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
  end $$;
comment on function kafka.check_materialised(kafka.materialised_tables) is 'Fails if the broker may not write to a materialised table now';

-- What writes to the table, in terms of its columns. An index lookup a key, whatever statistics say of the table.
create function kafka.bind_materialised(of_follower integer, of_table regclass, key_column json, columns json)
    returns void language plpgsql set search_path = pg_catalog, pg_temp as $$
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
  end $$;
comment on function kafka.bind_materialised(integer, regclass, json, json) is 'Makes the functions that write to a materialised table';

-- For whoever calls: it looks itself whether the session may.
create function kafka.register_materialised(of_topic text, of_table regclass, of_key json, of_columns json, of_error text, has_rows boolean)
    returns void language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
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
  end $$;
comment on function kafka.register_materialised(text, regclass, json, json, text, boolean) is 'The part of kafka.materialise that runs as the owner of the schema';

-- As its caller, who owns the table. The schema of a name without one is looked up before this has a search_path of its own.
create function kafka.materialise(topic text, "as" text, columns json default null, key text default 'text',
    on_error text default 'stop', schema text default current_schema())
    returns text language plpgsql set search_path = pg_catalog, pg_temp as $$
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
  end $$;
comment on function kafka.materialise(text, text, json, text, text, text) is 'Keeps the latest value of each key of a topic as rows of a table, which is made if it is not there. Called again it changes on_error. Tells the table''s whole name';

-- The row of a table by its name, with its schema or without.
create function kafka.materialised_named(name text) returns kafka.materialised_tables language plpgsql stable
    set search_path = pg_catalog, pg_temp as $$
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
  end $$;
comment on function kafka.materialised_named(text) is 'A materialised table by its name; nulls: there is none';

create function kafka.unregister_materialised(name text) returns text language plpgsql security definer
    set search_path = pg_catalog, pg_temp as $$
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
  end $$;
comment on function kafka.unregister_materialised(text) is 'The part of kafka.dematerialise that runs as the owner of the schema';

create function kafka.dematerialise("table" text, drop_table boolean default false) returns void language plpgsql
    set search_path = pg_catalog, pg_temp as $$
  declare
    name text := kafka.unregister_materialised("table");
    owner oid := (select n.nspowner from pg_namespace n where n.oid = 'kafka'::regnamespace);
  begin
    if drop_table and name is not null then
      execute format('drop table %s', name);
    elsif owner <> (select c.relowner from pg_class c where c.oid = name::regclass) then
      execute format('revoke select, insert, update, delete on %s from %s', name, owner::regrole);
    end if;
  end $$;
comment on function kafka.dematerialise(text, boolean) is 'A table follows its topic no more; it is dropped if that is said, else it stays as it is';

-- The broker's step. What fails for a record alone is a matter of that record: all others are tried without it, in order, by
-- parts that become smaller around it. All else fails the step.
create function kafka.add_materialised(of_follower integer, of_partition integer, from_offset bigint, to_offset bigint, batches bytea[])
    returns table (reached bigint, refusal text) language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
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
  end $$;
comment on function kafka.add_materialised(integer, integer, bigint, bigint, bytea[]) is 'The broker''s own: the records of batches into a materialised table, and its position to their end, or to the record that does not fit';

create function kafka.note_materialised(of_follower integer, of_partition integer, why text) returns void language sql
begin atomic
  insert into kafka.materialised_troubles as t (follower_id, partition_id, stands_since, error, error_offset)
    select of_follower, of_partition, now(), left(why, 1000), (
      select p.next_offset from kafka.materialised_positions p
      where p.follower_id = of_follower and p.partition_id = of_partition order by p.next_offset desc limit 1)
    where exists (select from kafka.materialised_tables m where m.follower_id = of_follower for key share)
    on conflict (follower_id, partition_id) do update set stands_since = coalesce(t.stands_since, excluded.stands_since),
      error = excluded.error, error_offset = excluded.error_offset;
end;
comment on function kafka.note_materialised(integer, integer, text) is 'The broker''s own: why a partition of a materialised table stands';

-- What is kept of a key''s records below an offset goes; what a later one has left there is put again, out of the batches.
create function kafka.erase_materialised(of_follower integer, of_partition integer, of_key bytea, from_offset bigint,
    to_offset bigint, batches bytea[]) returns boolean language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
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
  end $$;
comment on function kafka.erase_materialised(integer, integer, bytea, bigint, bigint, bytea[]) is 'The broker''s own: takes a key''s row out of a materialised table, unless a later record wrote it';

create function kafka.clear_materialised(of_follower integer, most bigint) returns bigint language plpgsql security definer
    set search_path = pg_catalog, pg_temp as $$
  declare
    gone bigint;
  begin
    perform kafka.check_materialised(m) from kafka.materialised_tables m where m.follower_id = of_follower;
    delete from kafka.materialised_positions p where p.follower_id = of_follower;
    delete from kafka.materialised_troubles t where t.follower_id = of_follower;
    execute format('select kafka.materialised_%s_clear($1)', of_follower) into gone using most;
    return gone;
  end $$;
comment on function kafka.clear_materialised(integer, bigint) is 'The broker''s own: takes rows out of a materialised table, at most so many, and its positions';

create function kafka.await_position(of_follower integer, of_partition integer, of_offset bigint, timeout interval)
    returns boolean language plpgsql volatile as $$
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
  end $$;
comment on function kafka.await_position(integer, integer, bigint, interval) is 'Waits until a follower has the record at an offset: that of kafka.unpacked (null), or of a materialised table';

create function kafka.await_table("table" text, partition integer, "offset" bigint, timeout interval default '10 s')
    returns boolean language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
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
  end $$;
comment on function kafka.await_table(text, integer, bigint, interval) is 'Waits until a materialised table has the record at an offset; false: not in that time';

-- A topic goes before a table of its name.
create or replace function kafka.await(topic text, partition integer, "offset" bigint, timeout interval default '10 s')
    returns boolean language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
  begin
    if not exists (select from kafka.topics t where t.name = await.topic)
      and (select (kafka.materialised_named(await.topic)).follower_id) is not null then
      return kafka.await_table(topic, partition, "offset", timeout);
    end if;
    return kafka.await_position(null, (select p.partition_id from kafka.readable_partitions(topic, partition) p limit 1),
      "offset", timeout);
  end $$;
comment on function kafka.await(text, integer, bigint, interval) is 'Waits until kafka.unpacked, or the materialised table of that name, has the record at an offset; false: not in that time';

create view kafka.materialised with (security_barrier) as
  select coalesce((select format('%I.%I', n.nspname, c.relname) from pg_namespace n where n.oid = c.relnamespace), m.table_name) as "table", m.topic, p.partition_index as partition, k.next_offset,
    e.end_offset, e.end_offset - coalesce(k.next_offset, p.log_start_offset) as lag, x.stands_since, x.error, x.error_offset,
    coalesce(x.skipped, 0) as skipped, x.skipped_offset, x.skipped_error, x.skipped_at, m.on_error, m.role::text as role
  from kafka.materialised_tables m
  left join pg_class c on c.oid = m.target
  left join kafka.topics t on t.name = m.topic
  left join kafka.partitions p on p.topic_id = t.topic_id
  left join lateral (
    select n.next_offset from kafka.materialised_positions n
    where n.follower_id = m.follower_id and n.partition_id = p.partition_id and m.topic_id = t.topic_id
    order by n.next_offset desc limit 1) k on true
  left join lateral (
    select least(greatest(coalesce((select b.last_offset + 1 from kafka.batches b
        where b.partition_id = p.partition_id order by b.base_offset desc limit 1), 0), p.end_offset_floor),
      (select greatest(o.first_offset, p.log_start_offset) from kafka.open_transactions o
        where o.partition_id = p.partition_id order by o.first_offset limit 1)) as end_offset) e on p.partition_id is not null
  left join kafka.materialised_troubles x on x.follower_id = m.follower_id and x.partition_id = p.partition_id
  where kafka.may_read(m.topic);
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
-- It shows a role what kafka.acls lets it read, and nothing else.
grant select on kafka.materialised to public;

revoke execute on function kafka.type_name(oid), kafka.materialised_expression(json, oid), kafka.materialised_type(regclass, json),
  kafka.code_of(regclass), kafka.check_materialised(kafka.materialised_tables), kafka.bind_materialised(integer, regclass, json, json),
  kafka.materialised_named(text), kafka.add_materialised(integer, integer, bigint, bigint, bytea[]),
  kafka.note_materialised(integer, integer, text), kafka.erase_materialised(integer, integer, bytea, bigint, bigint, bytea[]),
  kafka.clear_materialised(integer, bigint), kafka.await_position(integer, integer, bigint, interval) from public;
