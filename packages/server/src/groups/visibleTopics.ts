import { permitsQuietly } from "../request/authorizing.ts"
import type { RequestContext } from "../request/RequestContext.ts"

/** Which topics a member's regular expressions may stand for; undefined: all. What it may not know of is no news. */
export const visibleTopics = (context: RequestContext): ((topic: string) => boolean) | undefined =>
  context.connection.authorizer.isOn ? permitsQuietly(context, "describe", "topic") : undefined
