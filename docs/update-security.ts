import { readFileSync, writeFileSync } from "node:fs"
import { rightsTable } from "@tusk/server/handlers/RightsTable"

/** Writes the table of rights into the page on security: `npm run docs`. A test fails where it was forgotten. */
const file = new URL("security.md", import.meta.url)
const text = readFileSync(file, "utf8")
writeFileSync(
  file,
  text.replace(
    /(<!-- rights -->\n)[\s\S]*?(<!-- \/rights -->)/,
    (_, begin: string, end: string) => `${begin}${rightsTable()}\n${end}`
  )
)
