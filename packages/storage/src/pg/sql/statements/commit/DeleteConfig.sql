delete from kafka.configs c using unnest($1::int[], $2::text[], $3::text[]) d (resource_type, resource_name, name)
  where c.resource_type = d.resource_type and c.resource_name = d.resource_name and c.name = d.name
