insert into kafka.group_members (group_id, member_id, value)
  select * from unnest($1::text[], $2::text[], $3::text[])
  on conflict (group_id, member_id) do update set value = excluded.value
