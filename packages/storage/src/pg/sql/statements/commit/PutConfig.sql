insert into kafka.configs (resource_type, resource_name, name, value)
  select * from unnest($1::int[], $2::text[], $3::text[], $4::text[])
  on conflict (resource_type, resource_name, name) do update set value = excluded.value
