import { setTimeout as sleep } from "node:timers/promises"
import { Sql, SqlError } from "../failover/Sql.ts"

/** A transfer as its record has it. */
export interface Transfer {
  readonly id: number
  readonly from: number
  readonly to: number
  readonly amount: number
}

/** Where a program that applies transfers keeps its rows: `applied_…` and `ledger_…`. */
export const tablesOf = (group: string) => ({ applied: `public.applied_${group}`, ledger: `public.ledger_${group}` })

/** The statements that apply a transfer; nothing in them notices one that is applied twice. */
export const applying = (group: string, { amount, from, id, to }: Transfer): string => {
  const { applied, ledger } = tablesOf(group)
  return `insert into ${applied} (transfer_id) values (${id});
    update ${ledger} set balance = balance + case id when ${from} then -(${amount}) else ${amount} end
      where id in (${from}, ${to});`
}

/** Another has the claim, or the transaction has to be made anew: nothing of it is there. */
export const isLost = (error: unknown): boolean =>
  error instanceof SqlError && (error.code === "40001" || error.code === "40P01")

/** In one transaction; rolls back what fails. */
export const inTransaction = async <A>(sql: Sql, work: () => Promise<A>): Promise<A> => {
  await sql.query("begin")
  try {
    const made = await work()
    await sql.query("commit")
    return made
  } catch (error) {
    await sql.query("rollback").catch(() => {})
    throw error
  }
}

/** A session, as soon as there is one. */
export const connected = async (port: number, database: string): Promise<Sql> => {
  for (;;) {
    try {
      return await Sql.connect({ port, database, timeoutMs: 60_000 })
    } catch {
      await sleep(100)
    }
  }
}
