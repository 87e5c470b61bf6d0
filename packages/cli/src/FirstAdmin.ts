import type { SettingEntry } from "@tusk/server/config/Settings"
import type { FirstUser } from "@tusk/server/Tusk"
import { CliError } from "./CliError.ts"
import { readSecret } from "./Files.ts"

const NAME = "TUSK_ADMIN_USER"
const PASSWORD = "TUSK_ADMIN_PASSWORD"

/** The variables that name the first administrator; what they say is no setting. */
export const ADMIN_VARIABLES: ReadonlyArray<string> = [NAME, `${NAME}_FILE`, PASSWORD, `${PASSWORD}_FILE`]

const read = (env: NodeJS.ProcessEnv, name: string): string | undefined | CliError => {
  const [value, file] = [env[name], env[`${name}_FILE`]]
  if (value && file) return new CliError({ message: `${name} and ${name}_FILE are given: give one of them` })
  return file ? readSecret(file, `${name}_FILE`) : value || undefined
}

/** A user that the start makes, so that somebody can log in and make the others. It is read from the environment alone. */
export const readFirstAdmin = (env: NodeJS.ProcessEnv): FirstUser | undefined | CliError => {
  const name = read(env, NAME)
  if (name instanceof CliError) return name
  const password = read(env, PASSWORD)
  if (password instanceof CliError) return password
  if (name === undefined && password === undefined) return undefined
  if (name === undefined) return new CliError({ message: `${PASSWORD} is given without ${NAME}` })
  if (password === undefined) return new CliError({ message: `${NAME} is given without ${PASSWORD}` })
  return { name, password }
}

/** The settings that make it a super user, where there is an authorizer. */
export const withSuperUser = (
  settings: ReadonlyArray<SettingEntry>,
  admin: FirstUser | undefined
): ReadonlyArray<SettingEntry> => {
  const last = (name: string) => settings.findLast((entry) => entry.name === name)?.value.trim() || undefined
  if (admin === undefined || last("authorizer.class.name") === undefined) return settings
  const others = last("super.users")
  const user = `User:${admin.name}`
  const value = others === undefined ? user : `${others};${user}`
  return [...settings, { name: "super.users", value, origin: NAME }]
}
