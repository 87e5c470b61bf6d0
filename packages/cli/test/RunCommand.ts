import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { runCommand } from "../src/commands/Tree.ts"
import { Streams } from "../src/terminal/Streams.ts"
import type { OutputStream } from "../src/terminal/Streams.ts"

/** What came of a command. */
export interface Ran {
  readonly exit: number
  /** The bytes of standard output. */
  readonly bytes: Buffer
  readonly stdout: string
  readonly stderr: string
}

export interface RunOptions {
  /** Standard input, chunk by chunk. */
  readonly input?: Iterable<Uint8Array> | AsyncIterable<Uint8Array>
  /** Whether standard output and error are terminals. */
  readonly isTerminal?: boolean
  /** What is typed where a secret is asked for, one after the other; standard input is a terminal then. */
  readonly typed?: ReadonlyArray<string>
  /** Standard output is closed after so many bytes. */
  readonly readerTakes?: number
  /** Ends the command, as ^C does. */
  readonly signal?: AbortSignal
  /** Called with all of standard output at each write. */
  readonly onOutput?: (text: string) => void
}

async function* chunksOf(input: RunOptions["input"]): AsyncGenerator<Uint8Array> {
  if (input !== undefined) yield* input
}

/** Runs a command of the tree in this process, on streams of the test's. */
export const runCommandHere = async (args: ReadonlyArray<string>, options: RunOptions = {}): Promise<Ran> => {
  const written = { out: [] as Array<Buffer>, err: [] as Array<Buffer> }
  const typed = [...(options.typed ?? [])]
  let left = options.readerTakes ?? Infinity
  let close = (): void => {}
  const closed = new Promise<void>((resolve) => (close = resolve))
  const stream = (into: Array<Buffer>): OutputStream => ({
    isTerminal: options.isTerminal === true,
    canColor: false,
    columns: 120,
    write: (data) =>
      Effect.suspend(() => {
        if (into === written.out && (left -= data.length) < 0) {
          close()
          return Effect.never
        }
        into.push(Buffer.from(data as Uint8Array))
        if (into === written.out) options.onOutput?.(Buffer.concat(into).toString())
        return Effect.void
      })
  })
  const streams = Layer.succeed(Streams, {
    stdin: {
      isTerminal: options.typed !== undefined,
      chunks: chunksOf(options.input),
      secret: () => Effect.sync(() => typed.shift() ?? "")
    },
    stdout: stream(written.out),
    stderr: stream(written.err),
    readerGone: Effect.promise(() => closed)
  })
  const run = runCommand(args).pipe(Effect.provide(streams))
  const exit = await Effect.runPromiseExit(run, options.signal === undefined ? {} : { signal: options.signal })
  const bytes = Buffer.concat(written.out)
  return {
    exit: exit._tag === "Success" ? exit.value : 130,
    bytes,
    stdout: bytes.toString(),
    stderr: Buffer.concat(written.err).toString()
  }
}
