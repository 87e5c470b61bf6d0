select reached, refusal from kafka.add_materialised($1, $2, $3, $4, $5)
