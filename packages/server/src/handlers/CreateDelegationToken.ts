// Serves: CreateDelegationToken in all versions (KIP-48, KIP-373): a token for oneself, or for another user.
// Left out: owners that are no users (INVALID_PRINCIPAL_TYPE).
// Why: Kafka takes them, and lets the token's holder in as the user of that name: who may make tokens of one would be another.

import { DelegationTokenAuthorizationFailed, InvalidPrincipalType, NONE } from "@tusk/protocol/KafkaError"
import { CreateDelegationToken } from "@tusk/protocol/messages/CreateDelegationToken"
import type {
  CreateDelegationTokenRequest,
  CreateDelegationTokenResponse
} from "@tusk/protocol/messages/CreateDelegationToken"
import * as Effect from "effect/Effect"
import { handler } from "../request/Handler.ts"
import type { Answer } from "../request/Handler.ts"
import type { RequestContext } from "../request/RequestContext.ts"
import { CLUSTER } from "../request/Resources.ts"
import { noTime, onlyByLogin } from "../security/token/mayAsk.ts"
import { namedPrincipal, principalOf, requesterOf } from "../security/token/principals.ts"
import type { Token } from "../security/token/TokenKey.ts"
import { Tokens } from "../security/token/Tokens.ts"

const NO_BYTES = new Uint8Array(0)

/** Whose token it is to be: without a name, that of whoever asks. */
const ownerOf = (
  { ownerPrincipalName, ownerPrincipalType }: CreateDelegationTokenRequest,
  context: RequestContext
): string =>
  ownerPrincipalName === null || ownerPrincipalName === ""
    ? context.principal
    : principalOf({ principalType: ownerPrincipalType ?? "", principalName: ownerPrincipalName })

type Told = Omit<Token, "renewers">

const answered = (errorCode: number, token: Told, version: number): Answer<CreateDelegationTokenResponse> => ({
  errorCode,
  ...namedPrincipal(token.owner),
  ...requesterOf(token.requester, version),
  issueTimestampMs: token.issueTimestamp,
  expiryTimestampMs: token.expiryTimestamp,
  maxTimestampMs: token.maxTimestamp,
  tokenId: token.tokenId,
  hmac: token.hmac
})

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
      if (request.renewers.some(({ principalType }) => principalType !== "User")) {
        return yield* Effect.fail(new InvalidPrincipalType())
      }
      const renewers = request.renewers.map(principalOf)
      const { maxLifetimeMs } = request
      const token = yield* tokens.create({ owner, requester, renewers, maxLifetimeMs })
      return answered(NONE, token, context.apiVersion)
    })
  }),
  refuse: (request, code, error, context) => {
    const none = noTime(error)
    const token = {
      owner: ownerOf(request, context),
      requester: context.principal,
      tokenId: "",
      hmac: NO_BYTES,
      issueTimestamp: none,
      expiryTimestamp: none,
      maxTimestamp: none
    }
    return answered(code, token, context.apiVersion)
  }
})
