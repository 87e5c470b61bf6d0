/** Produce and consume in SQL, over an app's own SqlClient: docs/sql.md. */
export * as Kafka from "./sql/Kafka.ts"
