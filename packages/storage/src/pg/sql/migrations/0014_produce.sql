-- Records out of SQL. A function of security definer has a search_path of its own, so that no operator, function, type or
-- temporary table of a caller is taken for what it names (0.3 us a call on Postgres 18, 0.9 on 15). Others have none if
-- they are called within those alone.

-- Murmur2 as Kafka's Java producer has it. A product of 32 and 31 bits fits into bigint. Few expressions: Postgres
-- prepares each of them anew in each transaction.
create function kafka.murmur2(bytes bytea) returns integer language plpgsql immutable strict parallel safe as $$
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
  end $$;
comment on function kafka.murmur2(bytea) is 'The hash of a key by which Kafka''s Java producer chooses a partition';

create function kafka.record_time(at timestamptz) returns bigint language plpgsql stable as $$
  begin
    if not isfinite(at) or at < to_timestamp(0) then
      raise exception 'a record cannot have the timestamp %', at using errcode = '22008',
        detail = 'Kafka counts milliseconds since 1970.';
    end if;
    return floor(date_part('epoch', at) * 1000);
  end $$;
comment on function kafka.record_time(timestamptz) is 'The time of a record in milliseconds; now for null';

-- What kafka.produce asks of a topic lies in one row: looked up part by part it would cost more than the record. Triggers
-- keep it, in the broker's own commits.
create table kafka.sql_topics (
  topic text collate "C" primary key,
  partition_ids integer[] not null,
  max_message_bytes bigint not null,
  is_compacted boolean not null
) with (fillfactor = 50);
comment on table kafka.sql_topics is 'Topics as kafka.produce sees them: triggers on kafka.topics, kafka.partitions and kafka.configs keep it';
comment on column kafka.sql_topics.topic is 'Name of the topic';
comment on column kafka.sql_topics.partition_ids is 'Its partitions, in order';
comment on column kafka.sql_topics.max_message_bytes is 'The topic''s own max.message.bytes, else the brokers'' message.max.bytes, else what the broker was started with';
comment on column kafka.sql_topics.is_compacted is 'Whether its cleanup.policy contains compact';

create function kafka.keep_topics(names text[]) returns void language plpgsql as $$
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
  end $$;
comment on function kafka.keep_topics(text[]) is 'Brings these topics in kafka.sql_topics up to date';

create function kafka.topics_changed() returns trigger language plpgsql as $$
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
  end $$;
comment on function kafka.topics_changed() is 'Trigger: looks at the topics of the rows that changed';

create trigger keep_sql_topics after delete on kafka.topics
  referencing old table as changed for each statement execute function kafka.topics_changed();
create trigger keep_sql_topics after insert on kafka.partitions
  referencing new table as changed for each statement execute function kafka.topics_changed();
create trigger keep_sql_topics_added after insert on kafka.configs
  referencing new table as changed for each statement execute function kafka.topics_changed();
create trigger keep_sql_topics_set after update on kafka.configs
  referencing new table as changed for each statement execute function kafka.topics_changed();
create trigger keep_sql_topics_removed after delete on kafka.configs
  referencing old table as changed for each statement execute function kafka.topics_changed();
create trigger keep_sql_topics after update on kafka.sql_settings
  for each statement execute function kafka.topics_changed();
select kafka.keep_topics(array(select t.name from kafka.topics t));

create function kafka.refuse_right(role name, operation text, resource_type text, resource text)
    returns void language plpgsql as $$
  begin
    if resource is null then
      raise exception 'the % is null', lower(resource_type) using errcode = '22004';
    end if;
    raise exception 'permission denied for % "%"', lower(resource_type), resource using errcode = '42501',
      detail = format('Role %I has no right to %s it by kafka.acls.', role, lower(operation)),
      hint = format('As the owner of the schema: select kafka.allow(%L, %L, %L%s).', role, lower(operation), resource,
        case resource_type when 'TOPIC' then '' else format(', %L', lower(resource_type)) end);
  end $$;
comment on function kafka.refuse_right(name, text, text, text) is 'Says which right is missing';

-- For a record that found no place: looks again, and says why.
create function kafka.refuse_record(role name, topic text, partition integer, bytes bigint, keyless boolean)
    returns void language plpgsql as $$
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
  end $$;
comment on function kafka.refuse_record(name, text, integer, bigint, boolean) is 'Says why kafka.produce cannot take a record';

-- One call of sixteen takes keys away that expired, as many as 64, and none that another transaction holds.
create function kafka.first_call(topic text, dedup text) returns boolean language plpgsql as $$
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
  end $$;
comment on function kafka.first_call(text, text) is 'Whether no call had this dedup key within the window; waits for a transaction that has it';

-- A broker that sleeps holds this lock, OUTBOX_LOCK in SchemaVersion.ts; whoever gets it, shared, keeps the broker awake
-- until the transaction ends. (No broker sleeps so where PREPARE TRANSACTION is allowed: it refuses what has notified.)
create function kafka.broker_sleeps() returns boolean language sql begin atomic
  select not pg_try_advisory_xact_lock_shared(1416983403, 3);
end;
comment on function kafka.broker_sleeps() is 'Whether the broker has to be notified; keeps it awake if not';

-- Without a key: all of a transaction goes to one partition, so that it becomes few batches, and the next one elsewhere.
create function kafka.place_of(key bytea) returns integer language sql begin atomic
  select case when key is null then hashint8(pg_current_xact_id()::text::bigint) else kafka.murmur2(key) end & 2147483647;
end;
comment on function kafka.place_of(bytea) is 'Modulo the number of partitions: the one that takes a record with this key';

-- 61 of a batch, at most 20 of a record.
create function kafka.record_bytes(key bytea, value bytea) returns bigint language sql immutable begin atomic
  select 81::bigint + coalesce(octet_length(key), 0) + coalesce(octet_length(value), 0);
end;
comment on function kafka.record_bytes(bytea, bytea) is 'What a record without headers takes at most, as a batch of its own';

-- One statement does it, with one plan for all calls: a plan for the values of each call would cost more than the rest.
create function kafka.produce(topic text, value bytea, key bytea, headers kafka.header[] default null,
    partition integer default null, "timestamp" timestamptz default null, dedup text default null)
    returns bigint language plpgsql security definer set search_path = pg_catalog, pg_temp
    set plan_cache_mode = force_generic_plan as $$
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
  end $$;
comment on function kafka.produce(text, bytea, bytea, kafka.header[], integer, timestamptz, text) is 'A record for a topic, in the caller''s transaction; its id, or null if its dedup key is known';

-- All or none of them, in order; keys are none, or as many.
create function kafka.produce_many(topic text, records bytea[], keys bytea[], headers kafka.header[] default null,
    partition integer default null, "timestamp" timestamptz default null)
    returns bigint language plpgsql security definer set search_path = pg_catalog, pg_temp
    set plan_cache_mode = force_generic_plan as $$
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
  end $$;
comment on function kafka.produce_many(text, bytea[], bytea[], kafka.header[], integer, timestamptz) is 'Records for a topic, in order, in the caller''s transaction; how many';

create function kafka.bytes_of(texts text[]) returns bytea[] language plpgsql immutable strict parallel safe
    set search_path = pg_catalog, pg_temp as $$
  begin
    return array(select convert_to(t.text, 'UTF8') from unnest(texts) with ordinality t (text, number) order by t.number);
  end $$;
comment on function kafka.bytes_of(text[]) is 'Each text in UTF-8';

-- The other types. They run as their caller, every name in them is whole, and there is no operator. A literal of no type
-- is a text to Postgres, as text is the one string among them; the key has a default in one function for each type of
-- value, so that a call without one has one meaning.
create function kafka.produce(topic text, value text, key text default null, headers kafka.header[] default null,
    partition integer default null, "timestamp" timestamptz default null, dedup text default null)
    returns bigint language plpgsql as $$
  begin
    return kafka.produce(topic, pg_catalog.convert_to(value, 'UTF8'), pg_catalog.convert_to(key, 'UTF8'), headers,
      partition, "timestamp", dedup);
  end $$;
comment on function kafka.produce(text, text, text, kafka.header[], integer, timestamptz, text) is 'A record of text, in UTF-8';

create function kafka.produce(topic text, value text, key bytea, headers kafka.header[] default null,
    partition integer default null, "timestamp" timestamptz default null, dedup text default null)
    returns bigint language plpgsql as $$
  begin
    return kafka.produce(topic, pg_catalog.convert_to(value, 'UTF8'), key, headers, partition, "timestamp", dedup);
  end $$;
comment on function kafka.produce(text, text, bytea, kafka.header[], integer, timestamptz, text) is 'A record of text, in UTF-8, by a key of bytes';

create function kafka.produce(topic text, value bytea, key text default null, headers kafka.header[] default null,
    partition integer default null, "timestamp" timestamptz default null, dedup text default null)
    returns bigint language plpgsql as $$
  begin
    return kafka.produce(topic, value, pg_catalog.convert_to(key, 'UTF8'), headers, partition, "timestamp", dedup);
  end $$;
comment on function kafka.produce(text, bytea, text, kafka.header[], integer, timestamptz, text) is 'A record of bytes by a key of text';

create function kafka.produce(topic text, value jsonb, key text default null, headers kafka.header[] default null,
    partition integer default null, "timestamp" timestamptz default null, dedup text default null)
    returns bigint language plpgsql as $$
  begin
    return kafka.produce(topic, pg_catalog.convert_to(value::pg_catalog.text, 'UTF8'),
      pg_catalog.convert_to(key, 'UTF8'), headers, partition, "timestamp", dedup);
  end $$;
comment on function kafka.produce(text, jsonb, text, kafka.header[], integer, timestamptz, text) is 'A record of JSON, as Postgres writes it';

create function kafka.produce(topic text, value jsonb, key bytea, headers kafka.header[] default null,
    partition integer default null, "timestamp" timestamptz default null, dedup text default null)
    returns bigint language plpgsql as $$
  begin
    return kafka.produce(topic, pg_catalog.convert_to(value::pg_catalog.text, 'UTF8'), key, headers, partition,
      "timestamp", dedup);
  end $$;
comment on function kafka.produce(text, jsonb, bytea, kafka.header[], integer, timestamptz, text) is 'A record of JSON, as Postgres writes it, by a key of bytes';

create function kafka.produce_many(topic text, records bytea[], keys text[] default null,
    headers kafka.header[] default null, partition integer default null, "timestamp" timestamptz default null)
    returns bigint language plpgsql as $$
  begin
    return kafka.produce_many(topic, records, kafka.bytes_of(keys), headers, partition, "timestamp");
  end $$;
comment on function kafka.produce_many(text, bytea[], text[], kafka.header[], integer, timestamptz) is 'Records of bytes by keys of text';

create function kafka.produce_many(topic text, records text[], keys text[] default null,
    headers kafka.header[] default null, partition integer default null, "timestamp" timestamptz default null)
    returns bigint language plpgsql as $$
  begin
    return kafka.produce_many(topic, kafka.bytes_of(records), kafka.bytes_of(keys), headers, partition, "timestamp");
  end $$;
comment on function kafka.produce_many(text, text[], text[], kafka.header[], integer, timestamptz) is 'Records of text, in UTF-8';

create function kafka.produce_many(topic text, records jsonb[], keys text[] default null,
    headers kafka.header[] default null, partition integer default null, "timestamp" timestamptz default null)
    returns bigint language plpgsql as $$
  begin
    return kafka.produce_many(topic, kafka.bytes_of(records::pg_catalog.text[]), kafka.bytes_of(keys), headers, partition,
      "timestamp");
  end $$;
comment on function kafka.produce_many(text, jsonb[], text[], kafka.header[], integer, timestamptz) is 'Records of JSON, as Postgres writes it';

-- Nobody calls what is within; everybody calls what asks for rights itself or needs none.
revoke execute on function kafka.record_time(timestamptz), kafka.keep_topics(text[]), kafka.topics_changed(),
  kafka.refuse_right(name, text, text, text), kafka.refuse_record(name, text, integer, bigint, boolean),
  kafka.first_call(text, text), kafka.broker_sleeps(), kafka.place_of(bytea), kafka.record_bytes(bytea, bytea) from public;
