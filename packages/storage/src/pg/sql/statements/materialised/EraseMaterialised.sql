-- The position stays, in another version: a step that was read before is added no more.
with here as (
    update kafka.materialised_positions set next_offset = next_offset
    where follower_id = $1::integer and partition_id = $2::integer and next_offset = $5::bigint and xmin::text::bigint = $7::bigint
    returning partition_id)
select kafka.erase_materialised($1, here.partition_id, $3, $4, $5, $6) from here
