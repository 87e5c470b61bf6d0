import * as Command from "effect/cli/Command"
import { adoptCommand } from "./object/adopt.ts"
import { checkCommand } from "./object/check.ts"

/** `tusk object`. */
export const objectCommand = Command.make("object").pipe(
  Command.withDescription("Objects in which batches lie: whose they are, and whether all are there"),
  Command.withSubcommands([adoptCommand, checkCommand])
)
