select user_name, mechanism, iterations, encode(salt, 'hex'), encode(stored_key, 'hex'), encode(server_key, 'hex')
  from kafka.scram_users order by 1, 2
