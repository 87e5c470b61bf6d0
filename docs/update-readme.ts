import { readFileSync, writeFileSync } from "node:fs"
import { apiTable } from "@tusk/server/handlers/ApiTable"

/** Writes the table of served APIs into the README: `npm run docs`. A test fails where it was forgotten. */
const file = new URL("../README.md", import.meta.url)
const text = readFileSync(file, "utf8")
writeFileSync(
  file,
  text.replace(
    /(<!-- apis -->\n)[\s\S]*?(<!-- \/apis -->)/,
    (_, begin: string, end: string) => `${begin}${apiTable()}\n${end}`
  )
)
