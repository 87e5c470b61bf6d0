select count(*), coalesce(sum(bytes), 0)::bigint, count(unused_since),
    coalesce(sum(bytes) filter (where unused_since is not null), 0)::bigint
  from kafka.objects
