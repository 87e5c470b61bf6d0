-- Nothing, if the position is not in the version that it had before the step was read. The table's row is locked first, as
-- whoever takes it away does.
with it as materialized (
    select follower_id from kafka.materialised_tables where follower_id = $1::integer for key share),
  here as materialized (
    select p.partition_id from it join kafka.materialised_positions p using (follower_id)
    where p.partition_id = $2::integer and p.next_offset = $3::bigint and p.xmin::text::bigint = $6::bigint for update of p)
select added.reached, pg_current_xact_id()::xid::text::bigint, added.refusal
  from here, lateral kafka.add_materialised($1, here.partition_id, $3, $4, $5) added
