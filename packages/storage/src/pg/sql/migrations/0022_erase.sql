-- The right to be forgotten: of a key no record stays. A session asks, the broker carries it out, and kafka.erasures tells
-- how far it is. The key is kept until then, and a hash of it afterwards.

create table kafka.erasure_requests (
  erasure_id bigint generated always as identity primary key,
  topic text collate "C" not null,
  topic_id text collate "C" not null,
  partition_ids integer[] not null,
  key bytea,
  key_sha256 bytea,
  vacuum boolean not null,
  requested_by name not null,
  requested_at timestamptz not null default clock_timestamp(),
  pass_id bigint,
  place integer,
  began_at timestamptz,
  records bigint,
  erased_at timestamptz,
  vacuumed_at timestamptz,
  done_at timestamptz,
  wal_position pg_lsn,
  check ((key is null) = (erased_at is not null))
);
create index erasure_requests_open on kafka.erasure_requests (topic_id, erasure_id) where erased_at is null;
create index erasure_requests_last on kafka.erasure_requests (erasure_id) where done_at is null;
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

create table kafka.erasure_passes (
  pass_id bigint generated always as identity primary key,
  topic_id text collate "C" not null unique,
  partition_ids integer[],
  waits_for text
);
comment on table kafka.erasure_passes is 'Requests for one topic that are carried out in one walk over its log';
comment on column kafka.erasure_passes.pass_id is 'Rises with each pass';
comment on column kafka.erasure_passes.topic_id is 'The topic: it has one pass at a time';
comment on column kafka.erasure_passes.partition_ids is 'Partitions to walk over; null: where they end is not noted yet';
comment on column kafka.erasure_passes.waits_for is 'What the broker waits for; null: nothing';

-- A step forward is a new row with the former one deleted, as in kafka.unpacked_positions.
create table kafka.erasure_progress (
  pass_id bigint not null,
  partition_id integer not null,
  next_offset bigint not null,
  end_offset bigint not null,
  records bigint[] not null,
  bytes bigint not null,
  primary key (pass_id, partition_id, next_offset)
);
comment on table kafka.erasure_progress is 'How far a pass is in each partition';
comment on column kafka.erasure_progress.pass_id is 'The pass';
comment on column kafka.erasure_progress.partition_id is 'The partition';
comment on column kafka.erasure_progress.next_offset is 'Below it no record of the keys is left';
comment on column kafka.erasure_progress.end_offset is 'Where the log ended at the moment of the pass';
comment on column kafka.erasure_progress.records is 'Records that went so far, by place of the request';
comment on column kafka.erasure_progress.bytes is 'Bytes of the batches in which they lay';

create function kafka.erase(topic text, key bytea, vacuum boolean default false) returns bigint
    language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
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
  end $$;
comment on function kafka.erase(text, bytea, boolean) is 'Has all records of a key erased that are in the topic by then; returns the id of the row in kafka.erasures that tells how far it is';

create function kafka.erase(topic text, key text, vacuum boolean default false) returns bigint language plpgsql as $$
  begin
    return kafka.erase(topic, pg_catalog.convert_to(key, 'UTF8'), vacuum);
  end $$;
comment on function kafka.erase(text, text, boolean) is 'The same by a key of text, in UTF-8';

-- The broker's own, from here on.
create function kafka.take_erasures(of_topic text, most integer) returns kafka.erasure_passes language plpgsql as $$
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
  end $$;
comment on function kafka.take_erasures(text, integer) is 'The pass of a topic that is under way, else a new one of requests that wait; null: there are none';

create function kafka.begin_erasure(pass bigint, ids integer[], ends bigint[]) returns void language plpgsql as $$
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
  end $$;
comment on function kafka.begin_erasure(bigint, integer[], bigint[]) is 'Notes where logs end at the moment of a pass; what kafka.produce left of the keys goes';

create function kafka.finish_erasure(pass bigint) returns void language plpgsql as $$
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
  end $$;
comment on function kafka.finish_erasure(bigint) is 'Notes that all is gone that a pass was to take; of the keys a hash is left';

create function kafka.may_delete(topic text) returns boolean language plpgsql stable security definer
    set search_path = pg_catalog, pg_temp as $$
  begin
    return kafka.may(kafka.session_role(), 'DELETE', 'TOPIC', topic);
  end $$;
comment on function kafka.may_delete(text) is 'Whether the session''s role may delete records of a topic, by kafka.acls';

-- What its viewer may delete, and may know of.
create view kafka.erasures with (security_barrier) as
  select r.erasure_id, r.topic, r.key, r.key_sha256, r.requested_by, r.requested_at,
    case when r.done_at is not null then 'done' when r.erased_at is not null and r.vacuum then 'vacuum'
      when r.erased_at is not null then 'erased' when p.waits_for is not null then 'waits'
      when r.began_at is not null then 'erases' else 'asked' end as state,
    p.waits_for, r.began_at,
    case when r.erased_at is not null then 1 else coalesce(g.share, 0) end as progress,
    coalesce(r.records, g.records, 0) as records, r.erased_at, r.vacuumed_at, r.done_at, r.wal_position
  from kafka.erasure_requests r
  left join kafka.erasure_passes p on p.pass_id = r.pass_id and r.erased_at is null
  left join lateral (
    select sum(least(e.next_offset, e.end_offset)) / nullif(sum(e.end_offset), 0) as share,
      sum(e.records[r.place])::bigint as records
    from kafka.erasure_progress e where e.pass_id = p.pass_id) g on true
  where kafka.may_delete(r.topic);
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
grant select on kafka.erasures to public;

revoke execute on function kafka.take_erasures(text, integer), kafka.begin_erasure(bigint, integer[], bigint[]),
  kafka.finish_erasure(bigint) from public;
