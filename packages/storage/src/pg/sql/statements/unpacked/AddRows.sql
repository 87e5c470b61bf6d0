-- Nothing, if the position is not where the rows begin any more, or not in the version that it had before they were read.
with former as (
    delete from kafka.unpacked_positions where partition_id = $1 and next_offset = $2 and xmin::text::bigint = $5::bigint
    returning cleaned_offset, delete_horizon),
  rows as (
    insert into kafka.unpacked (partition_id, "offset", "timestamp", key, value, headers)
    select $1, u."offset", u."timestamp", u.key, u.value, u.headers
    from former, unnest($4::bytea[]) batch, kafka.unpack_whole(batch, $2) u),
  moved as (
    insert into kafka.unpacked_positions (partition_id, next_offset, cleaned_offset, delete_horizon)
    select $1, $3::bigint, cleaned_offset, delete_horizon from former returning next_offset)
  select next_offset, pg_current_xact_id()::xid::text::bigint from moved
