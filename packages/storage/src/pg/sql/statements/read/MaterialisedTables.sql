select m.follower_id, coalesce(format('%I.%I', n.nspname, c.relname), m.table_name), m.topic, m.topic_id
  from kafka.materialised_tables m
  left join (pg_class c join pg_namespace n on n.oid = c.relnamespace) on c.oid = m.target
  order by m.follower_id
