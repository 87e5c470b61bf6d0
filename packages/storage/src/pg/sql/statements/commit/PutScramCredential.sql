insert into kafka.scram_users (user_name, mechanism, iterations, salt, stored_key, server_key)
  select * from unnest($1::text[], $2::text[], $3::int[], $4::bytea[], $5::bytea[], $6::bytea[])
  on conflict (user_name, mechanism) do update set iterations = excluded.iterations, salt = excluded.salt,
    stored_key = excluded.stored_key, server_key = excluded.server_key
