select o.name from unnest($1::text[]) n (name)
  cross join lateral (select f.name from kafka.objects f where f.name = n.name offset 0) o
