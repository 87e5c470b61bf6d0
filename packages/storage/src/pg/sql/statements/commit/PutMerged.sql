-- One to which a batch points has to be merged still.
update kafka.objects o set merged = true, erased = false
  where o.object_id = any ($1::bigint[])
    and (select b.object_id from kafka.batches b where b.object_id = o.object_id limit 1) is null
