-- Nothing, if another broker has begun anew.
with it as materialized (
    select follower_id from kafka.materialised_tables
    where follower_id = $1::integer and topic_id is not distinct from $2::text for no key update)
select kafka.clear_materialised(it.follower_id, $3) from it
