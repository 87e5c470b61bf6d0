import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { isatty } from "node:tty"

/** A stream that text or bytes go to. */
export interface OutputStream {
  readonly isTerminal: boolean
  /** Whether to colour what goes there: on a terminal, unless NO_COLOR; also elsewhere with FORCE_COLOR. */
  readonly canColor: boolean
  /** Width in characters; 80 where nobody knows. */
  readonly columns: number
  /** Returns once there is room for more; never, if the reader is gone: `readerGone` ends the command then. */
  readonly write: (data: string | Uint8Array) => Effect.Effect<void>
}

/** What a command reads and writes: the process's own streams, or a test's. */
export class Streams extends Context.Service<
  Streams,
  {
    readonly stdin: {
      readonly isTerminal: boolean
      readonly chunks: AsyncIterable<Uint8Array>
      /** Asks for a line on a terminal, which is not shown while it is typed. */
      readonly secret: (question: string) => Effect.Effect<string>
    }
    readonly stdout: OutputStream
    readonly stderr: OutputStream
    /** Returns once whoever read standard output has closed it (EPIPE). */
    readonly readerGone: Effect.Effect<void>
  }
>()("tusk/cli/Streams") {}

const canColor = (stream: NodeJS.WriteStream, env: NodeJS.ProcessEnv): boolean => {
  if ((env.NO_COLOR ?? "") !== "" || env.TERM === "dumb") return false
  const forced = env.FORCE_COLOR
  if (forced !== undefined && forced !== "") return forced !== "0" && forced !== "false"
  return stream.isTTY === true
}

const outputOf = (stream: NodeJS.WriteStream): OutputStream => ({
  isTerminal: stream.isTTY === true,
  canColor: canColor(stream, process.env),
  get columns() {
    return stream.columns ?? 80
  },
  write: (data) =>
    Effect.callback<void>((resume) => {
      if (stream.destroyed) return
      if (stream.write(data)) resume(Effect.void)
      else stream.once("drain", () => resume(Effect.void))
    })
})

const ENDS = new Set(["\r", "\n", "\u0004"])
const BACK = new Set(["\b", "\u007f"])

/** A line of the terminal, without its echo. */
const readHidden = (question: string): Effect.Effect<string> =>
  Effect.callback<string>((resume) => {
    const { stderr, stdin } = process
    let typed: Array<string> = []
    const end = () => {
      stdin.off("data", take).setRawMode(false).pause()
      stderr.write("\n")
    }
    const take = (chunk: Buffer) => {
      for (const key of chunk.toString("utf8")) {
        if (ENDS.has(key)) {
          end()
          return resume(Effect.succeed(typed.join("")))
        }
        // A terminal that is read raw sends no signal for ^C.
        if (key === "\u0003") return void process.kill(process.pid, "SIGINT")
        if (BACK.has(key)) typed = typed.slice(0, -1)
        else typed.push(key)
      }
    }
    stderr.write(question)
    stdin.setRawMode(true).on("data", take).resume()
    return Effect.sync(end)
  })

/** The streams of this process. */
export const processStreams: Layer.Layer<Streams> = Layer.effect(
  Streams,
  Effect.gen(function* () {
    const gone = Deferred.makeUnsafe<void>()
    process.stdout.on("error", () => Deferred.doneUnsafe(gone, Effect.void))
    let isRead = false
    // Else a read that nothing answers would keep the process alive.
    yield* Effect.addFinalizer(() => Effect.sync(() => void (isRead && process.stdin.destroy())))
    return Streams.of({
      stdin: {
        isTerminal: isatty(0),
        get chunks() {
          isRead = true
          return process.stdin
        },
        secret: readHidden
      },
      stdout: outputOf(process.stdout),
      stderr: outputOf(process.stderr),
      readerGone: Deferred.await(gone)
    })
  })
)
