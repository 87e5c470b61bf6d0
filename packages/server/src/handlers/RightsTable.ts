import type { Right } from "../request/Handler.ts"
import { handlers } from "./index.ts"

/** Kafka's names of operations and types are its own in upper case with underscores; here they are read by people. */
const spoken = (name: string): string =>
  name.replace(/([a-z])([A-Z])/g, "$1 $2").replace(/^./, (first) => first.toUpperCase())

const rightText = ({ of, operation, resourceType }: Right): string =>
  `${spoken(operation)} on ${spoken(resourceType)}${of === undefined ? "" : ` (${of})`}`

/** What each API asks of its principal, as a table for people, made from the handlers' list. */
export const rightsTable = (): string => {
  const rows = handlers
    .toSorted((a, b) => (a.api.name < b.api.name ? -1 : 1))
    .map(({ api, asks }) => `| ${api.name} | ${asks.length === 0 ? "nothing" : asks.map(rightText).join("; ")} |`)
  return ["| API | asks for |", "|---|---|", ...rows].join("\n")
}
