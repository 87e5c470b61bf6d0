select token_id, encode(hmac_hash, 'hex'), owner, requester, renewers, issue_timestamp, max_timestamp, expiry_timestamp
  from kafka.delegation_tokens order by 1
