-- Records as rows. kafka.records takes batches apart when asked, as far as they are not compressed; the follower of a
-- broker with tusk.sql.records=on keeps kafka.unpacked, for topics with compressed ones, and for joins.

create type kafka.read_record as (
  partition integer, "offset" bigint, "timestamp" timestamptz, key bytea, value bytea, headers kafka.header[]);

create table kafka.unpacked (
  partition_id integer not null,
  "offset" bigint not null,
  "timestamp" timestamptz not null,
  key bytea,
  value bytea,
  headers kafka.header[],
  primary key (partition_id, "offset")
) with (autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_threshold = 20000);
create index unpacked_timestamp on kafka.unpacked (partition_id, "timestamp");
comment on table kafka.unpacked is 'Records of topics with tusk.sql.records=on, as read_committed has them: see kafka.topic_records';
comment on column kafka.unpacked.partition_id is 'The partition';
comment on column kafka.unpacked."offset" is 'Of the record';
comment on column kafka.unpacked."timestamp" is 'Of the record';
comment on column kafka.unpacked.key is 'Of the record; null: none';
comment on column kafka.unpacked.value is 'Of the record; null: a tombstone';
comment on column kafka.unpacked.headers is 'Of the record, in order; null: none';

-- A step forward is a new row with the former one deleted, and the newest is found from the top of the index: no chain
-- of versions under an open snapshot.
create table kafka.unpacked_positions (
  partition_id integer not null,
  next_offset bigint not null,
  cleaned_offset bigint,
  delete_horizon bigint,
  primary key (partition_id, next_offset)
) with (autovacuum_vacuum_scale_factor = 0.2, autovacuum_vacuum_threshold = 20000);
comment on table kafka.unpacked_positions is 'How far kafka.unpacked has come, a row for each partition that it holds';
comment on column kafka.unpacked_positions.partition_id is 'The partition';
comment on column kafka.unpacked_positions.next_offset is 'All that read_committed has below is there';
comment on column kafka.unpacked_positions.cleaned_offset is 'As it was in kafka.partitions when what compaction took was taken here';
comment on column kafka.unpacked_positions.delete_horizon is 'The same';

create function kafka.as_text(bytes bytea) returns text language plpgsql immutable strict as $$
  begin
    return convert_from(bytes, 'UTF8');
  exception when others then
    return null;
  end $$;
comment on function kafka.as_text(bytea) is 'A key or value as text; null if it is no UTF-8';

create function kafka.as_json(bytes bytea) returns jsonb language plpgsql immutable strict as $$
  begin
    return convert_from(bytes, 'UTF8')::jsonb;
  exception when others then
    return null;
  end $$;
comment on function kafka.as_json(bytea) is 'A key or value as JSON; null if it is none';

-- Varints as they lie there, before zig-zag: the lowest bit is the sign. The planner puts the body of these two where they
-- are called, up to three bytes.
create function kafka.long_varint(bytes bytea, at integer) returns bigint language plpgsql immutable as $$
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
  end $$;
comment on function kafka.long_varint(bytea, integer) is 'A varint of any length, before zig-zag';

create function kafka.varint(bytes bytea, at integer) returns bigint language sql immutable as $$
  select case
    when get_byte(bytes, at) < 128 then get_byte(bytes, at)::bigint
    when get_byte(bytes, at + 1) < 128 then (get_byte(bytes, at) + 128 * get_byte(bytes, at + 1) - 128)::bigint
    when get_byte(bytes, at + 2) < 128 then
      (get_byte(bytes, at) + 128 * get_byte(bytes, at + 1) + 16384 * get_byte(bytes, at + 2) - 16512)::bigint
    else kafka.long_varint(bytes, at) end $$;
comment on function kafka.varint(bytea, integer) is 'A varint, before zig-zag';

create function kafka.varint_size(bytes bytea, at integer) returns integer language sql immutable as $$
  select case when get_byte(bytes, at) < 128 then 1 when get_byte(bytes, at + 1) < 128 then 2
    when get_byte(bytes, at + 2) < 128 then 3 when get_byte(bytes, at + 3) < 128 then 4
    when get_byte(bytes, at + 4) < 128 then 5 when get_byte(bytes, at + 5) < 128 then 6
    when get_byte(bytes, at + 6) < 128 then 7 when get_byte(bytes, at + 7) < 128 then 8
    when get_byte(bytes, at + 8) < 128 then 9 else 10 end $$;
comment on function kafka.varint_size(bytea, integer) is 'Bytes of a varint';

-- Times are the clients', any number of 64 bits, and added as their clients add them.
create function kafka.wrapping_sum(a bigint, b bigint) returns bigint language sql immutable as $$
  select (case when s.exact > 9223372036854775807 then s.exact - 18446744073709551616
    when s.exact < -9223372036854775808 then s.exact + 18446744073709551616 else s.exact end)::bigint
  from (select a::numeric + b) s (exact) $$;
comment on function kafka.wrapping_sum(bigint, bigint) is 'The sum in 64 bits';

create function kafka.headers_of(bytes bytea, at integer, number integer, ends integer)
    returns kafka.header[] language plpgsql immutable as $$
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
  end $$;
comment on function kafka.headers_of(bytea, integer, integer, integer) is 'Headers of a record; a key that is no UTF-8 is shown escaped';

create function kafka.unpack(batch bytea, from_offset bigint, most bigint, since timestamptz)
    returns table ("offset" bigint, "timestamp" timestamptz, key bytea, value bytea, headers kafka.header[])
    language plpgsql immutable cost 1000 rows 100 as $$
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
  end $$;
comment on function kafka.unpack(bytea, bigint, bigint, timestamptz) is 'Records of a batch that is not compressed: from an offset on, at most so many, and from the first one on that is not older';

-- For the follower: one batch that no reader can read does not keep back what follows it.
create function kafka.unpack_whole(batch bytea, from_offset bigint)
    returns table ("offset" bigint, "timestamp" timestamptz, key bytea, value bytea, headers kafka.header[])
    language plpgsql volatile cost 1000 rows 100 as $$
  begin
    return query select * from kafka.unpack(batch, from_offset, null, null);
  exception when data_corrupted or array_subscript_error or numeric_value_out_of_range or substring_error then
    raise warning 'kafka.unpacked leaves out a batch that is malformed: %', sqlerrm;
  end $$;
comment on function kafka.unpack_whole(bytea, bigint) is 'The same without end; of a malformed batch nothing, with a warning';

create function kafka.is_aborted(id integer, producer bigint, base bigint) returns boolean language sql stable as $$
  select exists (
    select from kafka.aborted_transactions a
    where a.partition_id = id and a.producer_id = producer and a.first_offset <= base
      -- The first that ends with all up to the batch decided tells that no later one begins below.
      and a.last_offset between base and coalesce((
        select l.last_offset from kafka.aborted_transactions l
        where l.partition_id = id and l.last_offset >= base and l.last_stable_offset > base
        order by l.last_offset limit 1), 9223372036854775807)) $$;
comment on function kafka.is_aborted(integer, bigint, bigint) is 'Whether a transactional batch was aborted: by partition, producer and base offset';

-- Where a reader begins who wants what is not older than a time; null: nowhere.
create function kafka.first_offset(id integer, from_offset bigint, since timestamptz) returns bigint
    language plpgsql stable as $$
  declare
    ms numeric := ceil(extract(epoch from since) * 1000);
    base bigint;
  begin
    if since is null then
      return from_offset;
    end if;
    base := kafka.first_base_at_time(id, greatest(least(ms, 9223372036854775807), -9223372036854775808)::bigint);
    return case when base is not null then greatest(from_offset, base) end;
  end $$;
comment on function kafka.first_offset(integer, bigint, timestamptz) is 'The offset from which on a record of a time may lie';

create function kafka.log_records(id integer, from_offset bigint, most bigint, since timestamptz)
    returns table ("offset" bigint, "timestamp" timestamptz, key bytea, value bytea, headers kafka.header[])
    language plpgsql stable cost 1000 rows 100 as $$
  declare
    batch record;
    flags integer;
    found_rows bigint;
    base bigint;
  begin
    from_offset := kafka.first_offset(id, from_offset, since);
    for batch in select b.base_offset, b.producer_id, b.data, octet_length(b.data) as size, substring(b.data for 61) as head
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
      flags := get_byte(batch.head, 22);
      -- Control records; what compaction has left nothing of; what was aborted.
      continue when flags & 32 <> 0 or batch.size = 61;
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
  end $$;
comment on function kafka.log_records(integer, bigint, bigint, timestamptz) is 'Records of a partition out of its batches: what read_committed reads, from an offset on';

create function kafka.kept_records(id integer, from_offset bigint, most bigint, since timestamptz)
    returns table ("offset" bigint, "timestamp" timestamptz, key bytea, value bytea, headers kafka.header[])
    language plpgsql stable cost 1000 rows 100 as $$
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
  end $$;
comment on function kafka.kept_records(integer, bigint, bigint, timestamptz) is 'The same out of kafka.unpacked';

create function kafka.may_read(topic text) returns boolean language plpgsql stable security definer
    set search_path = pg_catalog, pg_temp as $$
  begin
    return kafka.may(kafka.session_role(), 'READ', 'TOPIC', topic);
  end $$;
comment on function kafka.may_read(text) is 'Whether the session''s role may read a topic, by kafka.acls';

-- Partitions of a topic that the session may read; an error if it may not, or they are not there.
create function kafka.readable_partitions(topic text, partition integer) returns setof kafka.partitions
    language plpgsql stable rows 10 as $$
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
  end $$;
comment on function kafka.readable_partitions(text, integer) is 'Partitions that the session may read, or an error';

create function kafka.records(topic text, partition integer default null, from_offset bigint default null,
    max integer default 100, since timestamptz default null)
    returns setof kafka.read_record language plpgsql stable security definer cost 10000 rows 100
    set search_path = pg_catalog, pg_temp
    -- Index by index, batch by batch, whatever statistics say: a reader of a hundred records never sorts a log.
    set plan_cache_mode = force_generic_plan set enable_seqscan = off set enable_bitmapscan = off set enable_sort = off
    set jit = off as $$
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
  end $$;
comment on function kafka.records(text, integer, bigint, integer, timestamptz) is 'Records of a topic in order of partitions and offsets, as read_committed has them: from an offset on, from a time on, at most so many (null: all)';

-- Each look is a statement with a snapshot of its own, as long as the transaction is read committed.
create function kafka.await(topic text, partition integer, "offset" bigint, timeout interval default '10 s')
    returns boolean language plpgsql volatile security definer
    set search_path = pg_catalog, pg_temp as $$
  declare
    until timestamptz := clock_timestamp() + timeout;
    pause double precision := 0.002;
    id integer := (select p.partition_id from kafka.readable_partitions(topic, partition) p limit 1);
  begin
    if current_setting('transaction_isolation') not in ('read committed', 'read uncommitted') then
      raise 'kafka.await sees nothing new in a transaction that is %', current_setting('transaction_isolation')
        using errcode = '25001', hint = 'Call it in a transaction that is read committed.';
    end if;
    loop
      if exists (select from kafka.unpacked_positions p where p.partition_id = id and p.next_offset > await."offset") then
        return true;
      end if;
      if clock_timestamp() >= until then
        return false;
      end if;
      perform pg_sleep(least(pause, extract(epoch from until - clock_timestamp())::double precision));
      pause := least(pause * 1.5, 0.05);
    end loop;
  end $$;
comment on function kafka.await(text, integer, bigint, interval) is 'Waits until kafka.unpacked has the record at an offset; false: not in that time';

create view kafka.topic_records with (security_barrier) as
  select t.name as topic, p.partition_index as partition, u."offset", u."timestamp", u.key, u.value, u.headers
  from kafka.topics t
  join kafka.partitions p on p.topic_id = t.topic_id
  join kafka.unpacked u on u.partition_id = p.partition_id and u."offset" >= p.log_start_offset
  where kafka.may_read(t.name)
    and exists (select from kafka.unpacked_positions k where k.partition_id = p.partition_id);
comment on view kafka.topic_records is 'Records of topics with tusk.sql.records=on that the session may read';
comment on column kafka.topic_records.topic is 'The topic''s name';
comment on column kafka.topic_records.partition is 'The partition''s number in the topic';
comment on column kafka.topic_records."offset" is 'Of the record';
comment on column kafka.topic_records."timestamp" is 'Of the record';
comment on column kafka.topic_records.key is 'Of the record; null: none';
comment on column kafka.topic_records.value is 'Of the record; null: a tombstone';
comment on column kafka.topic_records.headers is 'Of the record, in order; null: none';
-- It shows a role what kafka.acls lets it read, and nothing else.
grant select on kafka.topic_records to public;

revoke execute on function kafka.long_varint(bytea, integer), kafka.varint(bytea, integer),
  kafka.varint_size(bytea, integer), kafka.wrapping_sum(bigint, bigint),
  kafka.headers_of(bytea, integer, integer, integer), kafka.unpack(bytea, bigint, bigint, timestamptz),
  kafka.unpack_whole(bytea, bigint), kafka.is_aborted(integer, bigint, bigint),
  kafka.first_offset(integer, bigint, timestamptz), kafka.log_records(integer, bigint, bigint, timestamptz),
  kafka.kept_records(integer, bigint, bigint, timestamptz), kafka.readable_partitions(text, integer) from public;
