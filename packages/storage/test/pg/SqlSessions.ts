import * as Effect from "effect/Effect"
import type { ConnectionError } from "../../src/pg/connection/ConnectionError.ts"
import type { PgConnection } from "../../src/pg/connection/PgConnection.ts"

/** What a statement fails with, as a person sees it. */
export interface Failure {
  readonly code: string
  readonly message: string
  readonly detail: string
  readonly hint: string
}

const FAILURE = `
  create function public.failure(statement text) returns table (code text, message text, detail text, hint text)
  language plpgsql as $$
  begin
    execute statement;
  exception when others then
    get stacked diagnostics code = returned_sqlstate, message = message_text, detail = pg_exception_detail,
      hint = pg_exception_hint;
    return next;
  end $$`

/** Topics as a broker makes them, and what `failing` wants. */
export const prepareTopics = (
  psql: PgConnection,
  ...topics: ReadonlyArray<readonly [name: string, partitions: number]>
) =>
  Effect.gen(function* () {
    yield* psql.query(FAILURE)
    for (const [i, [name, partitions]] of topics.entries()) {
      yield* psql.query(`
        insert into kafka.topics (topic_id, name) values ('topic ${i}', '${name}');
        insert into kafka.partitions (partition_id, topic_id, partition_index)
          select ${(i + 1) * 100} + p, 'topic ${i}', p from generate_series(0, ${partitions - 1}) p`)
    }
  })

/** How a statement fails, which it has to. */
export const failing = (psql: PgConnection, statement: string): Effect.Effect<Failure, ConnectionError> =>
  Effect.map(psql.query(`select * from public.failure($statement$${statement}$statement$)`), ([row]) => {
    if (row === undefined) throw new Error(`it does not fail: ${statement}`)
    const [code, message, detail, hint] = row.map(String)
    return { code: code!, message: message!, detail: detail!, hint: hint! }
  })
