select resource_type, resource_name, pattern_type, principal, host, operation, permission_type
  from kafka.acls order by 1, 2, 3, 4, 5, 6, 7
