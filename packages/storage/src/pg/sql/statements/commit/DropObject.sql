delete from kafka.objects where object_id = any($1::bigint[])
