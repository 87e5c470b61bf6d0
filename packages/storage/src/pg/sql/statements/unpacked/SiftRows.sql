-- Rows in a part of the log go that none of its batches holds any more.
delete from kafka.unpacked where partition_id = $1 and "offset" = any(array(
  select "offset" from kafka.unpacked where partition_id = $1 and "offset" >= $2 and "offset" < $3
  except select u."offset" from unnest($4::bytea[]) batch, kafka.unpack_whole(batch, $2) u))
