-- A config that was set while its topic was being deleted is not the next one's of that name.
with stale as (
    delete from kafka.configs c where c.resource_type = 2 and c.resource_name = any($2::text[])
      and not exists (select from kafka.topics t where t.name = c.resource_name))
  insert into kafka.topics (topic_id, name)
  select * from unnest($1::text[], $2::text[]) on conflict (topic_id) do nothing
