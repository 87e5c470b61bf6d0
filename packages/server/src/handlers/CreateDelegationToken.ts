// Serves: CreateDelegationToken in all versions (KIP-48, KIP-373): a token for oneself, or for another user.
// Left out: owners that are no users. Kafka takes them, and lets the token's holder in as the user of that name.

import { DelegationTokenAuthorizationFailed, NONE } from "@tusk/protocol/KafkaError"
import { CreateDelegationToken } from "@tusk/protocol/messages/CreateDelegationToken"
import type {
  CreateDelegationTokenRequest,
  CreateDelegationTokenResponse
} from "@tusk/protocol/messages/CreateDelegationToken"
import type { StoredDelegationToken } from "@tusk/storage/port/Security"
import * as Effect from "effect/Effect"
import { handler } from "../request/Handler.ts"
import type { Answer } from "../request/Handler.ts"
import type { RequestContext } from "../request/RequestContext.ts"
import { CLUSTER } from "../request/Resources.ts"
import { onlyByLogin } from "../security/token/mayAsk.ts"
import { namedPrincipal, principalOf } from "../security/token/principals.ts"
import { Tokens } from "../security/token/Tokens.ts"

const NO_TIME = -1n

/** Whose token it is to be: without a name, that of whoever asks. */
const ownerOf = (
  { ownerPrincipalName, ownerPrincipalType }: CreateDelegationTokenRequest,
  context: RequestContext
): string =>
  ownerPrincipalName === null || ownerPrincipalName === ""
    ? context.principal
    : principalOf({ principalType: ownerPrincipalType ?? "", principalName: ownerPrincipalName })

type Told = Pick<StoredDelegationToken, "owner" | "requester" | "tokenId" | "hmac"> & {
  readonly [Time in "issueTimestamp" | "expiryTimestamp" | "maxTimestamp"]: bigint
}

const answered = (errorCode: number, token: Told): Answer<CreateDelegationTokenResponse> => {
  const requester = namedPrincipal(token.requester)
  return {
    errorCode,
    ...namedPrincipal(token.owner),
    tokenRequesterPrincipalType: requester.principalType,
    tokenRequesterPrincipalName: requester.principalName,
    issueTimestampMs: token.issueTimestamp,
    expiryTimestampMs: token.expiryTimestamp,
    maxTimestampMs: token.maxTimestamp,
    tokenId: token.tokenId,
    hmac: token.hmac
  }
}

export const createDelegationToken = handler({
  api: CreateDelegationToken,
  resources: () => CLUSTER,
  reads: false,
  asks: [{ operation: "createTokens", resourceType: "user", of: "the owner, if that is another one" }],
  make: Effect.gen(function* () {
    const tokens = yield* Tokens
    return Effect.fnUntraced(function* (request: CreateDelegationTokenRequest, context: RequestContext) {
      yield* onlyByLogin(context)
      const owner = ownerOf(request, context)
      const requester = context.principal
      if (owner !== requester && !context.may("createTokens", "user", owner)) {
        return yield* Effect.fail(new DelegationTokenAuthorizationFailed())
      }
      const renewers = request.renewers.map(principalOf)
      const { maxLifetimeMs } = request
      return answered(NONE, yield* tokens.create({ owner, requester, renewers, maxLifetimeMs }))
    })
  }),
  refuse: (request, code, _error, context) =>
    answered(code, {
      owner: ownerOf(request, context),
      requester: context.principal,
      tokenId: "",
      hmac: new Uint8Array(0),
      issueTimestamp: NO_TIME,
      expiryTimestamp: NO_TIME,
      maxTimestamp: NO_TIME
    })
})
