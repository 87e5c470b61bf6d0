/** What lies in the store, and what the rows say of it. */
import { makeFileObjectStore } from "@tusk/storage/object/file/FileObjectStore"
import type { ObjectStore } from "@tusk/storage/port/ObjectStore"
import { s3Store } from "@tusk/storage/object/s3/S3Store"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Redacted from "effect/Redacted"
import * as Scope from "effect/Scope"
import { join } from "node:path"
import process from "node:process"
import { fileURLToPath } from "node:url"
import type { Ending } from "../../bench/Ending.ts"
import { holdsWithin } from "../../bench/groups/Report.ts"
import { repository } from "../../bench/kafka/ApacheKafka.ts"
import { run, tail } from "../../bench/kafka/Program.ts"
import { urlOf } from "../failover/Server.ts"
import type { Server } from "../failover/Server.ts"
import { KEY } from "./Versitygw.ts"

/** The collector leaves what is younger, as a commit may still come for it. */
const GRACE_MS = 86_400_000
/** As long as a pointer to an object may be committed. */
const SETTLED_MS = 70 * 60_000

/** When an object was put: `<cluster>/<word>/<time, base 36>-<number>`. */
const timeOf = (name: string): number => Number.parseInt(/\/([0-9a-z]{9})-\d+$/.exec(name)?.[1] ?? "", 36)

const storeAt = (url: string): ReturnType<typeof s3Store> => {
  if (url.startsWith("file:")) return makeFileObjectStore({ path: fileURLToPath(url) })
  const key = { accessKeyId: KEY.id, secretAccessKey: Redacted.make(KEY.secret) }
  return s3Store({ url, key })
}

export interface Differences {
  /** Objects of which no row tells, and that are old enough to be taken away. */
  readonly orphans: ReadonlyArray<string>
  /** The same of younger ones: of puts that a kill cut off. */
  readonly young: ReadonlyArray<string>
  /** Rows whose object is not in the store. */
  readonly lost: ReadonlyArray<string>
}

export class Objects {
  readonly #store: ObjectStore
  readonly #server: Server

  private constructor(store: ObjectStore, server: Server) {
    this.#store = store
    this.#server = server
  }

  static async open(ending: Ending, url: string, server: Server): Promise<Objects> {
    const scope = Scope.makeUnsafe()
    ending.add(() => Effect.runPromise(Scope.close(scope, Exit.void)))
    return new Objects(await Effect.runPromise(Scope.provide(storeAt(url), scope)), server)
  }

  /** All but the one that says whose they are, and what a probe left that was cut off: the next one does so a day later. */
  async names(): Promise<ReadonlyArray<string>> {
    const names: Array<string> = []
    for (;;) {
      const page = await Effect.runPromise(this.#store.list("", names.at(-1)))
      if (page.length === 0) return names.filter((name) => !name.endsWith("/owner") && !name.startsWith("probe-"))
      names.push(...page.map(({ name }) => name))
    }
  }

  async differences(): Promise<Differences> {
    const rows = new Set((await this.#server.query("select name from kafka.objects")).map(([name]) => name!))
    const names = await this.names()
    const there = new Set(names)
    const unknown = names.filter((name) => !rows.has(name))
    const isYoung = (name: string) => timeOf(name) > Date.now() - GRACE_MS
    return {
      orphans: unknown.filter((name) => !isYoung(name)),
      young: unknown.filter(isYoung),
      lost: [...rows].filter((name) => !there.has(name))
    }
  }

  /** Whether each object has a row, and each row that is old a batch that points to it, within the time. */
  becomeClean(ms: number): Promise<boolean> {
    const unused = `select count(*) from kafka.objects o where o.created_at < ${Date.now() - SETTLED_MS}
      and not exists (select from kafka.batches b where b.object_id = o.object_id)`
    const isClean = async () =>
      (await this.differences()).orphans.length === 0 && (await this.#server.number(unused)) === 0
    return holdsWithin(ms, isClean, 500)
  }
}

/** `tusk object check`, which also reads every batch; the key comes from AWS's variables. */
export const checked = async (
  server: Server,
  url: string
): Promise<{ readonly code: number | null; readonly output: string }> => {
  const launcher = join(repository, "packages", "cli", "bin", "tusk.mjs")
  const place = ["--database-url", urlOf(server.port), "--object-store", url]
  const args = ["--conditions=tusk-source", launcher, "object", "check", "--deep", ...place]
  const env = { ...process.env, AWS_ACCESS_KEY_ID: KEY.id, AWS_SECRET_ACCESS_KEY: KEY.secret }
  const { code, stderr, stdout } = await run(process.execPath, args, { spawn: { env } })
  return { code, output: tail(`${stdout}${stderr}`, 4) }
}
