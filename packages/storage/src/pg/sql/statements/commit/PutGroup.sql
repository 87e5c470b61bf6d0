insert into kafka.groups (group_id, kind, value) select * from unnest($1::text[], $2::text[], $3::text[])
  on conflict (group_id) do update set kind = excluded.kind, value = excluded.value
