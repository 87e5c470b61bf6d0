import { ofArea } from "@tusk/storage/logging"
import type { StoredAcl } from "@tusk/storage/port/Security"
import { Acls } from "@tusk/storage/security/Acls"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { BrokerSettings } from "../../config/BrokerSettings.ts"
import { Authorizer } from "../../request/Authorizer.ts"
import { monotonicMs } from "../../request/monotonic.ts"
import { OPERATION_CODES } from "../../request/Operations.ts"
import { RequestCounts } from "../../request/ServerCounts.ts"
import { Decisions } from "./Decisions.ts"
import type { DecisionOptions } from "./Decisions.ts"
import { DenialLog } from "./DenialLog.ts"
import type { Denial, DenialLine } from "./DenialLog.ts"

/** Principals of `super.users`. */
const superUsersOf = (text: string): ReadonlySet<string> =>
  new Set(
    text
      .split(";")
      .map((principal) => principal.trim())
      .filter((principal) => principal !== "")
  )

/** Decides by rows, and tells of each denial that is news to the client. */
const makeAuthorizer = (options: DecisionOptions, denied: (denial: Denial) => void): Authorizer => {
  const decisions = new Decisions(options)
  const allowsQuietly: Authorizer["allowsQuietly"] = (identity, host, operation, resourceType, name) =>
    (decisions.operationsOn(identity, host, resourceType, name) & (1 << OPERATION_CODES[operation])) !== 0
  return {
    isOn: true,
    allows: (identity, host, operation, resourceType, name) => {
      if (allowsQuietly(identity, host, operation, resourceType, name)) return true
      denied({ principal: identity.principal, host, operation, resourceType, name })
      return false
    },
    allowsQuietly,
    allowsSomewhere: (identity, host, operation, resourceType) =>
      decisions.allowsSomewhere(identity, host, operation, resourceType)
  }
}

const lineOf = (fields: DenialLine): Effect.Effect<void> =>
  ofArea("authorizer")(
    "untold" in fields
      ? Effect.logInfo(`${fields["untold"]} more denials within a minute were not told`)
      : Effect.annotateLogs(Effect.logInfo("denied"), fields)
  )

const maySomebodyAlter = (rows: Iterable<StoredAcl>): boolean => {
  for (const { operation, permissionType, resourceType } of rows) {
    if (resourceType === "CLUSTER" && permissionType === "ALLOW" && (operation === "ALTER" || operation === "ALL"))
      return true
  }
  return false
}

/** Nobody can begin, as a client of Kafka. */
const NOBODY =
  "no client may change ACLs: super.users is empty, and no ACL allows ALTER on the cluster. Name somebody in super.users, or call kafka.allow in SQL"

/** The authorizer that settings name: one by the rows of `kafka.acls`, or what is there already: none, or one of an app's own. */
export const authorizer = Layer.effect(
  Authorizer,
  Effect.gen(function* () {
    const settings = yield* BrokerSettings
    if (settings.authorizerClassName === "") return yield* Authorizer
    const acls = yield* Acls
    const counts = yield* RequestCounts
    const clock = yield* Clock.Clock
    const fork = Effect.runForkWith(yield* Effect.context<never>())
    const log = new DenialLog()
    const options = {
      rows: acls.current,
      superUsers: superUsersOf(settings.superUsers),
      allowsEveryone: settings.allowEveryoneIfNoAclFound,
      cacheBytes: settings.authorizerCacheBytes
    }
    if (options.superUsers.size === 0 && !options.allowsEveryone && !maySomebodyAlter(acls.current().values())) {
      yield* ofArea("authorizer")(Effect.logWarning(NOBODY))
    }
    return makeAuthorizer(options, (denial) => {
      counts.denials++
      for (const line of log.of(denial, monotonicMs(clock))) fork(lineOf(line))
    })
  })
)
