select kafka.clear_materialised($1, $2)
