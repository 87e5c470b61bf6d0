-- By ctid: see DeleteOutbox.
delete from kafka.delegation_tokens where ctid = any (array(
  select m.ctid from unnest($1::text[])
    d (token_id)
  cross join lateral (
    select ctid from kafka.delegation_tokens where token_id = d.token_id offset 0) m))
