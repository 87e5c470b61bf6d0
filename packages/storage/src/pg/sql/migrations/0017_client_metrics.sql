-- Subscriptions to clients' metrics (KIP-714) are resources with configs, too.
create or replace view kafka.config_overview as
select case c.resource_type when 2 then 'topic' when 4 then 'broker' when 16 then 'client-metrics' when 32 then 'group'
    else c.resource_type::text end as resource,
  case when c.resource_type = 4 and c.resource_name = '' then '(all brokers)' else c.resource_name end as resource_name,
  c.name, c.value
from kafka.configs c;

comment on table kafka.configs is
  'Configs that were set; resource_type: 2 topic, 4 broker (its id, empty for all), 16 subscription to clients'' metrics, 32 group';
comment on column kafka.configs.resource_type is '2: topic, 4: broker, 16: subscription to clients'' metrics, 32: group';
comment on column kafka.configs.resource_name is 'Of the topic, broker, subscription or group; empty: all brokers';
comment on column kafka.config_overview.resource is 'topic, broker, client-metrics or group';
comment on column kafka.config_overview.resource_name is 'Of the topic, broker, subscription or group';
