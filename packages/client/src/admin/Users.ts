import { AlterUserScramCredentials } from "@tusk/protocol/messages/AlterUserScramCredentials"
import type { AlterUserScramCredentialsRequest } from "@tusk/protocol/messages/AlterUserScramCredentials"
import { DescribeUserScramCredentials } from "@tusk/protocol/messages/DescribeUserScramCredentials"
import * as Effect from "effect/Effect"
import { refusalOf } from "../ClientError.ts"
import type { ClientError } from "../ClientError.ts"
import { KafkaClient } from "../KafkaClient.ts"
import { newSalt, SCRAM_MECHANISMS, saltedPassword } from "../security/Scram.ts"
import type { ScramMechanism } from "../security/Scram.ts"

/** What a user can log in by. */
export interface ScramCredential {
  readonly user: string
  readonly mechanism: ScramMechanism
  readonly iterations: number
}

const RESOURCE_NOT_FOUND = 91

const mechanismOf = (number: number): ScramMechanism | undefined =>
  (Object.keys(SCRAM_MECHANISMS) as ReadonlyArray<ScramMechanism>).find(
    (name) => SCRAM_MECHANISMS[name].number === number
  )

/** The credentials of the users, of all for null; a user without any has none here. */
export const describeUsers = (
  users: ReadonlyArray<string> | null
): Effect.Effect<ReadonlyArray<ScramCredential>, ClientError, KafkaClient> =>
  Effect.gen(function* () {
    const client = yield* KafkaClient
    const answer = yield* client.ask(
      client.anyBroker,
      DescribeUserScramCredentials,
      { users: users === null ? null : users.map((name) => ({ name })) },
      ({ errorCode, errorMessage, results }) => {
        const bad = results.find((each) => each.errorCode !== 0 && each.errorCode !== RESOURCE_NOT_FOUND)
        return (
          refusalOf(errorCode, "users", errorMessage) ??
          (bad === undefined ? undefined : refusalOf(bad.errorCode, `user ${bad.user}`, bad.errorMessage))
        )
      }
    )
    return answer.results
      .flatMap(({ credentialInfos, user }) =>
        credentialInfos.flatMap(({ iterations, mechanism: number }) => {
          const mechanism = mechanismOf(number)
          return mechanism === undefined ? [] : [{ user, mechanism, iterations }]
        })
      )
      .sort((a, b) => (a.user === b.user ? (a.mechanism < b.mechanism ? -1 : 1) : a.user < b.user ? -1 : 1))
  })

const alter = (user: string, changes: Partial<AlterUserScramCredentialsRequest>) =>
  Effect.gen(function* () {
    const client = yield* KafkaClient
    yield* client.ask(
      client.controller,
      AlterUserScramCredentials,
      { deletions: [], upsertions: [], ...changes },
      ({ results: [done] }) => refusalOf(done?.errorCode ?? 0, `user ${user}`, done?.errorMessage ?? null)
    )
  })

/**
 * Sets a user's password for the mechanisms; it is salted here, so that the broker is not told it (KIP-554). A request each: a user
 * is changed once in a request.
 */
export const setPassword = (
  user: string,
  password: string,
  credentials: ReadonlyArray<Omit<ScramCredential, "user">>
): Effect.Effect<void, ClientError, KafkaClient> =>
  Effect.forEach(
    credentials,
    ({ iterations, mechanism: name }) => {
      const salt = newSalt()
      const mechanism = SCRAM_MECHANISMS[name].number
      const salted = saltedPassword(name, password, salt, iterations)
      return alter(user, { upsertions: [{ name: user, mechanism, iterations, salt, saltedPassword: salted }] })
    },
    { discard: true }
  )

/** Takes credentials away from a user; without any there is no such user. */
export const deleteCredentials = (
  user: string,
  mechanisms: ReadonlyArray<ScramMechanism>
): Effect.Effect<void, ClientError, KafkaClient> =>
  Effect.forEach(
    mechanisms,
    (name) => alter(user, { deletions: [{ name: user, mechanism: SCRAM_MECHANISMS[name].number }] }),
    { discard: true }
  )
