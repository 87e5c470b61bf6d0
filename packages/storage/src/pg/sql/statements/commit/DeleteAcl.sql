-- By ctid: see DeleteOutbox.
delete from kafka.acls where ctid = any (array(
  select m.ctid from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[])
    d (resource_type, resource_name, pattern_type, principal, host, operation, permission_type)
  cross join lateral (
    select ctid from kafka.acls where resource_type = d.resource_type
      and resource_name = d.resource_name
      and pattern_type = d.pattern_type
      and principal = d.principal
      and host = d.host
      and operation = d.operation
      and permission_type = d.permission_type offset 0) m))
