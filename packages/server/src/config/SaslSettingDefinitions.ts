import { connectionDefaults } from "./connectionDefaults.ts"
import { list, number, perListener, perMechanism, secret, text, words } from "./SettingKinds.ts"

/** How clients may log in. GSSAPI, Kafka's default, is not served. */
const SASL_MECHANISMS = ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER"] as const

/** Settings of logins: names, types and defaults are Kafka's, but for the mechanisms. */
export const saslSettingDefinitions = {
  saslEnabledMechanisms: perListener(
    words(
      "sasl.enabled.mechanisms",
      ["SCRAM-SHA-256", "SCRAM-SHA-512"],
      SASL_MECHANISMS,
      "How clients of SASL listeners may log in. Kafka's default is GSSAPI, which is not served."
    )
  ),
  saslJaasConfig: perMechanism(
    secret(
      "sasl.jaas.config",
      'Users of PLAIN beside those that are stored: org.apache.kafka.common.security.plain.PlainLoginModule required user_alice="password";'
    )
  ),
  saslServerMaxReceiveSize: number(
    "sasl.server.max.receive.size",
    "INT",
    connectionDefaults.maxLoginBytes,
    { min: 1 },
    "Greatest request of a client that is not authenticated."
  ),
  connectionsMaxReauthMs: perMechanism(
    number(
      "connections.max.reauth.ms",
      "LONG",
      0,
      {},
      "For how long a client may use a connection before it authenticates again (KIP-368); 0: for ever."
    )
  ),
  connectionFailedAuthenticationDelayMs: number(
    "connection.failed.authentication.delay.ms",
    "INT",
    100,
    { min: 0 },
    "A login that fails is answered so much later, and the connection closed then. A certificate is refused at once, and closed so much later."
  ),
  authenticationTimeoutMs: number(
    "tusk.authentication.timeout.ms",
    "LONG",
    connectionDefaults.maxLoginMs,
    { min: 1 },
    "From a connection to the end of its login."
  ),
  maxPendingLogins: number(
    "tusk.max.pending.logins",
    "INT",
    2000,
    { min: 1 },
    "Connections at a time that are not authenticated yet: one more closes the oldest of them."
  ),
  maxPendingLoginBytes: number(
    "tusk.max.pending.login.bytes",
    "LONG",
    64 * 1024 * 1024,
    { min: 1 },
    "Bytes that are kept of requests that have not come whole, or not been begun, of all clients that are not authenticated: the oldest of them is closed for more."
  ),
  maxKeyDerivations: number(
    "tusk.sasl.max.key.derivations",
    "INT",
    2,
    { min: 1 },
    "Passwords of PLAIN that are made into keys at a time."
  ),
  oauthExpectedAudience: perListener(
    list(
      "sasl.oauthbearer.expected.audience",
      [],
      "Audiences of which a token has to name one; none: a token may be for anybody."
    )
  ),
  oauthExpectedIssuer: perListener(text("sasl.oauthbearer.expected.issuer", "Who has to have made a token.")),
  oauthJwksUrl: perListener(
    text("sasl.oauthbearer.jwks.endpoint.url", "Where the keys are that sign tokens (JWKS): https, http or file.")
  ),
  oauthJwksRefreshMs: perListener(
    number("sasl.oauthbearer.jwks.endpoint.refresh.ms", "LONG", 3_600_000, { min: 1 }, "How often they are read anew.")
  ),
  oauthJwksRetryBackoffMs: perListener(
    number(
      "sasl.oauthbearer.jwks.endpoint.retry.backoff.ms",
      "LONG",
      100,
      { min: 1 },
      "How soon they are read anew after a failure; each further failure doubles it."
    )
  ),
  oauthJwksRetryBackoffMaxMs: perListener(
    number("sasl.oauthbearer.jwks.endpoint.retry.backoff.max.ms", "LONG", 10_000, { min: 1 }, "The longest such wait.")
  ),
  oauthClockSkewSeconds: perListener(
    number(
      "sasl.oauthbearer.clock.skew.seconds",
      "INT",
      30,
      { min: 0 },
      "By how much the clock of who makes tokens may differ."
    )
  ),
  oauthScopeClaim: perListener({
    ...text("sasl.oauthbearer.scope.claim.name", "The claim with a token's scope."),
    defaultValue: "scope",
    read: (value: string) => value.trim()
  }),
  oauthSubClaim: perListener({
    ...text("sasl.oauthbearer.sub.claim.name", "The claim with the user's name."),
    defaultValue: "sub",
    read: (value: string) => value.trim()
  })
}
