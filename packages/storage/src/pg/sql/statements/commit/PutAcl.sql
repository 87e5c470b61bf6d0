insert into kafka.acls (resource_type, resource_name, pattern_type, principal, host, operation, permission_type)
  select * from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[])
  on conflict do nothing
