-- By ctid: see DeleteOutbox.
delete from kafka.scram_users where ctid = any (array(
  select m.ctid from unnest($1::text[], $2::text[])
    d (user_name, mechanism)
  cross join lateral (
    select ctid from kafka.scram_users where user_name = d.user_name
      and mechanism = d.mechanism offset 0) m))
