insert into kafka.delegation_tokens (token_id, hmac_hash, owner, requester, renewers, issue_timestamp, max_timestamp,
    expiry_timestamp)
  select * from unnest($1::text[], $2::bytea[], $3::text[], $4::text[], $5::text[], $6::bigint[], $7::bigint[], $8::bigint[])
  on conflict (token_id) do update set hmac_hash = excluded.hmac_hash, owner = excluded.owner, requester = excluded.requester,
    renewers = excluded.renewers, issue_timestamp = excluded.issue_timestamp, max_timestamp = excluded.max_timestamp,
    expiry_timestamp = excluded.expiry_timestamp
