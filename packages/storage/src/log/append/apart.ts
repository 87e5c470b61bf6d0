import * as Effect from "effect/Effect"
import type { AppendRequest } from "./AppendRequest.ts"

/**
 * Appends what goes into rows and what goes into objects as units of their own, which take their places now: an object store that
 * is slow, or away, holds up nobody in partitions of rows. One result a request, in their order.
 */
export const apart = <A>(
  requests: ReadonlyArray<AppendRequest>,
  append: (requests: ReadonlyArray<AppendRequest>) => Effect.Effect<ReadonlyArray<A>>
): Effect.Effect<ReadonlyArray<A>> => {
  const isObject = ({ object }: AppendRequest): boolean => object === true
  const first = requests.length > 0 && isObject(requests[0]!)
  if (requests.every((request) => isObject(request) === first)) return append(requests)
  const rows = append(requests.filter((request) => !isObject(request)))
  const objects = append(requests.filter(isObject))
  return Effect.map(Effect.all([rows, objects], { concurrency: 2 }), ([ofRows, ofObjects]) => {
    let [row, object] = [0, 0]
    return requests.map((request) => (isObject(request) ? ofObjects[object++]! : ofRows[row++]!))
  })
}
