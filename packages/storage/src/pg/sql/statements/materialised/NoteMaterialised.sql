select kafka.note_materialised($1, $2, $3)
