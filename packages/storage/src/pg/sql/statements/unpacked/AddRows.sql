-- Nothing, if the position is not where the rows begin any more.
with former as (
    delete from kafka.unpacked_positions where partition_id = $1 and next_offset = $2
    returning cleaned_offset, delete_horizon),
  rows as (
    insert into kafka.unpacked (partition_id, "offset", "timestamp", key, value, headers)
    select $1, u."offset", u."timestamp", u.key, u.value, u.headers
    from former, unnest($4::bytea[]) batch, kafka.unpack_whole(batch, $2) u),
  moved as (
    insert into kafka.unpacked_positions (partition_id, next_offset, cleaned_offset, delete_horizon)
    select $1, $3::bigint, cleaned_offset, delete_horizon from former returning next_offset)
  select next_offset from moved
