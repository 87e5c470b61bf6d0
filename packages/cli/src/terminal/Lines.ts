import * as Stream from "effect/Stream"
import { CliError } from "../CliError.ts"

const NEWLINE = 10

/** Most bytes of a line: what no record can hold is no line either. */
const MAX_LINE_BYTES = 256 * 1024 * 1024

/**
 * Cuts bytes into lines, each without its newline; many at a time, as the chunks bring them. A last line may lack its newline.
 * Lines are views of the chunks. RangeError for a line of more than `maxBytes`.
 */
export async function* lineBlocks(
  chunks: AsyncIterable<Uint8Array>,
  maxBytes = MAX_LINE_BYTES
): AsyncGenerator<ReadonlyArray<Uint8Array>> {
  let open: Array<Uint8Array> = []
  let openBytes = 0
  for await (const chunk of chunks) {
    const lines: Array<Uint8Array> = []
    let from = 0
    for (let at = chunk.indexOf(NEWLINE); at !== -1; at = chunk.indexOf(NEWLINE, from)) {
      const part = chunk.subarray(from, at)
      lines.push(open.length === 0 ? part : Buffer.concat([...open, part]))
      open = []
      openBytes = 0
      from = at + 1
    }
    if (from < chunk.byteLength) {
      open.push(chunk.subarray(from))
      openBytes += chunk.byteLength - from
      if (openBytes > maxBytes) throw new RangeError(`a line of more than ${maxBytes} bytes`)
    }
    if (lines.length > 0) yield lines
  }
  if (open.length > 0) yield [Buffer.concat(open)]
}

/** The same as a stream, a line an element. */
export const linesOf = (chunks: AsyncIterable<Uint8Array>): Stream.Stream<Uint8Array, CliError> =>
  Stream.fromAsyncIterable(
    lineBlocks(chunks),
    (error) => new CliError({ message: `standard input: ${(error as Error).message}` })
  ).pipe(Stream.flatMap((lines) => Stream.fromIterable(lines)))
