import { flag, number, textLike } from "./SettingKinds.ts"

const MIB = 1024 * 1024

/** Kafka's name of the authorizer whose rules hold here; `tusk` is another one. */
const STANDARD_AUTHORIZER = "org.apache.kafka.metadata.authorizer.StandardAuthorizer"

/** `Type:name;Type:name`; blanks and empty elements count for nothing. */
const PRINCIPALS = /^(?:\s*|[^:;]*:[^;]*)(?:;(?:\s*|[^:;]*:[^;]*))*$/

/** Settings of who may do what. */
export const aclSettingDefinitions = {
  authorizerClassName: textLike(
    "authorizer.class.name",
    "",
    [
      /^(?:|tusk|org\.apache\.kafka\.metadata\.authorizer\.StandardAuthorizer)$/,
      `empty, ${STANDARD_AUTHORIZER} or tusk`
    ],
    `Who decides what a client may do: ${STANDARD_AUTHORIZER}, or tusk, which is the same. Empty: everybody may do everything.`
  ),
  superUsers: textLike(
    "super.users",
    "",
    [PRINCIPALS, "a list of Type:name, separated by semicolons"],
    "Principals that may do everything, whatever ACLs say, separated by semicolons: User:admin;Group:kafka_admins."
  ),
  allowEveryoneIfNoAclFound: flag("allow.everyone.if.no.acl.found", false, "What no ACL is about, everybody may do."),
  authorizerCacheBytes: number(
    "tusk.authorizer.cache.bytes",
    "LONG",
    16 * MIB,
    { min: 0 },
    "Memory for what was decided of principals and resources, about; once it is full it begins anew."
  )
}
