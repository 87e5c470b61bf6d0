-- Consuming in SQL. A session claims a partition for a group, and commits its offset in the transaction that writes what it
-- made of the records. Both hold the partition's advisory lock until that transaction ends: a new owner waits for the old
-- one and sees its offset, and the old one cannot commit any more. The broker need not run: it learns through the outbox.

create table kafka.sql_offsets (
  group_id text collate "C" not null,
  partition_id integer not null,
  revision bigint generated always as identity,
  claim bigint not null,
  committed_offset bigint,
  claimed_at timestamptz not null,
  committed_at timestamptz,
  role name not null,
  primary key (group_id, partition_id, revision)
) with (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000, autovacuum_vacuum_cost_delay = 0,
  autovacuum_analyze_scale_factor = 0, autovacuum_analyze_threshold = 1000000);
comment on table kafka.sql_offsets is 'Claims of groups that consume in SQL, and what they committed; a change is a new row in place of the former: see kafka.claims';
comment on column kafka.sql_offsets.group_id is 'The group';
comment on column kafka.sql_offsets.partition_id is 'The partition';
comment on column kafka.sql_offsets.revision is 'Rises with each change: the newest is at the top of the index, however many rows a snapshot keeps below it';
comment on column kafka.sql_offsets.claim is 'Who has it may commit. By the clock, so that a failover that lost a claim does not give it again';
comment on column kafka.sql_offsets.committed_offset is 'The next record to read; null: the first there is';
comment on column kafka.sql_offsets.claimed_at is 'When the claim was taken';
comment on column kafka.sql_offsets.committed_at is 'When the offset was committed; null: before the first claim, or never';
comment on column kafka.sql_offsets.role is 'The role that wrote the row';

-- A first claim finds here what was committed and has not come to the broker yet.
create index outbox_offsets on kafka.outbox (group_id, partition_id, id) where group_id is not null;

create view kafka.claims as
  select o.group_id, t.name as topic, p.partition_index as partition, o.committed_offset, o.claim, o.claimed_at,
    o.role::text as role
  from kafka.sql_offsets o
  join kafka.partitions p on p.partition_id = o.partition_id
  join kafka.topics t on t.topic_id = p.topic_id;
comment on view kafka.claims is 'Partitions that groups have claimed in SQL: Kafka clients do not commit for them until kafka.release';
comment on column kafka.claims.group_id is 'The group';
comment on column kafka.claims.topic is 'The topic';
comment on column kafka.claims.partition is 'The partition';
comment on column kafka.claims.committed_offset is 'The next record to read; null: the first there is';
comment on column kafka.claims.claim is 'The claim that is in force';
comment on column kafka.claims.claimed_at is 'When it was taken';
comment on column kafka.claims.role is 'The role that claimed or committed last';

create function kafka.may_consume(of_group text, of_topic text) returns void language plpgsql as $$
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
  end $$;
comment on function kafka.may_consume(text, text) is 'Fails if the session''s role may not consume a topic for a group';

create function kafka.partition_to_claim(of_topic text, of_index integer) returns integer language plpgsql as $$
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
  end $$;
comment on function kafka.partition_to_claim(text, integer) is 'The id of a partition; fails if there is none';

-- Until the transaction ends. The keys of Tusk's own locks are pairs, which no single number collides with.
create function kafka.lock_claim(of_group text, of_partition integer, waits boolean) returns boolean
    language plpgsql as $$
  declare
    key bigint := hashtextextended('kafka.claim ' || of_group collate "C", of_partition);
  begin
    if waits then
      perform pg_advisory_xact_lock(key);
    end if;
    return waits or pg_try_advisory_xact_lock(key);
  end $$;
comment on function kafka.lock_claim(text, integer, boolean) is 'Locks a group''s partition, or says that another transaction has it';

create function kafka.newest_claim(of_group text, of_partition integer) returns kafka.sql_offsets language plpgsql
    set enable_seqscan = off set enable_bitmapscan = off set enable_sort = off as $$
  declare
    newest kafka.sql_offsets;
  begin
    select * into newest from kafka.sql_offsets o where o.group_id = of_group and o.partition_id = of_partition
      order by o.group_id desc, o.partition_id desc, o.revision desc limit 1;
    return newest;
  end $$;
comment on function kafka.newest_claim(text, integer) is 'The row in force for a group''s partition, which its caller has locked; nulls: none is';

-- In a transaction with a snapshot of its own the former row may be gone already: Postgres then fails with 40001.
create function kafka.put_claim(former kafka.sql_offsets, now_on kafka.sql_offsets) returns void language plpgsql
    set enable_seqscan = off set enable_bitmapscan = off as $$
  begin
    delete from kafka.sql_offsets o
      where o.group_id = former.group_id and o.partition_id = former.partition_id and o.revision = former.revision;
    insert into kafka.sql_offsets (group_id, partition_id, claim, committed_offset, claimed_at, committed_at, role)
      values (now_on.group_id, now_on.partition_id, now_on.claim, now_on.committed_offset, now_on.claimed_at, now_on.committed_at,
        kafka.session_role());
  end $$;
comment on function kafka.put_claim(kafka.sql_offsets, kafka.sql_offsets) is 'Writes a row in place of the former';

create function kafka.tell_offset(of_group text, of_partition integer, of_offset bigint, of_claim bigint) returns void
    language plpgsql as $$
  begin
    insert into kafka.outbox (group_id, partition_id, committed_offset, claim)
      values (of_group, of_partition, of_offset, of_claim);
    if kafka.broker_sleeps() then
      perform pg_notify('kafka_outbox', '');
    end if;
  end $$;
comment on function kafka.tell_offset(text, integer, bigint, bigint) is 'Tells the broker of an offset; -1: of a claim without one, null: of a claim that is given back';

-- A snapshot older than the lock would not see a claim that was made meanwhile, and there is no former row to find gone.
create function kafka.first_claim(of_group text, of_partition integer, of_claim bigint) returns bigint
    language plpgsql as $$
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
  end $$;
comment on function kafka.first_claim(text, integer, bigint) is 'Where a group begins that claims a partition for the first time: at what it committed as a Kafka group; null: nothing';

create function kafka.take_claim(of_group text, of_partition integer) returns kafka.sql_offsets language plpgsql as $$
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
  end $$;
comment on function kafka.take_claim(text, integer) is 'The next claim on a group''s partition, which its caller has locked';

create function kafka.claim("group" text, topic text, partition integer, out committed_offset bigint, out claim bigint)
    language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
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
  end $$;
comment on function kafka.claim(text, text, integer) is 'Claims a partition for a group, once the transaction of its former owner has ended: where to read on (null: the first record), and the claim to commit by';

create function kafka.commit_claimed(of_group text, of_partition integer, of_offset bigint, of_claim bigint)
    returns void language plpgsql as $$
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
  end $$;
comment on function kafka.commit_claimed(text, integer, bigint, bigint) is 'Commits an offset, if the claim is the newest';

create function kafka.commit_offsets("group" text, topic text, partition integer, "offset" bigint, claim bigint)
    returns void language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
  begin
    perform kafka.may_consume($1, $2);
    perform kafka.commit_claimed($1, kafka.partition_to_claim($2, $3), $4, $5);
  end $$;
comment on function kafka.commit_offsets(text, text, integer, bigint, bigint) is 'Commits the offset of the next record to read with the caller''s transaction; fails with 40001 if the claim is not the newest';

create function kafka.commit_offsets_many("group" text, topic text, partitions integer[], offsets bigint[], claims bigint[])
    returns void language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
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
  end $$;
comment on function kafka.commit_offsets_many(text, text, integer[], bigint[], bigint[]) is 'kafka.commit_offsets for several partitions, all or none, in an order that makes no deadlock';

create function kafka.partitions_to_poll(of_group text, of_topic text)
    returns table (index integer, id integer, log_start bigint) language plpgsql
    set enable_seqscan = off set enable_bitmapscan = off as $$
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
  end $$;
comment on function kafka.partitions_to_poll(text, text) is 'Partitions where a group has something to read, the one first that was claimed longest ago';

create function kafka.poll("group" text, topic text, max integer default 100)
    returns table (partition integer, "offset" bigint, "timestamp" timestamptz, key bytea, value bytea,
      headers kafka.header[], claim bigint)
    language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
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
  end $$;
comment on function kafka.poll(text, text, integer) is 'Claims a partition of the topic that no other transaction has, the one first that was claimed longest ago, and reads on there; no row: there is nothing to read';

create function kafka.release("group" text) returns integer language plpgsql security definer
    set search_path = pg_catalog, pg_temp as $$
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
  end $$;
comment on function kafka.release(text) is 'Gives a group back to Kafka clients, with its offsets, once the transactions of its owners have ended: of how many partitions';

-- What the functions above are made of.
revoke execute on function kafka.may_consume(text, text), kafka.partition_to_claim(text, integer),
  kafka.lock_claim(text, integer, boolean), kafka.newest_claim(text, integer),
  kafka.put_claim(kafka.sql_offsets, kafka.sql_offsets), kafka.tell_offset(text, integer, bigint, bigint),
  kafka.first_claim(text, integer, bigint), kafka.take_claim(text, integer),
  kafka.commit_claimed(text, integer, bigint, bigint), kafka.partitions_to_poll(text, text) from public;
