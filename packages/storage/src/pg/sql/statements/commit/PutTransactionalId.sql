insert into kafka.transactional_ids (revision, transactional_id, value)
  select * from unnest($1::bigint[], $2::text[], $3::text[])
