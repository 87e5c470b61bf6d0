import { list, number, perListener, secret, text, word } from "./SettingKinds.ts"

/** What a key store or a trust store is: JKS is Kafka's default, and means here that the content tells. */
const STORE_TYPES = ["jks", "pkcs12", "pem"] as const

/** Settings of listeners that speak TLS: names, types and defaults are Kafka's. */
export const tlsSettingDefinitions = {
  sslKeystoreType: perListener(
    word(
      "ssl.keystore.type",
      "jks",
      STORE_TYPES,
      "PEM or PKCS12. JKS, the default, takes either, as the content shows; a key store that is JKS is refused."
    )
  ),
  sslKeystoreLocation: perListener(
    text("ssl.keystore.location", "The file with the listener's certificate and key. It is read again when it changes.")
  ),
  sslKeystorePassword: perListener(secret("ssl.keystore.password", "Opens a PKCS12 key store.")),
  sslKeystoreCertificateChain: perListener(
    secret("ssl.keystore.certificate.chain", "The listener's certificate, then those that sign it, as PEM.")
  ),
  sslKeystoreKey: perListener(secret("ssl.keystore.key", "The listener's private key, as PEM.")),
  sslKeyPassword: perListener(secret("ssl.key.password", "Opens the private key, if it is encrypted.")),
  sslTruststoreType: perListener(
    word("ssl.truststore.type", "jks", STORE_TYPES, "PEM or PKCS12. JKS, the default, takes either.")
  ),
  sslTruststoreLocation: perListener(
    text("ssl.truststore.location", "The file with the authorities that sign clients' certificates.")
  ),
  sslTruststorePassword: perListener(secret("ssl.truststore.password", "Opens a PKCS12 trust store.")),
  sslTruststoreCertificates: perListener(
    secret("ssl.truststore.certificates", "The authorities that sign clients' certificates, as PEM.")
  ),
  sslClientAuth: perListener(
    word(
      "ssl.client.auth",
      "none",
      ["required", "requested", "none"],
      "Whether a client has to show a certificate, may, or is not asked."
    )
  ),
  sslPrincipalMappingRules: perListener({
    ...text("ssl.principal.mapping.rules", "What name a client's certificate gives it: RULE:pattern/replacement/[LU]."),
    defaultValue: "DEFAULT"
  }),
  sslEnabledProtocols: perListener(
    list("ssl.enabled.protocols", ["TLSv1.2", "TLSv1.3"], "Versions of TLS that clients may speak.")
  ),
  sslCipherSuites: perListener(
    list("ssl.cipher.suites", [], "Cipher suites by their IANA names; none: those that this Node takes for good.")
  ),
  sslProtocol: perListener({
    ...text(
      "ssl.protocol",
      "Taken for Kafka's sake, as in Java: ssl.enabled.protocols says which versions are spoken."
    ),
    defaultValue: "TLSv1.3"
  }),
  tlsHandshakeTimeoutMs: number(
    "tusk.tls.handshake.timeout.ms",
    "INT",
    10_000,
    { min: 1 },
    "From a connection to the end of its TLS handshake."
  ),
  tlsMaxHandshakes: number(
    "tusk.tls.max.handshakes",
    "INT",
    256,
    { min: 1 },
    "TLS handshakes of a listener at a time; further connections wait for one of them to end."
  )
}
