import { ClientConfigError } from "@tusk/client/security/ClientConfigError"
import { parseProperties as parse } from "@tusk/client/security/Properties"
import type { Property } from "@tusk/client/security/Properties"
import { readSecret as read } from "@tusk/client/security/Secret"
import { CliError } from "./CliError.ts"

/** What the client's readers refuse, as what a person has to put right. */
export const orCliError = <A>(told: A | ClientConfigError): A | CliError =>
  told instanceof ClientConfigError ? new CliError({ message: told.message }) : told

/** The one line of a file; blank ends of it do not count. */
export const readSecret = (file: string, origin: string): string | CliError => orCliError(read(file, origin))

/** Java's properties, as server.properties is written. */
export const parseProperties = (text: string, file: string): ReadonlyArray<Property> | CliError =>
  orCliError(parse(text, file))
