select exists (select from kafka.published)
