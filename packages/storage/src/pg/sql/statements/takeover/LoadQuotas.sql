select user_name, client_id, ip, quota_key, value from kafka.quotas order by 1, 2, 3, 4
