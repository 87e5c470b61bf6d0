import { handlers } from "./index.ts"

/** What is served, as a table for people, made from the handlers' list. */
export const apiTable = (): string => {
  const rows = [...handlers]
    .sort((a, b) => a.api.key - b.api.key)
    .map(({ api, versions: [min, max] }) => `| ${api.key} | ${api.name} | ${min === max ? min : `${min}-${max}`} |`)
  return ["| key | API | versions |", "|---|---|---|", ...rows].join("\n")
}
