select resource_type, resource_name, name, value from kafka.configs order by 1, 2, 3
