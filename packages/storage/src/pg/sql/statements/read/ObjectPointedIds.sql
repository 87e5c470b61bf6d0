-- From one object's batches to the next one's, however many there are.
with recursive pointed (object_id, place) as (
    (select b.object_id, 1 from kafka.batches b where b.object_id > $1::bigint order by b.object_id limit 1)
    union all
    select (select b.object_id from kafka.batches b where b.object_id > p.object_id order by b.object_id limit 1), p.place + 1
      from pointed p where p.object_id is not null and p.place < $2::int)
  select p.object_id, (select o.object_id from kafka.objects o where o.object_id = p.object_id) is not null
  from pointed p where p.object_id is not null order by p.object_id
