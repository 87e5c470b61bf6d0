with one as (select r.* from jsonb_to_record($1::jsonb) as r("clusterId" text, "producerId" bigint, epoch integer)),
put as (
  insert into kafka.shadow_targets (cluster_id, producer_id, producer_epoch)
  select one."clusterId", one."producerId", one.epoch from one
  on conflict (cluster_id) do update set cluster_id = excluded.cluster_id
  returning producer_id, producer_epoch)
select jsonb_build_object('producerId', put.producer_id::text, 'epoch', put.producer_epoch)::text from put
